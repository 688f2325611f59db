"""Killed at any moment: who comes after it finds all as it is, and history, ledger and reports agree."""

import random
import sqlite3
import threading
from pathlib import Path

import pytest

from tests.cluster.audit.conftest import ODD, POLICIES, THINGS, Stage, Start, policy
from tests.cluster.audit.running import wait

ROUNDS = 4


def open_findings(database: Path) -> set[str]:
    """The fingerprints that the history has as open. Read without a lock that the watcher would wait for."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT fingerprint FROM findings WHERE resolved_at IS NULL").fetchall()
    connection.close()
    return {row[0].hex() if isinstance(row[0], bytes) else str(row[0]) for row in rows}


def reported(stage: Stage) -> set[str]:
    return {row[4] for rows in stage.rows(checks=True).values() for row in rows}


def agree(stage: Stage, database: Path) -> bool:
    return open_findings(database) == reported(stage)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_while_it_writes(stage: Stage, start: Start, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 to be repeated
    database = tmp_path / "history.db"
    stage.put(POLICIES, policy("one", ODD))
    for _ in range(ROUNDS):
        program = start("--database-url", f"sqlite:///{database}", quick=True, ready=draw.random() < 0.5)
        for _ in range(draw.randrange(5, 40)):
            name = f"t{draw.randrange(12)}"
            if draw.random() < 0.25:
                stage.delete(THINGS, name, namespace="shop")
            else:
                stage.write(name, replicas=draw.randrange(12))
        threading.Event().wait(draw.random())
        program.kill()
    program = start("--database-url", f"sqlite:///{database}", quick=True)
    stage.wait_equal(program)
    wait(
        lambda: open_findings(database) == reported(stage),
        why=lambda: f"{open_findings(database)}\n{program.text[-3000:]}",
    )
    assert program.stop() < 10


@pytest.mark.timeout(120)
def test_it_ends_within_ten_seconds_and_what_it_knows_is_written(stage: Stage, start: Start, tmp_path: Path) -> None:
    database = tmp_path / "history.db"
    stage.put(POLICIES, policy("one", ODD))
    program = start("--database-url", f"sqlite:///{database}")
    for number in range(30):
        stage.write(f"t{number}", replicas=2 * number)
    assert program.stop() < 10
    again = start("--database-url", f"sqlite:///{database}")
    stage.wait_equal(again)
    assert again.stop() < 10
    assert open_findings(database) == reported(stage)
