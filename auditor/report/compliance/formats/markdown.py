"""Markdown, for a wiki, a ticket, or the terminal: nothing in a text of an object is markup, or acts on anything."""

from collections.abc import Iterable, Iterator
from typing import Final

from auditor.report.compliance.cells import Cell, Percent, Points, Section, show
from auditor.report.compliance.formats.json import make_digest
from auditor.report.compliance.tell import tell
from auditor.report.compliance.tree import Compliance
from auditor.report.formats.markdown import escape


def write(report: Compliance) -> str:
    return "".join(f"{line}\n" for line in _page(report))


def _page(report: Compliance) -> Iterator[str]:
    yield f"# Compliance of {escape(report.cluster.label)}: {show(Percent(report.percent))}"
    yield ""
    change = "" if report.change is None else f", {show(Points(report.change))} since the period before"
    yield f"{report.period}{change}. {_tell_completeness(report)}"
    for section in tell(report):
        yield ""
        yield f"## {section.title}"
        yield ""
        yield from _table(section)
    yield ""
    yield f"Made by {report.made.by} at {show(report.made.at)}; sha256:{make_digest(report)}"


def _tell_completeness(report: Compliance) -> str:
    return "All of it was evaluated." if report.complete else "**Not everything was evaluated, or is known.**"


def _table(section: Section) -> Iterator[str]:
    if section.note:
        yield section.note
    if section.note and section.rows:
        yield ""
    if section.rows:
        yield _row(section.heads)
        yield _row(_RULE for _ in section.heads)
        yield from (_row(map(_cell, row)) for row in section.rows)
    if section.left:
        yield ""
        yield f"And {section.left} more."


_RULE: Final = "---"


def _cell(cell: Cell) -> str:
    """What we say ourselves is no markup, and is read in terminals, too."""
    return escape(cell) if isinstance(cell, str) else show(cell)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
