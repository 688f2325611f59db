"""Markdown as the pages of the reference need it. Imports nothing of ours."""

import re
from collections.abc import Iterable, Sequence

HEAD = "<!-- Written by `auditor docs` from the program: change it there, not here. -->\n"
_CODE = re.compile(r"(`[^`]*`)")
_SPECIAL = re.compile(r"([\\<>*\[\]])")


def page(title: str, *parts: str) -> str:
    return "\n".join((HEAD, f"# {title}\n", *(f"{part.strip()}\n" for part in parts if part.strip())))


def code(text: object) -> str:
    return f"`{text}`"


def prose(text: str) -> str:
    """One paragraph on one line; what Markdown would read as more than words is escaped, except in backquotes."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(part if number % 2 else _SPECIAL.sub(r"\\\1", part) for number, part in enumerate(parts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Empty without rows. Columns in which no row has anything are left out."""
    rows = list(rows)
    kept = [number for number in range(len(head)) if any(row[number] for row in rows)]
    lines = [
        [head[number] for number in kept],
        ["---"] * len(kept),
        *([row[number] for number in kept] for row in rows),
    ]
    if not rows:
        return ""
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def link(heading: str) -> str:
    """To a heading of the same page, as GitHub names it."""
    return f"[{heading}](#{re.sub(r'[^a-z0-9 _-]', '', heading.lower()).replace(' ', '-')})"
