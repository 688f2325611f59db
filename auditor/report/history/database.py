"""A database by its URL: connected, with what makes SQLite and PostgreSQL behave alike, and its errors explained.

    sqlite:////var/lib/auditor/history.db
    postgresql://user:password@host/database?sslmode=verify-full

In both, one transaction writes at a time for a cluster: SQLite has one writer anyway, PostgreSQL takes a lock. So
writers cannot deadlock, and what one of them read still holds when it writes.
"""

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from auditor.errors import UsageError
from auditor.report.history.faults import Fault, HistoryError, explain

# Who waits is the thread that writes, nobody else. A backup that copies the file page by page lets go within that time.
BUSY_SECONDS: Final = 10
# A server that does not answer a connection within 5 s is down; it is tried again.
CONNECT_SECONDS: Final = 5
# A batch of 1,000 turns takes 0.1 s. A writer that hangs for a minute has lost its network: its locks go.
STATEMENT_SECONDS: Final = 60
# "audi" in ASCII: locks of other programs in the same database have other numbers.
LOCK_FAMILY: Final = 0x61756469


class Database:
    def __init__(self, url: str, *, make: bool = True) -> None:
        """`make`: a file that is not there yet is made, for one who writes it."""
        self._url = _read(url)
        self.where = self._url.render_as_string(hide_password=True)
        self.path = Path(self._url.database or "") if self._url.get_backend_name() == "sqlite" else None
        self._inode: int | None = None
        if not make and self.path is not None and not self.path.is_file():
            raise UsageError(f"there is no history in {self.where}: no such file")
        self._make = make
        self.engine: Engine = self._connect()

    @property
    def is_sqlite(self) -> bool:
        return self.path is not None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """All questions of one moment of the database; beside a writer, and without waiting for it."""
        with self.explaining(), self.engine.connect() as connection:
            if self.is_sqlite:
                yield connection.execution_options(auditor_reads=True)
            else:
                yield connection.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def writing(self, lock: int) -> Iterator[Connection]:
        """A transaction that is alone with this number of a lock: it is written as a whole or not at all."""
        with self.explaining():
            self._check_file()
            with self.engine.begin() as connection:
                if not self.is_sqlite:
                    _lock(connection, lock)
                yield connection

    @contextmanager
    def explaining(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise explain(error, self.where) from error

    def close(self) -> None:
        self.engine.dispose()

    def _connect(self) -> Engine:
        if self.path is not None:
            return self._connect_sqlite(self.path)
        # Behind a pooler that gives each transaction another connection, prepared statements would not be there.
        arguments = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "auditor",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "prepare_threshold": None,
        }
        given = {name: value for name, value in arguments.items() if name not in self._url.query}
        return create_engine(self._url, connect_args=given, pool_pre_ping=True, pool_size=2, hide_parameters=True)

    def _connect_sqlite(self, path: Path) -> Engine:
        if not self._make and not os.access(path, os.W_OK):
            return self._connect_read_only(path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_file(path)
            self._inode = path.stat().st_ino
        except OSError as error:
            fault = Fault.FULL if error.errno in (28, 122) else Fault.READ_ONLY  # ENOSPC, EDQUOT
            raise HistoryError(fault, self.where, str(error.strerror)) from error
        arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
        engine = create_engine(self._url, connect_args=arguments, pool_size=2, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _connect_read_only(self, path: Path) -> Engine:
        """A copy that was put away, or somebody else's."""
        # SQLite would make files beside it, even to read. Where nobody can, nobody writes it either.
        beside = [path.with_name(path.name + end) for end in ("-wal", "-shm")]
        lonely = not os.access(path.parent, os.W_OK) and not any(each.exists() for each in beside)
        where = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if lonely else ''}"
        return create_engine(
            self._url,
            creator=lambda: sqlite3.connect(where, uri=True, timeout=BUSY_SECONDS, check_same_thread=False),
            pool_size=2,
            hide_parameters=True,
        )

    def _check_file(self) -> None:
        """A file that was deleted or replaced takes what is written to it along, without a word."""
        if self.path is None:
            return
        try:
            found = self.path.stat().st_ino
        except OSError:
            found = None
        if found != self._inode:
            raise HistoryError(Fault.MOVED, self.where, "the file is not the one that was opened")


def check_url(url: str) -> None:
    """Raises UsageError for what names no database of ours: to be known before anything is begun."""
    _read(url)


def _read(url: str) -> URL:
    try:
        read = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except ArgumentError as error:
        # Without the text: there may be a password in it.
        raise UsageError("the database URL cannot be read. " + _FORMS) from error
    match read.get_backend_name():
        case "postgresql":
            return read.set(drivername="postgresql+psycopg")
        case "sqlite" if read.database and read.database != ":memory:":
            return read
    raise UsageError(f"no history can be kept in {read.render_as_string(hide_password=True)}. {_FORMS}")


_FORMS = "It is sqlite:////absolute/path/history.db or postgresql://user:password@host/database"


def _lock(connection: Connection, number: int) -> None:
    # For this transaction alone, in one question: so it also works behind a pooler.
    connection.execute(
        text(
            "SELECT set_config('lock_timeout', :lock, true), set_config('statement_timeout', :statement, true),"
            " set_config('idle_in_transaction_session_timeout', :statement, true)"
        ),
        {"lock": f"{BUSY_SECONDS}s", "statement": f"{STATEMENT_SECONDS}s"},
    )
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:family, :number)"), {"family": LOCK_FAMILY, "number": number}
    )


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver would begin transactions by itself, too late and not around DDL; _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":  # kept in the file; setting it needs it alone
            cursor.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
        # Written is what survives a power cut, too: one fsync a second costs nothing that anybody notices.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _make_file(path: Path) -> None:
    """Where there is none. By us, because SQLite would let the group and others read it; its -wal and -shm take over
    the mode.

    A file that is there is never opened: with the first that closes it a process loses all its locks on it, SQLite's
    among them, and whoever comes next then takes the log away that we write to.
    """
    if path.exists():
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links: then somebody might just open what is not closed yet
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    finally:
        os.unlink(made)  # noqa: PTH108


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that has read and then wants it could be refused without waiting.
    reads = connection.get_execution_options().get("auditor_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
