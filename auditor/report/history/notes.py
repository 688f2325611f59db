"""What stays as it is until something else is noted of the same: policies, exceptions, coverage, releases."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, insert, select
from sqlalchemy import Table as SqlTable

from auditor.report.history.model import Table
from auditor.report.history.records import (
    Census,
    ExceptionChange,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Release,
    Sort,
)
from auditor.report.history.types import MAX_NAME, clean

POLICY_CHANGES = Table.metadata.tables["policy_changes"]
EXCEPTION_CHANGES = Table.metadata.tables["exception_changes"]
COVERAGE = Table.metadata.tables["coverage"]
KIND_POLICIES = Table.metadata.tables["kind_policies"]
RELEASES = Table.metadata.tables["releases"]

REMOVED: Final = "removed"
_SORTS: Final[Mapping[Sort, tuple[SqlTable, tuple[str, str]]]] = {
    Sort.POLICIES: (POLICY_CHANGES, ("policy_kind", "policy")),
    Sort.EXCEPTIONS: (EXCEPTION_CHANGES, ("namespace", "name")),
    Sort.KINDS: (COVERAGE, ("api_group", "resource")),
}


def note_policy_changes(connection: Connection, cluster: int, changes: Iterable[PolicyChange]) -> None:
    for change in changes:
        row = {
            "policy": clean(change.policy, MAX_NAME),
            "policy_kind": clean(change.kind, MAX_NAME),
            "uid": clean(change.uid, MAX_NAME),
            "generation": change.generation,
            "what": clean(change.what, MAX_NAME),
            "rules": {clean(rule): [clean(each) for each in controls] for rule, controls in change.rules.items()},
            "title": clean(change.title),
            "severities": {clean(rule): str(severity) for rule, severity in change.severities.items()},
        }
        _note_if_new(connection, POLICY_CHANGES, cluster, change.at, row, by=("policy_kind", "policy"))


def note_exceptions(connection: Connection, cluster: int, changes: Iterable[ExceptionChange]) -> None:
    for change in changes:
        row = {
            "namespace": clean(change.namespace, MAX_NAME),
            "name": clean(change.name, MAX_NAME),
            "uid": clean(change.uid, MAX_NAME),
            "generation": change.generation,
            "what": clean(change.what, MAX_NAME),
            "policies": [clean(each) for each in change.policies],
            "rules": [clean(each) for each in change.rules],
            "owner": clean(change.owner),
            "reason": clean(change.reason),
            "expires": change.expires,
        }
        _note_if_new(connection, EXCEPTION_CHANGES, cluster, change.at, row, by=("namespace", "name"))


def note_coverage(connection: Connection, cluster: int, told: Iterable[KindCoverage]) -> None:
    for each in told:
        row = {
            "api_group": clean(each.group, MAX_NAME),
            "resource": clean(each.resource, MAX_NAME),
            "present": each.present,
            "evaluated": each.evaluated,
            "not_evaluated": each.not_evaluated,
            "stale": each.stale,
            "reason": clean(each.reason),
            "excluded": each.excluded,
            "gone": False,
        }
        _note_if_new(connection, COVERAGE, cluster, each.at, row, by=("api_group", "resource"))


def note_kind_policies(connection: Connection, cluster: int, told: Iterable[KindPolicies]) -> None:
    for each in told:
        row = {
            "api_group": clean(each.group, MAX_NAME),
            "resource": clean(each.resource, MAX_NAME),
            "policies": {clean(source): clean(reason) for source, reason in each.policies.items()},
        }
        _note_if_new(connection, KIND_POLICIES, cluster, each.at, row, by=("api_group", "resource"))


def note_releases(connection: Connection, cluster: int, told: Iterable[Release]) -> None:
    for each in told:
        _note_if_new(connection, RELEASES, cluster, each.at, {"version": clean(each.version, MAX_NAME)}, by=())


def take_census(connection: Connection, cluster: int, told: Iterable[Census]) -> None:
    for census in told:
        table, by = _SORTS[census.of]
        known = {tuple(clean(part, MAX_NAME) for part in key) for key in census.keys}
        mine = select(func.max(table.c.id)).where(table.c.cluster_id == cluster, table.c.at <= census.at)
        names = [table.c[name] for name in by]
        last = select(table).where(table.c.id.in_(mine.group_by(*names).scalar_subquery()))
        for row in connection.execute(last.order_by(*names)).mappings().all():
            if tuple(row[name] for name in by) not in known:
                ended = {**row, **_end(table), "at": census.at}
                del ended["id"]
                if any(ended[name] != row[name] for name in _end(table)):
                    connection.execute(insert(table), ended)


def _end(table: SqlTable) -> Mapping[str, object]:
    if table is COVERAGE:
        return {"gone": True, "present": 0, "evaluated": 0, "not_evaluated": 0, "stale": False, "reason": ""}
    return {"what": REMOVED}


def _note_if_new(
    connection: Connection,
    table: SqlTable,
    cluster: int,
    at: datetime,
    row: Mapping[str, object],
    *,
    by: Sequence[str],
) -> None:
    """Unless the last row of the same says so already."""
    same = [table.c[name] == row[name] for name in by]
    last = select(*(table.c[name] for name in row)).where(table.c.cluster_id == cluster, *same)
    found = connection.execute(last.order_by(table.c.id.desc()).limit(1)).mappings().first()
    if found is None or dict(found) != row:
        connection.execute(insert(table), {"cluster_id": cluster, "at": at, **row})
