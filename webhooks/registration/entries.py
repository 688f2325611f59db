"""Which webhooks are registered, and which policies each of them judges by.

Few calls a request, and none that is not needed: policies are put together by what has to be said of a webhook as a
whole (what happens when it fails, how long it may take), and within that each resource belongs to one webhook alone.
What all policies of a resource agree on, selectors and matchConditions, the API server checks itself and does not call.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from auditor.engine.compiled import CompiledPolicy
from auditor.model.match import LabelSelector, Scope
from auditor.model.policy import Enforcement, FailurePolicy
from auditor.webhooks.failure import effective_failure_policy, list_enforcements
from auditor.webhooks.registration.cells import Cell, Side, Wish, list_wishes
from auditor.webhooks.registration.kinds import CustomKinds

MAX_EXPRESSION = 8192
"""Characters of a matchCondition that is put together from those of several policies: longer ones are left to us, which
costs a call and nothing else."""
PUSHABLE = frozenset(["object", "oldObject", "request"])
"""What a matchCondition of a webhook may read. Not the authorizer, whose answer costs the API server a lookup each."""


@dataclass(frozen=True, slots=True, order=True)
class Filter:
    """What the API server checks before it calls."""

    namespaces: LabelSelector = field(default=LabelSelector(), compare=False)
    objects: LabelSelector = field(default=LabelSelector(), compare=False)
    condition: str = ""
    """In CEL; empty: it calls."""
    view: str = ""
    """Where policies want to see a resource in different versions, each view has its own webhook."""
    text: str = ""
    """All of it as text, by which it is compared."""

    @classmethod
    def of(cls, policies: Sequence[CompiledPolicy], view: str, failure: FailurePolicy) -> "Filter":
        namespaces = {match.namespaces for each in policies for match in each.policy.matches}
        objects = {match.objects for each in policies for match in each.policy.matches}
        by_namespace = namespaces.pop() if len(namespaces) == 1 else LabelSelector()
        by_object = objects.pop() if len(objects) == 1 else LabelSelector()
        condition = _any_of(policies, failure)
        texts = (_describe(by_namespace), _describe(by_object), condition, view)
        return cls(by_namespace, by_object, condition, view, "\n".join(texts) if any(texts) else "")


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered webhook."""

    name: str
    """Part of its URL and of its name, and the same as long as its filter is."""
    side: Side
    failure_policy: FailurePolicy
    timeout: int
    filter: Filter
    operations: tuple[tuple[Cell, Scope, frozenset[str]], ...]
    policies: frozenset[str]

    @property
    def path(self) -> str:
        return f"/{self.side}/{self.name}"


Place = tuple[str, str, str]
"""Group, resource with subresource, and the view of it that some policies share: one webhook serves them all."""


def derive_entries(policies: Iterable[CompiledPolicy], side: Side, kinds: CustomKinds) -> list[Entry]:
    classes: dict[tuple[FailurePolicy, int], dict[CompiledPolicy, list[Wish]]] = {}
    for policy in policies:
        for wish in list_wishes(policy.policy, side, kinds):
            failure = effective_failure_policy(policy, group=wish.cell.group, mutating=side is Side.MUTATE)
            classes.setdefault((failure, policy.policy.timeout), {}).setdefault(policy, []).append(wish)
    entries = []
    for (failure, timeout), members in sorted(classes.items(), key=lambda each: each[0]):
        entries += _derive_class(members, side, failure=failure, timeout=timeout)
    return entries


def _derive_class(
    members: Mapping[CompiledPolicy, Sequence[Wish]], side: Side, *, failure: FailurePolicy, timeout: int
) -> list[Entry]:
    wanted: dict[Place, dict[tuple[Cell, Scope], set[str]]] = {}
    askers: dict[Place, list[CompiledPolicy]] = {}
    views: dict[tuple[str, str], set[str]] = {}
    for policy, wishes in members.items():
        for (group, resource), its in _by_resource(wishes).items():
            place = (group, resource, _view(its))
            views.setdefault((group, resource), set()).add(_view(its))
            askers.setdefault(place, []).append(policy)
            for wish in its:
                wanted.setdefault(place, {}).setdefault((wish.cell, wish.scope), set()).update(wish.operations)
    by_filter: dict[Filter, list[Place]] = {}
    for place in sorted(wanted):
        several = len(views[place[0], place[1]]) > 1
        chosen = Filter.of(askers[place], place[2] if several else "", failure)
        by_filter.setdefault(chosen, []).append(place)
    return [
        Entry(
            name=_name(failure, timeout, chosen),
            side=side,
            failure_policy=failure,
            timeout=timeout,
            filter=chosen,
            operations=tuple(
                (cell, scope, frozenset(operations))
                for place in places
                for (cell, scope), operations in sorted(wanted[place].items())
            ),
            policies=frozenset(policy.policy.name for place in places for policy in askers[place]),
        )
        for chosen, places in sorted(by_filter.items())
    ]


def _by_resource(wishes: Iterable[Wish]) -> dict[tuple[str, str], list[Wish]]:
    found: dict[tuple[str, str], list[Wish]] = {}
    for wish in wishes:
        found.setdefault((wish.cell.group, wish.cell.resource), []).append(wish)
    return found


def _view(wishes: Sequence[Wish]) -> str:
    """In which version a policy sees a resource. One that names several is called once, in the request's own if that is
    among them, so all of its versions belong to one webhook; and which one that is may depend on the operation."""
    versions = {wish.cell.version for wish in wishes}
    if len(versions) == 1:
        return versions.pop()
    return "; ".join(sorted({f"{w.cell.version} {','.join(sorted(w.operations))} {w.scope}" for w in wishes}))


def _name(failure: FailurePolicy, timeout: int, chosen: Filter) -> str:
    name = f"{failure.lower()}-{timeout}s"
    return f"{name}-{hashlib.sha256(chosen.text.encode()).hexdigest()[:8]}" if chosen.text else name


def _describe(selector: LabelSelector) -> str:
    return ",".join(sorted(map(str, selector.requirements)))


def _any_of(policies: Sequence[CompiledPolicy], failure: FailurePolicy) -> str:
    """True where the matchConditions of one of the policies hold; empty where the API server cannot decide that."""
    if not all(_can_decide(each, failure) for each in policies):
        return ""
    texts = sorted({_all_of(each) for each in policies})
    whole = texts[0] if len(texts) == 1 else " || ".join(f"({text})" for text in texts)
    return whole if len(whole) <= MAX_EXPRESSION else ""


def _all_of(policy: CompiledPolicy) -> str:
    # A comment at the end of an expression would swallow the parenthesis.
    texts = (f"({each.text}\n)" if "//" in each.text else f"({each.text})" for each in policy.policy.conditions)
    return " && ".join(texts)


def _can_decide(policy: CompiledPolicy, failure: FailurePolicy) -> bool:
    """What cannot be evaluated refuses the request under Fail: as we do where all is Deny, and only there."""
    if not policy.conditions or any(not program.names <= PUSHABLE for _, program in policy.conditions):
        return False
    return failure is FailurePolicy.IGNORE or list_enforcements(policy) <= {Enforcement.DENY}
