"""Writes the generated parts of docs/scan.md: python -m tests.unit.cli.scan_page."""

from pathlib import Path

from auditor.cli.outputs import FORMATS
from auditor.cli.scan import command
from tests.unit.webhooks.docs.tables import fill, options

PAGE = Path(__file__).parents[3] / "docs" / "scan.md"
GOLDEN = Path(__file__).parent / "golden"
LANGUAGES = {"sarif": "json", "gitlab": "json", "report": "yaml", "junit": "xml", "table": "", "github": "", "csv": ""}
# Where in the golden file an example begins that shows a finding, and how many lines of it.
BEGINS = {
    "json": ('      "policy": "shops"', 15),
    "yaml": ("- policy: shops", 14),
    "sarif": ('          "ruleId": "shops/size"', 18),
    "junit": ("    <testcase", 9),
    "html": ('<section class="object">', 6),
    "report": ("- source: auditor", 9),
    "gitlab": ("  {", 14),
    "markdown": ("<!--", 8),
    "csv": ("result", 2),
    "github": ("::", 2),
    "table": ("Shop village", 4),
}


def examples() -> str:
    return "\n\n".join(f"`{name}`:\n\n```{LANGUAGES.get(name, name)}\n{_cut(name)}\n```" for name in FORMATS)


def _cut(name: str) -> str:
    lines = (GOLDEN / f"findings.exit-1.{name}").read_text().splitlines()
    start, count = BEGINS[name]
    first = next(number for number, line in enumerate(lines) if line.startswith(start))
    return "\n".join(lines[first : first + count])


def render(page: str) -> str:
    return fill(page, options=options(command), examples=examples())


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
