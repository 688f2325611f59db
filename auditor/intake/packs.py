"""The packs of policies that ship with us."""

from pathlib import Path

import auditor


def packs_directory() -> Path:
    return Path(auditor.__file__).parent / "policies"
