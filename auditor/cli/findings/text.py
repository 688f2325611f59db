"""Findings as a table, as one account for each object, and as data."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from auditor.cli.findings.reading import Row, name_object
from auditor.cluster.access import dig, dig_text
from auditor.cluster.conditions import render_time
from auditor.intake.printable import clean
from auditor.json import JsonObject
from auditor.model.finding import Result

COLOURS: Final = {"fail": "red", "warn": "yellow", "error": "magenta", "skip": "cyan", "pass": "green"}
ORDER: Final = (Result.FAIL, Result.ERROR, Result.WARN, Result.SKIP, Result.PASS)

Paint = Callable[[str, str], str]
"""A text in the colour of a word such as `fail`."""


def rank(row: Row) -> tuple[str, str, str, int, int, str, str]:
    """By object, and of one object the worst first."""
    namespace, kind, name = dig_text(row.scope, "namespace"), row.kind, dig_text(row.scope, "name")
    return (namespace, kind, name, ORDER.index(row.result), row.severity.rank, row.name, row.path)


def write_table(rows: Sequence[Row], paint: Paint) -> str:
    """One line each; the message comes last, as it has any length."""
    head = ("NAMESPACE", "OBJECT", "RESULT", "SEVERITY", "RULE", "MESSAGE")
    cells = [tuple(map(_flat, _cells(row))) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)][:-1]
    lines = []
    for line in (head, *cells):
        shown = [f"{cell:{width}}" for cell, width in zip(line, widths, strict=False)]
        if line is not head:
            shown[2] = paint(shown[2], line[2])
        lines.append("  ".join([*shown, line[-1]]).rstrip())
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    scope = row.scope
    thing = f"{dig_text(scope, 'kind').lower()}/{dig_text(scope, 'name')}"
    place = f" ({row.path})" if row.path else ""
    return (dig_text(scope, "namespace"), thing, row.result, row.severity, row.name, f"{row.message}{place}")


def write_accounts(rows: Sequence[Row], paint: Paint, *, program: str) -> str:
    """All that is known of each finding, object by object."""
    lines: list[str] = []
    before = ""
    for row in rows:
        thing = name_object(row.scope)
        if thing != before:
            lines += ([""] if lines else []) + [clean(thing)]
            before = thing
        since = f", since {row.since:%Y-%m-%d %H:%M} UTC" if row.since is not None else ""
        told = clean(f"  {row.severity}  {row.name}{since}")
        lines.append(f"  {paint(f'{row.result:5}', row.result)}{told}")
        lines += [f"    {_flat(text)}" for text in _account(row, program) if text]
    return "\n".join(lines) + "\n"


def _account(row: Row, program: str) -> Iterator[str]:
    yield row.message
    yield f"at {row.path}" if row.path else ""
    yield f"remedy: {row.remediation}" if row.remediation else ""
    yield f"excused by PolicyException {row.exception}" if row.exception else ""
    if row.excusable:
        namespace = dig_text(row.scope, "namespace")
        inside = f" -n {namespace}" if namespace else ""
        yield f"excuse: {program} except {row.kind}/{dig_text(row.scope, 'name')} {row.name}{inside}"


def write_totals(rows: Sequence[Row]) -> str:
    counts = Counter(row.result for row in rows)
    return ", ".join(f"{counts[each]} {each}" for each in ORDER if counts[each] or each is not Result.PASS) + "\n"


def to_json(rows: Sequence[Row], gaps: Sequence[str]) -> JsonObject:
    """As `auditor scan -o json` has it, as far as a report knows it."""
    counts = Counter(row.result for row in rows)
    return {
        "summary": {str(each): counts[each] for each in Result},
        "findings": [_row_json(row) for row in rows],
        "complete": not gaps,
        "gaps": list(gaps),
    }


def _row_json(row: Row) -> JsonObject:
    return {
        "policy": row.policy,
        "rule": row.rule,
        "result": row.result,
        "severity": row.severity,
        "message": row.message,
        "path": row.path,
        "remediation": row.remediation,
        "exception": row.exception,
        "source": row.source,
        "since": None if row.since is None else render_time(row.since),
        "resource": {part: dig(row.scope, part) for part in ("apiVersion", "kind", "namespace", "name")},
        "fingerprint": row.fingerprint,
    }


def _flat(text: str) -> str:
    return clean(str(text).replace("\n", " "))
