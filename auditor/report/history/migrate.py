"""Bring a database to the tables of this program: at every opening, by one process at a time, wholly or not at all."""

import logging
from importlib import resources
from typing import Final

from sqlalchemy import Connection, inspect, text

from auditor.report.history.database import Database
from auditor.report.history.faults import Fault, HistoryError

REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""All of `migrations/versions`, the oldest first. Here, too, so that Alembic (10 MB) is imported only to migrate."""
# Cluster ids are the other locks; they begin with 1.
MIGRATION_LOCK: Final = 0


def migrate(database: Database) -> None:
    with database.reading() as connection:
        if read_revision(connection, database.where) == REVISIONS[-1]:
            return
    with database.writing(MIGRATION_LOCK) as connection:
        # Again, now that nobody else can: another process may have done it meanwhile.
        if read_revision(connection, database.where) == REVISIONS[-1]:
            return
        if connection.dialect.name == "postgresql":
            _check_encoding(connection, database.where)
        _upgrade(connection)


def read_revision(connection: Connection, where: str) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if found is not None and found not in REVISIONS:
        said = f"it was written by a newer auditor (revision {found}), this one knows it up to {REVISIONS[-1]}"
        raise HistoryError(Fault.NEWER, where, said)
    return None if found is None else str(found)


def _check_encoding(connection: Connection, where: str) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        said = f"the database is encoded in {encoding}, and messages need UTF8: create it with ENCODING 'UTF8'"
        raise HistoryError(Fault.REFUSED, where, said)


def _upgrade(connection: Connection) -> None:
    # It tells at INFO, already when it is imported, which plugins it has set up: of no use to anybody, and one
    # migration is told by its failing.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command
    from alembic.config import Config

    config = Config()
    with resources.as_file(resources.files("auditor.report.history") / "migrations") as folder:
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
