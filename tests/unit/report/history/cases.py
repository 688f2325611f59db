"""Findings, turns and questions to the database, for the tests of the history on SQLite and on PostgreSQL."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import RowMapping, select

from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Severity
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import Database
from auditor.report.history.model import Table

CLUSTER = "0c5f8a3e-kube-system"
GROUP, RESOURCE = "db.example.com", "databases"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def subject(name: str = "orders", resource: str = RESOURCE) -> Subject:
    return Subject(f"{GROUP}/v1", "Database", resource, "shop", name, f"uid-of-{name}")


def finding(name: str = "orders", message: str = "replicas must be odd", rule: str = "odd") -> Finding:
    return Finding(
        policy="quorum",
        rule=rule,
        result=Result.FAIL,
        severity=Severity.HIGH,
        message=message,
        fingerprint=make_fingerprint("quorum", rule, name),
        path="/spec/replicas",
        remediation="Use 3 or 5.",
        controls=("SOC2-A1.2", "DB-7"),
    )


def excused(name: str = "orders") -> Finding:
    return replace(finding(name), result=Result.SKIP, exception="shop/legacy")


def turn(seconds: float, what: Turn, told: Finding | None = None, name: str = "orders") -> FindingTurn:
    return FindingTurn(at(seconds), what, subject(name), told or finding(name))


def opened(seconds: float, name: str = "orders") -> FindingTurn:
    return turn(seconds, Turn.OPENED, name=name)


def resolved(seconds: float, name: str = "orders") -> FindingTurn:
    return turn(seconds, Turn.RESOLVED, name=name)


def held(names: Iterable[str]) -> list[tuple[Subject, Finding]]:
    return [(subject(name), finding(name)) for name in names]


def rows(url: str, table: str) -> Sequence[RowMapping]:
    """All, in the order of their keys, as the model gives them."""
    database = Database(url)
    try:
        with database.reading() as connection:
            found = Table.metadata.tables[table]
            return connection.execute(select(found).order_by(*found.primary_key.columns)).mappings().all()
    finally:
        database.close()


def steps(url: str) -> list[str]:
    return [str(row["turn"]) for row in rows(url, "turns")]


def ignore(lost: object) -> None:
    """For a spool: nothing gets lost here."""
