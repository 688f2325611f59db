"""Writes the generated parts of docs/packs.md: python -m tests.unit.cli.packs_page."""

from pathlib import Path

from auditor.cli.packs.install import install
from auditor.intake.packs.facts import summarize
from auditor.intake.packs.pack import list_packs
from tests.unit.webhooks.docs.tables import fill, options

PAGE = Path(__file__).parents[3] / "docs" / "packs.md"


def packs() -> str:
    rows = []
    for pack in list_packs():
        told = summarize(pack)
        link = f"[{pack.name}](../policies/{pack.name}/README.md)"
        rows.append(f"| {link} | {', '.join(told['kinds'])} | {told['rules']} | {pack.summary} |")
    return "\n".join(rows)


def render(page: str) -> str:
    return fill(page, packs=packs(), options=options(install))


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
