"""Who is told: for each audience the namespaces that are its own, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from auditor.audit.dispatch.wish import Routing, Wish
from auditor.engine.match.selector import selects
from auditor.report.compliance.scope import Scope

Labels = Mapping[str, str]


class Namespaces(Protocol):
    def __call__(self) -> Mapping[str, Labels]:
        """All there are, with their labels. Raises ClusterError."""


def find_audiences(wish: Wish, namespaces: Namespaces) -> Mapping[str, frozenset[str] | None]:
    """By name; "" where the report is not routed. None: the whole cluster, with what is in no namespace."""
    if wish.routing is Routing.ONE and wish.selector is None:
        return {"": wish.namespaces}
    chosen = _choose(wish, namespaces())
    match wish.routing:
        case Routing.NAMESPACE:
            return {name: frozenset({name}) for name in sorted(chosen)}
        case Routing.LABEL:
            values = sorted({labels.get(wish.label, "") for labels in chosen.values()} - {""})
            return {
                value: frozenset(name for name, labels in chosen.items() if labels.get(wish.label) == value)
                for value in values
            }
    return {"": frozenset(chosen)}


def list_audiences(wish: Wish, namespaces: Namespaces) -> Sequence[str]:
    """Of one that has not a single namespace there is nothing to tell."""
    return [name for name, own in find_audiences(wish, namespaces).items() if own is None or own]


def make_scope(wish: Wish, audience: str, namespaces: Namespaces) -> Scope | None:
    """As its namespaces are now. None: it has none any more, so nobody may see anything."""
    found = find_audiences(wish, namespaces)
    if audience not in found:
        return None
    return Scope(
        namespaces=found[audience],
        kinds=wish.kinds,
        policies=wish.policies,
        severity=wish.severity,
        framework=wish.framework,
    )


def _choose(wish: Wish, there: Mapping[str, Labels]) -> Mapping[str, Labels]:
    return {
        name: labels
        for name, labels in there.items()
        if (wish.namespaces is None or name in wish.namespaces)
        and (wish.selector is None or selects(wish.selector, labels))
    }
