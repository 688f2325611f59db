"""Whose reports a schedule makes: for each audience the namespaces that are its own, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from auditor.audit.schedules.spec import Routing, Schedule
from auditor.engine.match.selector import selects
from auditor.report.compliance.scope import Scope

Labels = Mapping[str, str]


class Namespaces(Protocol):
    def __call__(self) -> Mapping[str, Labels]:
        """All there are, with their labels. Raises ClusterError."""


def find_audiences(schedule: Schedule, namespaces: Namespaces) -> Mapping[str, frozenset[str] | None]:
    """By name; "" where the report is not routed. None: the whole cluster, with what is in no namespace."""
    if schedule.routing is Routing.ONE and schedule.selector is None:
        return {"": schedule.namespaces}
    chosen = _choose(schedule, namespaces())
    match schedule.routing:
        case Routing.NAMESPACE:
            return {name: frozenset({name}) for name in sorted(chosen)}
        case Routing.LABEL:
            values = sorted({labels.get(schedule.label, "") for labels in chosen.values()} - {""})
            return {
                value: frozenset(name for name, labels in chosen.items() if labels.get(schedule.label) == value)
                for value in values
            }
    return {"": frozenset(chosen)}


def list_audiences(schedule: Schedule, namespaces: Namespaces) -> Sequence[str]:
    """Of one that has not a single namespace there is nothing to tell."""
    return [name for name, own in find_audiences(schedule, namespaces).items() if own is None or own]


def make_scope(schedule: Schedule, audience: str, namespaces: Namespaces) -> Scope | None:
    """As its namespaces are now. None: it has none any more, so nobody may see anything."""
    found = find_audiences(schedule, namespaces)
    if audience not in found:
        return None
    return Scope(
        namespaces=found[audience],
        kinds=schedule.kinds,
        policies=schedule.policies,
        severity=schedule.severity,
        framework=schedule.framework,
    )


def _choose(schedule: Schedule, there: Mapping[str, Labels]) -> Mapping[str, Labels]:
    return {
        name: labels
        for name, labels in there.items()
        if (schedule.namespaces is None or name in schedule.namespaces)
        and (schedule.selector is None or selects(schedule.selector, labels))
    }
