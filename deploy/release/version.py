#!/usr/bin/env python3
"""The version: auditor/__init__.py has it, as pyproject.toml says, and nothing else decides it."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def read_version() -> str:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    text = (ROOT / settings["tool"]["hatch"]["version"]["path"]).read_text()
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise ValueError("no __version__ where pyproject.toml says that it is")
    return match[1]


if __name__ == "__main__":
    sys.stdout.write(f"{read_version()}\n")
