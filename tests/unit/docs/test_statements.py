"""What the pages on operations and personal data have people run on the history does what they say."""

import hashlib
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from auditor.report.history import History
from auditor.report.history.records import DoorDecision, ExceptionChange
from tests.unit.docs.pages import DOCS
from tests.unit.report.history.cases import CLUSTER, opened

JANE = "jane@example.com"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


@pytest.fixture
def history(file: Path) -> Iterator[History]:
    """Of a watcher that goes on while the statements are run."""
    history = History.open(f"sqlite:///{file}", cluster=CLUSTER)
    history.write([opened(0)])
    history.write([decision("a", JANE), decision("b", "joe")])
    history.write([exception()])
    yield history
    history.close()


def decision(number: str, user: str) -> DoorDecision:
    return DoorDecision(
        id=number,
        at=datetime(2026, 11, 1, tzinfo=UTC),
        webhook="validate",
        operation="CREATE",
        group="example.com",
        version="v1",
        kind="Thing",
        namespace="shop",
        name="one",
        outcome="denied",
        allowed=False,
        user=user,
    )


def exception() -> ExceptionChange:
    return ExceptionChange(
        at=datetime(2026, 11, 1, tzinfo=UTC),
        namespace="shop",
        name="old",
        uid="u",
        generation=1,
        what="changed",
        policies=["p"],
        rules=[],
        owner=JANE,
        reason="Jane is away",
        expires=datetime(2027, 1, 1, tzinfo=UTC),
    )


def statements(number: int) -> list[str]:
    text = re.findall(r"```sql\n(.*?)```", (DOCS / "personal-data.md").read_text(), re.DOTALL)[number]
    return [each for each in text.splitlines() if each]


def names_in(file: Path) -> int:
    """How often the person is named anywhere in the file."""
    with sqlite3.connect(file) as connection:
        return "\n".join(connection.iterdump()).count("jane") + "\n".join(connection.iterdump()).count("Jane")


def test_a_person_is_forgotten_and_numbers_stay(history: History, file: Path) -> None:
    assert names_in(file) == 3
    with sqlite3.connect(file) as connection:
        assert [connection.execute(each).rowcount for each in statements(0)] == [1, 1]
    assert names_in(file) == 0
    with sqlite3.connect(file) as connection:
        assert connection.execute('SELECT "user", count(*) FROM decisions GROUP BY "user"').fetchall() == [
            ("(deleted)", 1),
            ("joe", 1),
        ]
    history.write([decision("a", JANE)])  # collected once more
    assert names_in(file) == 0


def test_a_person_is_told(history: History, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        told = [connection.execute(each).fetchall() for each in statements(1)]
    assert [[row[-1] for row in rows] for rows in told] == [["denied"], ["Jane is away"]]


def test_a_backup_has_all_of_it_while_the_history_is_written(history: History, file: Path, tmp_path: Path) -> None:
    page = (DOCS / "operations.md").read_text()
    (program,) = re.findall(r'python -c "(.*)"$', page, re.MULTILINE)
    copy = tmp_path / "copy.db"
    program = program.replace('\\"', '"').replace("/var/lib/auditor/history.db", str(file))
    subprocess.run([sys.executable, "-c", program.replace("/tmp/history.db", str(copy))], check=True)
    history.write([decision("c", "joe")])
    with sqlite3.connect(copy) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM decisions").fetchall() == [(2,)]
    restored = History.open(f"sqlite:///{copy}", cluster=CLUSTER)
    restored.write([decision("c", "joe")])
    restored.close()


def test_what_is_left_out_of_a_digest(tmp_path: Path) -> None:
    """The digest itself is tried in tests/unit/report/compliance: here that the program of the page takes these out."""
    if shutil.which("jq") is None:
        pytest.skip("there is no jq on PATH")
    report = {
        "made": {"at": "now"},
        "digest": "d",
        "cluster": {"name": "n", "uid": "u"},
        "violations": [{"rule": "r", "apiVersion": "v1", "remediation": "m", "writer": "w"}],
    }
    (tmp_path / "report.json").write_bytes(orjson.dumps(report))
    (command,) = re.findall(r"^jq .* \| sha256sum$", (DOCS / "compliance.md").read_text(), re.MULTILINE)
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    left = b'{"cluster":{"uid":"u"},"violations":[{"rule":"r"}]}'
    assert done.stdout.split()[0] == hashlib.sha256(left).hexdigest()
