"""The generated parts of docs/languages.md. To write them again: python -m tests.unit.intake.doc_tables"""

from collections.abc import Callable
from pathlib import Path

from auditor.engine import native
from auditor.languages import schema
from auditor.languages.cel import differences as cel

PAGE = Path(__file__).parents[3] / "docs" / "languages.md"


def _table(*rows: tuple[str, ...]) -> str:
    head, *rest = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([head, f"|{'---|' * len(rows[0])}", *rest])


def _cel() -> str:
    found = [(f"`{each.example}`", str(each.here), each.reason) for each in cel.DIFFERENCES]
    return _table(("expression", "here it", "because"), *found)


def _limits() -> str:
    return "\n".join(f"- {limit}" for limit in cel.LIMITS)


def _schema() -> str:
    found = [(each.what, each.why, "the verdict" if each.verdict else "the words") for each in schema.DIFFERENCES]
    return _table(("what", "why", "what differs"), *found)


def _native() -> str:
    found = [(each.what, each.server, each.ours, each.why) for each in native.DIFFERENCES]
    return _table(("what", "the API server", "here", "why"), *found)


PARTS: dict[str, Callable[[], str]] = {
    "limits of CEL": _limits,
    "differences of CEL": _cel,
    "differences of schemas": _schema,
    "differences of native policies": _native,
}


def render(page: str) -> str:
    for name, make in PARTS.items():
        mark, end = f"<!-- generated: {name} -->\n", "<!-- end -->"
        before, _, behind = page.partition(mark)
        page = f"{before}{mark}{make()}\n{end}{behind.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
