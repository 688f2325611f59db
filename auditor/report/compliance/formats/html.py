"""One page that holds everything: to keep, to mail, to print to PDF. It loads nothing and runs nothing."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape
from typing import Final

from auditor.intake.printable import clean
from auditor.report.compliance.cells import UNKNOWN, Cell, Percent, Points, Section, show
from auditor.report.compliance.formats.charts import draw_all, draw_gauge
from auditor.report.compliance.formats.json import make_digest
from auditor.report.compliance.formats.style import STYLE
from auditor.report.compliance.tell import describe_scope, tell
from auditor.report.compliance.tree import Compliance

# By its digest: under a policy that allows this one style sheet, nothing that got into the page by a text has any.
_ALLOWED: Final = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"


def write(report: Compliance) -> str:
    return "".join(f"{line}\n" for line in _page(report))


def _page(report: Compliance) -> Iterator[str]:
    title = f"Compliance of {_text(report.cluster.label)}, {_text(str(report.period))}"
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    sections = tell(report)
    yield from _head(report)
    yield '<nav aria-label="Sections"><ul>'
    yield from (f'<li><a href="#{each.name}">{each.title}</a></li>' for each in sections)
    yield "</ul></nav>\n<main>"
    yield '<div class="charts">'
    for heading, chart in draw_all(report):
        yield f"<figure><figcaption>{heading}</figcaption>{chart}</figure>"
    yield "</div>"
    for section in sections:
        yield from _section(section)
    yield "</main>\n<footer>"
    yield f"<p>Made by {_text(report.made.by)} at {show(report.made.at)}.</p>"
    yield f"<p>Digest of its content: <code>sha256:{make_digest(report)}</code></p>"
    yield "</footer>\n</body>\n</html>"


def _head(report: Compliance) -> Iterator[str]:
    opened, moved = report.open, report.movement
    change = "" if report.change is None else _change(report.change)
    yield '<header>\n<div class="title">'
    yield f'<p class="eyebrow">Compliance report</p>\n<h1>{_text(report.cluster.label)}</h1>'
    yield f"<p>{_text(str(report.period))}<br>{_text(describe_scope(report))}</p>"
    if not report.complete:
        yield (
            '<p class="warning"><strong>Not everything was evaluated, or is known.</strong> '
            'See <a href="#missing">what is not known</a> and <a href="#coverage">not evaluated</a>.</p>'
        )
    yield f'</div>\n<div class="score">{draw_gauge(report.percent)}<p class="of">compliance</p>{change}</div>'
    yield '<dl class="tiles">'
    tiles: list[tuple[str, Cell, str]] = [
        ("open violations", None if opened is None else opened.violations, "poor"),
        ("overdue", None if opened is None else opened.overdue, "poor"),
        ("new", None if moved is None else moved.opened + moved.reopened, ""),
        ("resolved", None if moved is None else moved.resolved, "good"),
        ("excused", None if opened is None else opened.excused, ""),
        ("denied at the door", report.admissions.denied, ""),
    ]
    for name, value, grade in tiles:
        mark = f' class="{grade}"' if grade and value else ""
        yield f"<div><dt>{name}</dt><dd{mark}>{_tile(value)}</dd></div>"
    yield "</dl>\n</header>"


def _tile(value: Cell) -> str:
    return f"{value:,}" if isinstance(value, int) else f'<span class="unknown">{show(value)}</span>'


def _change(change: float) -> str:
    word, grade = ("up", "good") if change > 0 else ("down", "poor") if change < 0 else ("same", "")
    arrow = {"up": "▲", "down": "▼", "same": "●"}[word]
    since = '<br><span class="of">since the period before</span>'
    return f'<p class="change {grade}"><span aria-hidden="true">{arrow}</span> {show(Points(change))}{since}</p>'


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{section.name}">\n<h2>{section.title}</h2>'
    if section.note:
        yield f"<p>{_text(section.note)}</p>"
    if section.rows:
        wide = ' class="wide"' if len(section.heads) > 6 else ""
        yield f'<div class="scroll" tabindex="0" role="region" aria-label="{section.title}">'
        yield f'<table{wide} data-section="{section.name}">\n<thead><tr>'
        facts = section.heads == ("what", "value")
        # Facts are of all sorts in one column.
        numbers = [not facts and any(map(_is_number, column)) for column in zip(*section.rows, strict=True)]
        for head, number in zip(section.heads, numbers, strict=True):
            aligned = ' class="number"' if number else ""
            yield f'<th scope="col"{aligned}>{head}</th>'
        yield "</tr></thead>\n<tbody>"
        for row in section.rows:
            named = zip(section.heads, row, numbers, strict=True)
            cells = (_cell(cell, "" if facts else head, number=number) for head, cell, number in named)
            yield f"<tr>{''.join(cells)}</tr>"
        yield "</tbody>\n</table>\n</div>"
    if section.left:
        yield f"<p>And {section.left} more: ask for them with --limit, or choose a narrower scope.</p>"
    yield "</section>"


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | Percent | Points)


def _cell(cell: Cell, head: str, *, number: bool) -> str:
    """Without a head it is one of a list of facts. `number`: its column has numbers."""
    text = _text(show(cell))
    if number:
        return f'<td class="number{"" if _is_number(cell) else " unknown"}">{text}</td>'
    if head in _TELLING and isinstance(cell, str) and cell in _MARKED:
        return f'<td><span class="mark mark-{cell.replace(" ", "-")}">{text}</span></td>'
    if isinstance(cell, datetime | timedelta):
        return f'<td class="when">{text}</td>'
    return f'<td class="unknown">{text}</td>' if text == UNKNOWN else f"<td>{text}</td>"


_TELLING: Final = frozenset(("result", "severity", "status", "state", "what"))
_MARKED: Final = frozenset(
    (
        *("critical", "high", "medium", "low", "info", "fail", "error", "warn", "skip"),
        *("failed", "incomplete", "warned", "passed", "excused", "empty"),
        *("in force", "about to expire", "expired", "removed", "denied", "errored", "bypassed"),
    )
)


def _text(text: str) -> str:
    return escape(clean(text))
