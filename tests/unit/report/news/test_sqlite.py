"""News from a history in SQLite."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from auditor.report.history import Database, History
from auditor.report.history.findings import TURNS
from auditor.report.history.reader import choose_cluster, open_to_read
from auditor.report.news import find_last, read_window
from tests.unit.report.history.cases import START, opened
from tests.unit.report.news.contract import ALL, NewsContract

OTHERS = 20_000


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One file for all examples: each is a cluster of its own in it."""
    folder: Path = tmp_path_factory.mktemp("news")
    return f"sqlite:///{folder / 'history.db'}"


class TestSqlite(NewsContract):
    pass


def test_a_quiet_cluster_is_not_looked_for_among_the_turns_of_busy_ones(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/history.db"
    for cluster in ("quiet", "busy"):
        history = History.open(url, cluster=cluster)
        history.write([opened(0)])
        history.close()
    database = Database(url)
    with database.writing(0) as connection:
        last = connection.execute(select(TURNS).order_by(TURNS.c.id.desc()).limit(1)).mappings().one()
        more = [{**last, "id": last["id"] + 1 + n, "at": START + timedelta(seconds=n)} for n in range(OTHERS)]
        connection.execute(insert(TURNS), more)
    database.close()
    database = open_to_read(url)
    with database.reading() as connection:
        steps = count_steps(connection)
        quiet, busy = (choose_cluster(connection, name).id for name in ("quiet", "busy"))
        assert (find_last(connection, quiet), find_last(connection, busy)) == (1, 2 + OTHERS)
        assert not read_window(connection, quiet, ALL, after=1, upto=2 + OTHERS).items
    database.close()
    assert len(steps) < OTHERS / 100


def count_steps(connection: Connection) -> list[None]:
    """Each is a hundred of the machine that SQLite is."""
    steps: list[None] = []
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(lambda: steps.append(None), 100)
    return steps
