"""A watcher is killed while it writes: what counts as written is there, nothing is half there, a pass repairs."""

import sqlite3
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from auditor.model.turn import Turn
from auditor.report.history import History
from tests.cluster.history.writing import START, steps
from tests.unit.report.history.cases import CLUSTER, GROUP, RESOURCE, at, held, rows

ROOT = Path(__file__).parents[3]


def run_and_kill(url: str, round_: int) -> int:
    """How many steps it had written for sure when it was killed."""
    command = [sys.executable, "-m", "tests.cluster.history.writing", url, str(round_)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        written = 0
        try:
            for line in islice(child.stdout, (1, 4, 7, 12)[round_]):
                written = int(line)
        finally:
            child.kill()
        rest = child.stdout.read().split()
    assert child.returncode == -9, "it ended by itself"
    return int(rest[-1]) if rest else written


def check(url: str, round_: int, written: int) -> None:
    findings = {row["id"]: row for row in rows(url, "findings")}
    found: dict[int, list[str]] = {number: [] for number in findings}
    recorded = set()
    for row in rows(url, "turns"):
        found[row["finding_id"]].append(row["turn"])
        recorded.add((findings[row["finding_id"]]["name"], row["at"], row["turn"] == "resolved"))
    for number, words in found.items():
        gone = [word == "resolved" for word in words]
        assert gone == [index % 2 == 1 for index in range(len(gone))], "opened and resolved in turns"
        assert (findings[number]["resolved_at"] is not None) is gone[-1]
        assert findings[number]["reopened_count"] == words.count("reopened")
    for step in islice(steps(round_), written):
        for turn in step:
            assert (turn.subject.name, turn.at, turn.turn is Turn.RESOLVED) in recorded, "it was said to be written"


def reconcile(url: str, round_: int) -> None:
    """As the next watcher finds the cluster."""
    names = {f"n{number}" for number in range(0, 40, 1 + round_)}
    history = History.open(url, cluster=CLUSTER)
    later = START.replace(year=2027) + (at(round_) - at(0))
    history.reconcile(GROUP, RESOURCE, held(names), later)
    history.reconcile(GROUP, RESOURCE, [], later.replace(year=2028))
    history.close()
    assert not any(row["resolved_at"] is None for row in rows(url, "findings"))


@pytest.mark.parametrize("round_", range(4))
def test_sqlite(tmp_path: Path, round_: int) -> None:
    file = tmp_path / "history.db"
    url = f"sqlite:///{file}"
    written = run_and_kill(url, round_)
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    check(url, round_, written)
    reconcile(url, round_)


@pytest.mark.parametrize("round_", range(2))
def test_postgresql(url: str, round_: int) -> None:
    written = run_and_kill(url, round_)
    check(url, round_, written)
    reconcile(url, round_)
