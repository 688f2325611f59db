"""What is granted held against what is needed, told rule by rule."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auditor.cli.rbac.granted import Grant, Granted
from auditor.cli.rbac.parts import Part
from auditor.json import JsonObject
from auditor.model.resource import name_kind
from auditor.model.rights import Right, list_excess, list_uncovered


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of one account: two parts in one pod have the same."""

    account: str
    parts: tuple[str, ...]
    missing: tuple[Right, ...]
    excess: tuple[Grant, ...]

    @property
    def clean(self) -> bool:
        return not (self.missing or self.excess)


def compare(parts: Iterable[Part], granted: Granted, namespace: str) -> list[Difference]:
    by_account: dict[str, list[Part]] = {}
    for part in parts:
        if part.account:
            by_account.setdefault(part.account, []).append(part)
    found = []
    for account, mine in by_account.items():
        needed = [right for part in mine for right in part.rights]
        grants = granted.of(namespace, account)
        rights = [each.right for each in grants]
        excess = [Grant(left, each.by) for each in grants for left in list_excess([each.right], needed)]
        found.append(
            Difference(
                account=account,
                parts=tuple(each.name for each in mine),
                missing=tuple(list_uncovered(needed, rights)),
                excess=tuple(excess),
            )
        )
    return found


def say(differences: Iterable[Difference], namespace: str) -> Iterator[str]:
    for each in differences:
        yield f"{', '.join(each.parts)} (ServiceAccount {namespace}/{each.account}): {_sum_up(each)}"
        for right in each.missing:
            yield f"  missing: {say_right(right)}: {right.why}"
        for grant in each.excess:
            yield f"  too much: {say_right(grant.right)}: {grant.by}"


def _sum_up(difference: Difference) -> str:
    if difference.clean:
        return "exactly what it needs"
    counted = ((len(difference.missing), "missing"), (len(difference.excess), "too much"))
    return ", ".join(f"{number} {what}" for number, what in counted if number)


def say_right(right: Right) -> str:
    """In one line, in the words of `kubectl auth can-i`."""
    kinds = ", ".join(name_kind(right.group, each) for each in right.resources)
    names = f" named {', '.join(right.names)}" if right.names else ""
    where = f" in {right.namespace}" if right.namespace else ""
    return f"{', '.join(right.verbs)} {kinds}{names}{where}"


def to_json(differences: Iterable[Difference], namespace: str) -> JsonObject:
    told = list(differences)
    return {
        "clean": all(each.clean for each in told),
        "accounts": [
            {
                "namespace": namespace,
                "account": each.account,
                "parts": [*each.parts],
                "missing": [_to_json(right) | {"why": right.why} for right in each.missing],
                "tooMuch": [_to_json(grant.right) | {"by": grant.by} for grant in each.excess],
            }
            for each in told
        ],
    }


def _to_json(right: Right) -> JsonObject:
    return {
        "group": right.group,
        "resources": [*right.resources],
        "verbs": [*right.verbs],
        "names": [*right.names],
        "namespace": right.namespace,
    }
