"""The same files and rules through other programs, where they are on PATH. Each says as JSON or text what it found, and
all have to find the same: that every tenth object violates one rule."""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.bench.figure import Notebook
from tests.bench.filled import RULES
from tests.bench.program import Run, run_program
from tests.bench.sections.scan import make_policy, make_texts, write_files

POLICIES = Path(__file__).parents[1] / "rivals"
BAD = 10
"""Every tenth object has one violation."""
COUNTS = (1, 200, 2000)
ROUNDS = {1: 7, 200: 3, 2000: 3}
SLOW = 15.0
"""Seconds of one round, after which there is no other: one program takes half a minute for the largest number."""


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    command: Callable[[Path], Sequence[str]]
    """For a folder of objects."""
    count: Callable[[str], int]
    """Violations, in what it printed."""
    version: Sequence[str]
    engine: str


def programs(policy: Path) -> list[Program]:
    conftest = ["--policy", str(POLICIES / "conftest.rego"), "--output", "json", "--no-color"]
    return [
        Program(
            "auditor",
            lambda objects: [
                *(sys.executable, "-m", "auditor", "scan", str(objects), "--policies", str(policy)),
                *("-o", "json"),
            ],
            lambda text: sum(each["result"] == "fail" for each in json.loads(text)["findings"]),
            [sys.executable, "-m", "auditor", "--version"],
            "CEL",
        ),
        Program(
            "conftest",
            lambda objects: ["conftest", "test", *conftest, str(objects)],
            lambda text: sum(len(each.get("failures") or ()) for each in json.loads(text)),
            ["conftest", "--version"],
            "Rego",
        ),
        Program(
            "gator",
            lambda objects: [
                *("gator", "test", "--filename", str(POLICIES / "gatekeeper.yaml")),
                *("--filename", str(objects), "--output", "json"),
            ],
            lambda text: len(json.loads(text) or ()),
            ["gator", "--version"],
            "CEL",
        ),
        Program(
            "kyverno",
            lambda objects: ["kyverno", "apply", str(POLICIES / "kyverno.yaml"), "--resource", str(objects)],
            lambda text: int((re.search(r"fail: (\d+)", text) or ["", "0"])[1]),
            ["kyverno", "version"],
            "CEL",
        ),
    ]


def run(book: Notebook) -> None:
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as folder:
        place = Path(folder)
        policy = place / "policy.yaml"
        policy.write_text(yaml.safe_dump(make_policy(rules=RULES)))
        texts = list(make_texts(max(COUNTS), bad=BAD))
        folders = {count: write_files(place / f"objects-{count}", texts[:count]) for count in COUNTS}
        wanted = programs(policy)
        present = [each for each in wanted if shutil.which(each.version[0])]
        book.notes.extend(f"`{each.name}` is not on PATH: not measured." for each in wanted if each not in present)
        found: dict[str, dict[int, list[Run]]] = {each.name: {count: [] for count in COUNTS} for each in present}
        for count, objects in folders.items():
            # All in turn, so that a moment in which the machine was busy is nobody's alone.
            for _ in range(ROUNDS[count]):
                for each in present:
                    runs = found[each.name][count]
                    if not runs or runs[-1].wall < SLOW:
                        runs.append(_measure(each, objects, count, place / "output"))
        for each in present:
            book.texts[each.name] = _version(each)
        _tell(book, present, found)


def _tell(book: Notebook, present: list[Program], found: dict[str, dict[int, list[Run]]]) -> None:
    for count, what in ((1, "one file"), (2000, "2,000 files")):
        for each in present:
            runs = found[each.name][count]
            book.wall(f"{each.name} ({each.engine}), {what}", [one.wall for one in runs], "s")
            book.cpu(f"{each.name}, {what}, CPU", [one.cpu for one in runs], "s")
    for each in present:
        walls = {count: statistics.median(one.wall for one in found[each.name][count]) for count in COUNTS}
        book.grow(f"{each.name}, wall", "s", "files", walls)


def _measure(program: Program, objects: Path, count: int, output: Path) -> Run:
    found = run_program(program.command(objects), output)
    violations = program.count(found.output)
    expected = -(-count // BAD)
    assert violations == expected, f"{program.name} found {violations}, not {expected}: {found.output[:500]}"
    return found


def _version(program: Program) -> str:
    done = subprocess.run(program.version, capture_output=True, text=True, check=False)
    found = re.search(r"v?\d+\.\d+\.\d+[-+.\w]*", done.stdout + done.stderr)
    return found[0] if found else "unknown"
