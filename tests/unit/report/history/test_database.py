"""Files, URLs, and what is said when something is wrong with them."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from auditor.errors import UsageError
from auditor.report.history import Database, Fault, History, HistoryError
from tests.unit.report.history.cases import CLUSTER, opened


def test_the_file_is_for_its_owner_alone(url: str, tmp_path: Path) -> None:
    history = History.open(url, cluster=CLUSTER)
    history.write([opened(0)])
    folder = tmp_path / "state"
    assert folder.stat().st_mode & 0o777 == 0o700
    files = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    history.close()
    assert files == {"history.db": 0o600, "history.db-wal": 0o600, "history.db-shm": 0o600}


def test_what_makes_it_safe(url: str) -> None:
    database = Database(url)
    with database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_a_reader_does_not_wait_for_a_writer(url: str) -> None:
    history = History.open(url, cluster=CLUSTER)
    database = Database(url)
    with database.writing(1):
        assert history.open_kinds() == set()
    database.close()
    history.close()


@pytest.mark.parametrize("url", ["mysql://u:geheim@h/d", "sqlite://", "sqlite:///:memory:", "postgresql//geheim"])
def test_no_history_there(url: str) -> None:
    with pytest.raises(UsageError, match=r"sqlite:////absolute/path/history\.db or postgresql://") as caught:
        Database(url)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://u:geheim@h/d", "postgres://u:geheim@h/d"])
def test_postgresql_by_any_name(url: str) -> None:
    database = Database(url)
    assert database.engine.dialect.driver == "psycopg"
    assert "geheim" not in database.where
    database.close()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(HistoryError, match="see that the server runs") as caught:
        History.open("postgresql://u:geheim@127.0.0.1:1/d", cluster=CLUSTER)
    assert caught.value.fault is Fault.AWAY
    assert "geheim" not in str(caught.value)


def test_a_file_that_is_no_database(url: str, tmp_path: Path) -> None:
    file = tmp_path / "state" / "history.db"
    file.parent.mkdir()
    file.write_text("This is a diary, and nobody else's business. " * 100)
    before = file.read_bytes()
    with pytest.raises(HistoryError, match="move the file away") as caught:
        History.open(url, cluster=CLUSTER)
    assert caught.value.fault is Fault.CORRUPT
    assert file.read_bytes() == before


def test_a_damaged_file_is_left_as_it_is(url: str, tmp_path: Path) -> None:
    history = History.open(url, cluster=CLUSTER)
    history.write([opened(0, f"n{number}") for number in range(200)])
    history.close()
    file = tmp_path / "state" / "history.db"
    damaged = bytearray(file.read_bytes())
    for page in range(1, len(damaged) // 4096):
        damaged[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    file.write_bytes(damaged)
    with pytest.raises(HistoryError) as caught:
        History.open(url, cluster=CLUSTER).write([opened(1)])
    assert caught.value.fault is Fault.CORRUPT
    assert file.stat().st_size == len(damaged)


def test_a_file_that_was_replaced_is_noticed(url: str, tmp_path: Path) -> None:
    history = History.open(url, cluster=CLUSTER)
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(HistoryError) as caught:
        history.write([opened(0)])
    history.close()
    assert caught.value.fault is Fault.MOVED


def test_a_file_that_somebody_else_holds(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    History.open(url, cluster=CLUSTER).close()
    monkeypatch.setattr("auditor.report.history.database.BUSY_SECONDS", 0)
    history = History.open(url, cluster=CLUSTER)
    other = sqlite3.connect(tmp_path / "state" / "history.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match="second one") as caught:
        history.write([opened(0)])
    other.close()
    history.write([opened(0)])
    history.close()
    assert caught.value.fault is Fault.BUSY


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="write access"):
        History.open(f"sqlite:///{tmp_path / 'file' / 'history.db'}", cluster=CLUSTER)


def test_messages_of_objects_are_in_no_error(url: str) -> None:
    history = History.open(url, cluster=CLUSTER)
    database = Database(url)
    with database.writing(1) as connection:
        connection.exec_driver_sql("DROP TABLE turns")
    database.close()
    with pytest.raises(HistoryError, match="no such table") as caught:
        history.write([opened(0)])
    history.close()
    assert "replicas" not in str(caught.value)


IS_LOCKED = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # the bytes that SQLite locks to share
except OSError:
    print("locked")
"""


def test_opening_it_again_takes_no_lock_away(tmp_path: Path) -> None:
    """Whoever thinks that it is the last one takes the log away, and what is written to it is lost."""
    path = tmp_path / "history.db"

    def is_locked() -> bool:
        done = subprocess.run([sys.executable, "-c", IS_LOCKED, path], capture_output=True, text=True, check=True)
        return done.stdout == "locked\n"

    database = Database(f"sqlite:///{path}")
    with database.writing(0) as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    with database.reading() as connection:
        connection.execute(text("SELECT * FROM t"))
        assert is_locked()
        other = Database(f"sqlite:///{path}")
        with other.reading() as reader:
            reader.execute(text("SELECT * FROM t"))
        assert is_locked()
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_file_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.db"
    path.touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(HistoryError, match="Permission denied"):
        Database(f"sqlite:///{path}")
