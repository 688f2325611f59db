"""The database breaks while it is written: PostgreSQL is killed and restarted, the disk of SQLite is full."""

import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import Fault, History, HistoryError, Spool
from auditor.report.history.database import LOCK_FAMILY
from tests.cluster.history.conftest import create_database, make_server
from tests.cluster.history.server import Server
from tests.unit.report.history.cases import CLUSTER, at, finding, ignore, opened, rows, subject

ROOT = Path(__file__).parents[3]
SOON = 60.0


@pytest.fixture
def own_server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="auditor-pg-") as place:
        Path(place).chmod(0o755)
        server = make_server(Path(place) / "server")
        try:
            yield server
        finally:
            if server.running:
                server.stop("immediate")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgresql_is_restarted_under_load(own_server: Server, mode: str) -> None:
    url = own_server.url("postgres")
    spool = Spool(lambda: History.open(url, cluster=CLUSTER), lost=ignore, pause=0.0, retry=0.02)
    spool.start()
    names = [f"n{number}" for number in range(50)]
    for number in range(60):
        what = Turn.OPENED if number % 2 == 0 else Turn.RESOLVED
        when = at(0) + timedelta(seconds=number)
        spool.put(*(FindingTurn(when, what, subject(name), finding(name)) for name in names))
        if number == 20:
            assert spool.flush(SOON)
        if number == 25:
            own_server.stop(mode)
        if number == 40:
            assert not spool.flush(0.2)
            assert spool.status().fault is Fault.AWAY
            own_server.start()
    assert spool.flush(SOON), spool.status()
    status = spool.status()
    assert (status.dropped, status.rejected, status.error) == (0, 0, "")
    assert spool.close(SOON)
    # Each of the 60 turns of each finding, once.
    assert len(rows(url, "turns")) == 60 * 50
    assert {row["reopened_count"] for row in rows(url, "findings")} == {29}


def test_a_server_that_became_a_standby(url: str) -> None:
    history = History.open(url, cluster=CLUSTER)
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    history.close()
    again = History.open(url, cluster=CLUSTER)
    with pytest.raises(HistoryError, match="primary") as caught:
        again.write([opened(0)])
    again.close()
    assert caught.value.fault is Fault.READ_ONLY


def test_a_database_that_is_not_there(postgresql: Server) -> None:
    with pytest.raises(HistoryError, match="does not exist") as caught:
        History.open(postgresql.url(f"absent_{uuid.uuid4().hex}"), cluster=CLUSTER)
    assert caught.value.fault is Fault.REFUSED


def test_a_database_in_another_encoding(postgresql: Server) -> None:
    url = create_database(postgresql, "ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    with pytest.raises(HistoryError, match=r"LATIN1.*UTF8") as caught:
        History.open(url, cluster=CLUSTER)
    assert caught.value.fault is Fault.REFUSED


def test_somebody_holds_the_lock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    History.open(url, cluster=CLUSTER).close()
    monkeypatch.setattr("auditor.report.history.database.BUSY_SECONDS", 1)
    history = History.open(url, cluster=CLUSTER)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s, 1)", (LOCK_FAMILY,))
        with pytest.raises(HistoryError) as caught:
            history.write([opened(0)])
    history.write([opened(0)])
    history.close()
    assert caught.value.fault is Fault.BUSY


FULL = """
import resource, signal, sys
from auditor.report.history import Fault, History, Spool
from tests.unit.report.history.cases import CLUSTER, ignore, opened
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
url = sys.argv[1]
spool = Spool(lambda: History.open(url, cluster=CLUSTER), lost=ignore, pause=0.0, retry=0.01)
spool.start()
spool.put(opened(0, "first"))
assert spool.flush(60)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
spool.put(*(opened(0, f"n{number}") for number in range(3000)))
assert not spool.flush(3.0), spool.status()
status = spool.status()
assert status.fault is Fault.FULL, status
assert "Make room" in status.error, status
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert spool.flush(60), spool.status()
assert spool.status().error == "" and spool.status().dropped == 0
assert spool.close(60)
"""


def test_the_disk_is_full_and_has_room_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    # In a process of its own: the limit is one of the process, and all files count.
    subprocess.run([sys.executable, "-c", FULL, url], cwd=ROOT, check=True, timeout=120)
    assert len(rows(url, "findings")) == 3001
    assert len(rows(url, "turns")) == 3001
