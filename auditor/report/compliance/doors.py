"""What the doors decided within a period.

Of all that they were asked there are counts; of single objects only the decisions that tell something, and these for a
shorter time. A scope that tells objects apart has to do with the latter.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import Scope
from auditor.report.compliance.tree import Admissions, Denial
from auditor.report.history.counts import DECISIONS, DOORS
from auditor.report.history.findings import FINDINGS

RECENT: Final = 50
"""Decisions that a report lists: a page. The dashboard has all."""
BY_POLICY: Final = 20
D = DECISIONS.c


def read_admissions(
    connection: Connection, cluster: int, period: Period, scope: Scope, *, known_from: datetime | None
) -> Admissions:
    """`known_from`: decisions before that have gone."""
    within = _choose_decisions(connection, cluster, period, scope)
    complete = known_from is None or known_from <= period.start
    counts = _count_decisions(connection, within) if complete else None
    recent = connection.execute(
        select(DECISIONS)
        .where(*within, D.dry_run.is_(False), or_(D.allowed.is_(False), D.broke_glass.is_(True)))
        .order_by(D.at.desc(), D.id)
        .limit(RECENT)
    )
    denials = tuple(
        Denial(
            at=row["at"],
            operation=row["operation"],
            kind=row["kind"],
            namespace=row["namespace"],
            name=row["name"],
            user=row["user"],
            policy=row["policy"],
            what="bypassed" if row["allowed"] else "errored" if row["outcome"] == "errored" else "denied",
        )
        for row in recent.mappings()
    )
    bypassed, late = (None, None) if counts is None else (counts["bypassed"], counts["late"])
    if scope.by_object or scope.policies:
        return Admissions(
            reviews=None,
            denied=None if counts is None else counts["denied"],
            warned=None,
            mutated=None if counts is None else counts["mutated"],
            errors=None if counts is None else counts["errors"],
            bypassed=bypassed,
            late=late,
            by_policy=_rank_policies(connection, within) if complete else (),
            recent=denials,
        )
    totals, policies = _sum_doors(connection, cluster, period)
    return Admissions(
        reviews=sum(totals.values()),
        denied=totals.get("deny", 0),
        warned=sum(count for (_, outcome), count in policies.items() if outcome == "warn"),
        mutated=totals.get("mutate", 0),
        errors=totals.get("error", 0),
        bypassed=bypassed,
        late=late,
        by_policy=_take_most({policy: count for (policy, outcome), count in policies.items() if outcome == "deny"}),
        recent=denials,
    )


def _sum_doors(
    connection: Connection, cluster: int, period: Period
) -> tuple[Mapping[str, int], Mapping[tuple[str, str], int]]:
    """Of requests by outcome, and of findings by policy and outcome: intervals that began in the period."""
    c = DOORS.c
    # By each length, as the key begins with it.
    within = (c.cluster_id == cluster, c.start >= period.start, c.start < period.end)
    rows = connection.execute(
        select(c.policy, c.outcome, func.sum(c.count)).where(*within).group_by(c.policy, c.outcome)
    ).all()
    totals = {outcome: int(count) for policy, outcome, count in rows if not policy}
    return totals, {(policy, outcome): int(count) for policy, outcome, count in rows if policy}


def _count_decisions(connection: Connection, within: list[ColumnElement[bool]]) -> Mapping[str, int]:
    """Of what was really asked for: a dry run admits nothing."""
    by = (D.outcome, D.broke_glass, D.late)
    found = {"denied": 0, "mutated": 0, "errors": 0, "bypassed": 0, "late": 0}
    words = {"denied": "denied", "deny": "denied", "patched": "mutated", "errored": "errors"}
    for outcome, broke_glass, late, count in connection.execute(
        select(*by, func.count()).where(*within, D.dry_run.is_(False)).group_by(*by)
    ):
        if outcome in words:
            found[words[outcome]] += count
        found["bypassed"] += count if broke_glass else 0
        found["late"] += count if late else 0
    return found


def _rank_policies(connection: Connection, within: list[ColumnElement[bool]]) -> tuple[tuple[str, int], ...]:
    denied = (D.allowed.is_(False), D.dry_run.is_(False), D.policy != "")
    rows = connection.execute(select(D.policy, func.count()).where(*within, *denied).group_by(D.policy))
    return _take_most({row.policy: row[1] for row in rows})


def _take_most(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:BY_POLICY])


def _choose_decisions(connection: Connection, cluster: int, period: Period, scope: Scope) -> list[ColumnElement[bool]]:
    found = [D.cluster_id == cluster, D.at >= period.start, D.at < period.end, *scope.conditions(DECISIONS)]
    if scope.policies:
        found.append(D.policy.in_(sorted(scope.policies)))
    if scope.kinds:
        pairs = _find_kinds(connection, cluster, scope)
        found.append(or_(false(), *(and_(D.api_group == group, D.kind == kind) for group, kind in pairs)))
    return found


def _find_kinds(connection: Connection, cluster: int, scope: Scope) -> list[tuple[str, str]]:
    """A decision names the kind, a scope the resource. Findings have both; of a kind without any, the name of the
    resource is the usual plural."""
    f, mine = FINDINGS.c, Scope(namespaces=scope.namespaces, kinds=scope.kinds)
    known = select(f.api_group, f.kind, f.resource).where(f.cluster_id == cluster, *mine.conditions(FINDINGS))
    plurals = {(group, kind): {resource} for group, kind, resource in connection.execute(known.distinct())}
    asked = select(D.api_group, D.kind).where(D.cluster_id == cluster, *scope.conditions(DECISIONS)).distinct()
    found = []
    for group, kind in connection.execute(asked):
        guessed = plurals.get((group, kind)) or _guess_plurals(kind.lower())
        if any(scope.admits_kind(group, plural) for plural in guessed):
            found.append((group, kind))
    return sorted(found)


def _guess_plurals(kind: str) -> set[str]:
    return {kind, f"{kind}s", f"{kind}es", f"{kind[:-1]}ies"}
