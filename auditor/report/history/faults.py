"""What can be wrong with a database, as a word for metrics and a sentence for people that says what to do."""

import sqlite3
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from auditor.errors import AuditorError


class Fault(StrEnum):
    AWAY = "away"
    BUSY = "busy"
    FULL = "full"
    READ_ONLY = "readOnly"
    CORRUPT = "corrupt"
    MOVED = "moved"
    REFUSED = "refused"
    NEWER = "newer"
    OLDER = "older"
    BROKEN = "broken"
    """Anything else: what was to be written, perhaps, and not the database."""


_ADVICE = {
    Fault.AWAY: "It is tried again until it answers: see that the server runs, and is reached from here.",
    Fault.BUSY: "Another process holds it. Only the watcher may write: look for a second one, or a backup that locks.",
    Fault.FULL: "Make room on its disk; writing goes on by itself then.",
    Fault.READ_ONLY: "Give the watcher's user write access to the file and its folder, or name the primary server.",
    Fault.CORRUPT: (
        "It is left as it is, and nothing is written into it: restore a backup in its place, or move the file away "
        "together with those that end in -wal and -shm, and a new history begins. `sqlite3 FILE .recover` saves "
        "what it can."
    ),
    Fault.MOVED: "The file was deleted or replaced while it was in use; it is opened anew.",
    Fault.REFUSED: "Check user, password, database and rights in the database URL.",
    Fault.NEWER: "Run the newer auditor, or restore the backup from before its upgrade.",
    Fault.OLDER: "Start the watcher of this version: it brings the tables up to date, once.",
    Fault.BROKEN: "If it comes again, it is a defect of the auditor: please report it.",
}


class HistoryError(AuditorError):
    """The history could not be read or written."""

    exit_code = 3
    http_code = 503

    def __init__(self, fault: Fault, where: str, said: str) -> None:
        self.fault = fault
        super().__init__(f"history in {where}: {said.strip().rstrip('.')}. {_ADVICE[fault]}")


def explain(error: SQLAlchemyError, where: str) -> HistoryError:
    """Never with the statement: its parameters are messages about objects."""
    if not isinstance(error, DBAPIError):
        return HistoryError(Fault.BROKEN, where, f"{type(error).__name__}")
    said = str(error.orig) or type(error.orig).__name__
    if isinstance(error.orig, sqlite3.Error):
        return HistoryError(_of_sqlite(error.orig), where, said)
    state = getattr(error.orig, "sqlstate", None) or ""
    fault = _of_postgresql(state)
    if fault is Fault.BROKEN and (error.connection_invalidated or (not state and _is_operational(error))):
        fault = Fault.REFUSED if any(words in said for words in _REFUSALS) else Fault.AWAY
    # The first line: what follows are the values of the row.
    return HistoryError(fault, where, said.strip().splitlines()[0])


# Of a connection that does not come about there is a text alone, in the language of the server: what is not found here
# is called away, and says itself what it is.
_REFUSALS = ("authentication failed", "does not exist", "no pg_hba.conf entry", "permission denied")


def _is_operational(error: DBAPIError) -> bool:
    return type(error).__name__ in ("OperationalError", "InterfaceError")


_SQLITE = {
    sqlite3.SQLITE_BUSY: Fault.BUSY,
    sqlite3.SQLITE_LOCKED: Fault.BUSY,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_PERM: Fault.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Fault.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Fault.CORRUPT,
    sqlite3.SQLITE_NOTADB: Fault.CORRUPT,
    # A write that the disk did not take: full by quota, or failing. There is no telling from here.
    sqlite3.SQLITE_IOERR: Fault.FULL,
}


def _of_sqlite(error: sqlite3.Error) -> Fault:
    code = getattr(error, "sqlite_errorcode", None)  # its low byte is the kind, the rest says more of it
    return _SQLITE.get(code & 0xFF, Fault.BROKEN) if isinstance(code, int) else Fault.BROKEN


def _of_postgresql(state: str) -> Fault:
    if state in ("53100", "53200"):
        return Fault.FULL
    if state == "25006":  # a standby, after the servers have changed places
        return Fault.READ_ONLY
    if state in ("55P03", "57014", "40001", "40P01", "53300", "25P03"):
        return Fault.BUSY
    if state[:2] in ("08", "57"):
        return Fault.AWAY
    if state[:2] in ("28", "3D") or state == "42501":
        return Fault.REFUSED
    if state[:2] == "XX" and state != "XX000":
        return Fault.CORRUPT
    return Fault.BROKEN
