"""The history for those who only read it: it is neither made nor migrated, and the cluster is found by its name."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from auditor.errors import UsageError
from auditor.report.history.counts import WRITERS
from auditor.report.history.database import Database
from auditor.report.history.faults import Fault, HistoryError
from auditor.report.history.migrate import REVISIONS, read_revision
from auditor.report.history.model import Table

CLUSTERS = Table.metadata.tables["clusters"]
HORIZONS = Table.metadata.tables["horizons"]
_SEE = "`auditor watch` keeps a history: name its --database-url"


@dataclass(frozen=True, slots=True)
class KnownCluster:
    id: int
    uid: str
    name: str
    first_seen: datetime

    def __str__(self) -> str:
        return f"{self.name} ({self.uid})" if self.name else self.uid


def open_to_read(url: str) -> Database:
    """Raises UsageError where there is none, HistoryError where it cannot be read or is of another version."""
    database = Database(url, make=False)
    try:
        with database.reading() as connection:
            found = read_revision(connection, database.where)
        _check_revision(found, database.where)
    except BaseException:
        database.close()
        raise
    return database


def _check_revision(found: str | None, where: str) -> None:
    if found is None:
        raise UsageError(f"there is no history in {where} yet. {_SEE}")
    if found != REVISIONS[-1]:
        said = f"it is of an older auditor (revision {found}), this one reads {REVISIONS[-1]}"
        raise HistoryError(Fault.OLDER, where, said)


def list_clusters(connection: Connection) -> list[KnownCluster]:
    rows = connection.execute(select(CLUSTERS).order_by(CLUSTERS.c.name, CLUSTERS.c.uid))
    return [KnownCluster(row.id, row.uid, row.name, row.first_seen) for row in rows]


def choose_cluster(connection: Connection, wanted: str = "") -> KnownCluster:
    """By its name or uid, or the beginning of its uid; where there is one only, without. Raises UsageError."""
    known = list_clusters(connection)
    if not known:
        raise UsageError(f"the history is empty: no cluster has been watched. {_SEE}")
    there = ", ".join(map(str, known))
    if not wanted:
        if len(known) > 1:
            raise UsageError(f"the history has several clusters: choose one of {there} with --cluster")
        return known[0]
    found = [each for each in known if wanted in (each.uid, each.name)]
    found = found or [each for each in known if each.uid.startswith(wanted)]
    if len(found) != 1:
        said = "several clusters are meant by" if found else "there is no cluster"
        raise UsageError(f"{said} {wanted!r} in the history. There are {there}")
    return found[0]


def read_horizons(connection: Connection, cluster: int) -> dict[str, datetime]:
    """By table: before that moment something has gone. `hours`: of days only how they ended."""
    question = select(HORIZONS.c.what, HORIZONS.c.before).where(HORIZONS.c.cluster_id == cluster)
    return {row.what: row.before for row in connection.execute(question)}


def read_last_written(connection: Connection, cluster: int) -> datetime | None:
    found: datetime | None = connection.execute(
        select(func.max(WRITERS.c.at)).where(WRITERS.c.cluster_id == cluster)
    ).scalar_one()
    return found
