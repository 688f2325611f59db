#!/usr/bin/env python3
"""What CHANGELOG.md says of one version, for the page of its release."""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def read_notes(text: str, version: str) -> str:
    """Raises ValueError where there is nothing about it: a release that nobody has described."""
    parts = re.split(r"^## \[([^]]+)\].*$", text, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    notes = sections.get(version, "").strip()
    if not notes:
        raise ValueError(f"CHANGELOG.md has nothing under ## [{version}]")
    return notes + "\n"


if __name__ == "__main__":
    sys.stdout.write(read_notes(CHANGELOG.read_text(), sys.argv[1]))
