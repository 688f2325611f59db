"""The pages of the alerts, and the commands in them."""

import re
from pathlib import Path
from typing import Final

from tests.unit.observability.queries import RUNBOOKS

SECTIONS: Final = ("What it means", "What users notice", "How to look", "How to mend", "When to silence it")
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def pages() -> list[Path]:
    return sorted(RUNBOOKS.glob("Auditor*.md"))


def commands_in(text: str) -> list[str]:
    """As a person would type them, without what is said behind them."""
    lines = (line for block in _BLOCK.findall(text) for line in block.splitlines())
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


def all_commands() -> list[str]:
    """Each once."""
    return list(dict.fromkeys(each for page in pages() for each in commands_in(page.read_text())))


def links_in(text: str) -> list[str]:
    return [each for each in _LINK.findall(text) if "://" not in each]
