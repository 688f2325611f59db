"""What was evaluated at a moment, and what was not, and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy import Table as SqlTable

from auditor.model.resource import name_kind
from auditor.report.compliance.book import Book, PolicyKey
from auditor.report.compliance.counting import Counted, Kind
from auditor.report.compliance.scope import Scope, policy_of
from auditor.report.compliance.tree import Coverage, CoverageLine
from auditor.report.history.notes import COVERAGE, KIND_POLICIES
from auditor.report.history.records import is_pair


@dataclass(frozen=True, slots=True)
class Known:
    """What was said of the kinds last."""

    kinds: Mapping[Kind, RowMapping] = field(default_factory=dict)
    """Those that were there; those that were left out on purpose, too."""
    gone: frozenset[Kind] = frozenset()
    """That are not there any more."""
    unread: frozenset[Kind] = frozenset()
    """That are left out on purpose, or of which nothing is known: there are no results of them."""
    empty: Mapping[Kind, datetime] = field(default_factory=dict)
    """Of which there is no object: since when."""
    policies: Mapping[Kind, Mapping[PolicyKey, str]] = field(default_factory=dict)
    """Which may concern a kind, and why not all of it is judged by them."""

    @property
    def expected(self) -> frozenset[Kind]:
        """Of which there are results to be counted."""
        return frozenset(kind for kind, row in self.kinds.items() if row["present"] and self.policies.get(kind))

    def gap_of(self, key: PolicyKey, scope: Scope) -> str | None:
        """Why not all was judged by a policy; empty: all was. None: it is not known to concern any kind."""
        gaps = [
            self._gap(kind, reasons[key], scope)
            for kind, reasons in sorted(self.policies.items())
            if key in reasons and kind in self.kinds and scope.admits_kind(*kind)
        ]
        return next((gap for gap in gaps if gap), "") if gaps else None

    def _gap(self, kind: Kind, reason: str, scope: Scope) -> str:
        row = self.kinds[kind]
        if scope.namespaces is not None:  # what went wrong elsewhere is not theirs to know; of their own, errors tell
            return "" if is_read(row) else f"{name_kind(*kind)}: {_UNREAD}"
        return f"{name_kind(*kind)}: {reason or row['reason']}" if reason or not is_read(row) else ""


_UNREAD: Final = "it cannot be read"


def is_read(row: RowMapping) -> bool:
    return row["present"] is not None and not row["stale"]


def read_known(connection: Connection, cluster: int, at: datetime) -> Known:
    rows = {(row["api_group"], row["resource"]): row for row in _read_last(connection, COVERAGE, cluster, at)}
    policies = {
        (row["api_group"], row["resource"]): {policy_of(source): reason for source, reason in row["policies"].items()}
        for row in _read_last(connection, KIND_POLICIES, cluster, at)
    }
    return Known(
        kinds={kind: row for kind, row in rows.items() if not row["gone"]},
        gone=frozenset(kind for kind, row in rows.items() if row["gone"]),
        unread=frozenset(kind for kind, row in rows.items() if not row["gone"] and row["present"] is None),
        empty={kind: row["at"] for kind, row in rows.items() if row["present"] == 0 and is_read(row)},
        policies=policies,
    )


def _read_last(connection: Connection, table: SqlTable, cluster: int, at: datetime) -> list[RowMapping]:
    c = table.c
    last = select(func.max(c.id)).where(c.cluster_id == cluster, c.at < at).group_by(c.api_group, c.resource)
    return list(connection.execute(select(table).where(c.id.in_(last.scalar_subquery()))).mappings())


def make_coverage(known: Known, counts: list[Counted], scope: Scope, book: Book) -> Coverage:
    gaps, followed, excluded, pairs, judged = [], 0, 0, 0, 0
    errors: Counter[Kind] = Counter()
    failing: set[tuple[Kind, PolicyKey]] = set()
    for each in counts:
        errors[each.kind] += each.results.errors
        if each.results.errors:
            failing.add((each.kind, each.rule[:2]))
    for kind, row in sorted(known.kinds.items()):
        if not scope.admits_kind(*kind):
            continue
        concerning = known.policies.get(kind, {}).items()
        policies = {key: why for key, why in concerning if is_pair(why) and _concerns(key, scope, book)}
        if scope.policies and not policies:
            continue
        if row["excluded"]:
            excluded += 1
            continue
        followed += 1
        whole = scope.namespaces is None
        bad = sorted(policy for (_, policy), why in policies.items() if why)
        failed = row["not_evaluated"] if whole else errors[kind]
        pairs += len(policies) if is_read(row) else max(len(policies), 1)
        if is_read(row):
            judged += sum(not why if whole else (kind, key) not in failing for key, why in policies.items())
        if is_read(row) and not failed and not (whole and bad):
            continue
        # A reason may name an object, which may lie elsewhere.
        reason = row["reason"] if whole else "a rule or check gave an error" if is_read(row) else _UNREAD
        if not reason and bad:
            reason = next(why for why in policies.values() if why)
        gaps.append(
            CoverageLine(
                kind=name_kind(*kind),
                present=row["present"] if whole else None,
                not_evaluated=failed if is_read(row) else None,
                stale=row["stale"],
                reason=reason or _UNREAD,
                policies=tuple(bad),
            )
        )
    return Coverage(kinds=followed, gaps=tuple(gaps), excluded=excluded, pairs=pairs, judged=judged)


def _concerns(key: PolicyKey, scope: Scope, book: Book) -> bool:
    if not scope.admits_policy(key[1]):
        return False
    if not scope.framework:
        return True
    entry = book.policies.get(key)
    return entry is not None and any(scope.admits_controls(rule.controls) for rule in entry.rules.values())
