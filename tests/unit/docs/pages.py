"""The pages of the repository: which there are, their links, their anchors and their blocks of commands."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
DOCS: Final = ROOT / "docs"
TOP: Final = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md")

_FENCE: Final = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """All that people read: those of docs/, at the top, beside packs and deployment."""
    return [
        *(ROOT / name for name in TOP),
        ROOT / "deploy" / "README.md",
        *sorted(DOCS.rglob("*.md")),
        *sorted((ROOT / "policies").glob("*/README.md")),
        ROOT / "policies" / "controls.md",
    ]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True, slots=True)
class Block:
    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(name_of(page), text.count("\n", 0, match.start()) + 1, match[2], match[3])
        for match in _FENCE.finditer(text)
    ]


def commands(block: Block) -> list[str]:
    """As somebody would type them, without what is said behind them; those that go on over several lines as one."""
    if block.language == "console":
        return [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
    if block.language != "sh" and not re.match(r"(auditor [a-z]+ (?!\[)|kubectl |helm )", block.text):
        return []
    lines = re.sub(r"\\\n *", "", block.text).splitlines()
    return [command for line in lines if (command := re.split(r" {2,}#|^#", line)[0].strip())]


def links(page: Path) -> list[str]:
    """Those that lead to files, and to places of the same page."""
    prose = re.sub(r"`[^`\n]+`", "", _FENCE.sub("", page.read_text()))
    return [each for each in _LINK.findall(prose) if not re.match(r"[a-z]+:", each)]


def anchors(page: Path) -> set[str]:
    """As GitHub names the headings of a page."""
    found: Counter[str] = Counter()
    names = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", _FENCE.sub("", page.read_text()), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names
