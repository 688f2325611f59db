"""The installed program as a process, and files with what it has to say."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

AUDITOR = str(Path(sys.executable).parent / "auditor")
# What a person may have set and what would make another output of it.
# PYTHONUNBUFFERED: Python then loses what a pipe did not take at once, and with it that nobody reads any more.
UNWANTED = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "KUBECONFIG", "PYTHONUNBUFFERED")


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return f"{self.out}--- standard error\n{self.err}"


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    return {**kept, "HOME": "/nonexistent", "KUBECONFIG": "/nonexistent/config", **more}


def run(
    *arguments: str,
    cwd: Path,
    stdin: str | None = "",
    before: Sequence[str] = (),
    more: Mapping[str, str] | None = None,
) -> Said:
    """`stdin` None: it is closed. `before`: a program that starts ours, with its arguments."""
    command = [*before, AUDITOR, *arguments]
    if stdin is None:
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    done = subprocess.run(
        command, cwd=cwd, env=environment(**(more or {})), input=stdin, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def steady(text: str) -> str:
    """Without what is different in each run."""
    text = re.sub(r"\d[\d.e-]* ms\b", "0 ms", text)
    text = re.sub(r"20\d\d-\d\d-\d\d([T ])\d\d:\d\d(:\d\d)?", r"2026-01-01\g<1>00:00:00", text)
    return re.sub(r"(auditor )\d+\.\d+\.\d+", r"\g<1>0.0.0", text)


def compare(golden: Path, text: str) -> None:
    """UPDATE_GOLDENS=1 writes it anew: then read what is different."""
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(steady(text))
    assert golden.exists(), f"{golden.name} is not there; UPDATE_GOLDENS=1 writes it"
    assert steady(text) == golden.read_text(), f"{golden.name} differs; UPDATE_GOLDENS=1 writes it anew"


def code_of(case: str) -> int:
    return int(case.rpartition("-")[2])
