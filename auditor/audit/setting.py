"""All by which the objects of one kind are judged at one moment, and what a change of it means for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

from auditor.checks import KindFacts
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.intake.versions import Ways
from auditor.json import JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.exception import PolicyException
from auditor.model.finding import Finding
from auditor.model.request import GroupVersionResource
from auditor.model.settings import Check, KindSettings
from auditor.model.world import World

ON_POLICIES: Final = (Check.BYPASS, Check.MUTATION)
"""The checks that speak of a policy."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    resource: GroupVersionResource
    namespaced: bool
    engine: Engine
    """Of the policies that may concern the kind, and no others."""
    world: World
    namespace: Callable[[str], JsonObject | None]
    """The Namespace object; None: not known."""
    ways: Ways
    convertible: tuple[str, ...] = ()
    conversion: Conversion | None = None
    facts: KindFacts | None = None
    schema: StructuralSchema | None = None
    kind: KindSettings = field(default_factory=KindSettings)
    excluded_namespaces: frozenset[str] = frozenset()
    passes: bool = False
    """Whether findings tell what passed, too."""
    enforced_since: Callable[[], Mapping[tuple[str, str], datetime]] = dict
    pardons: Callable[[str], Sequence[datetime]] = lambda _: ()
    """By key, when somebody broke the glass for that object."""
    owners: Callable[[JsonObject, str], bool | datetime | None] = lambda _owner, _namespace: None
    """Whether that owner of an object in that namespace is there. A time: it is not, but only then it is certain that
    it will not be collected together with what it owns. None: not known."""
    debts: Callable[[JsonObject], Sequence[Finding]] | None = None
    """Where the objects are CRDs: what is wrong with the kind that one defines as a whole."""
    policies: Mapping[str, CompiledPolicy] = field(init=False)
    """By source."""
    mutating: frozenset[str] = field(init=False)
    """Those policies that mutate."""
    splits: bool = field(init=False)
    """Whether some policy may want another version than that in which objects come."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "policies", {each.policy.key: each for each in self.engine.policies})
        mutating = frozenset(key for key, each in self.policies.items() if each.mutations)
        object.__setattr__(self, "mutating", mutating)
        object.__setattr__(self, "splits", any(_names_others(each, self.resource) for each in self.engine.policies))

    def close(self, sources: frozenset[str]) -> frozenset[str]:
        """These, and those without which nothing can be said of them: what a mutation would still change depends on
        what the others make of the object."""
        if any(source in self.mutating for source in sources):
            return sources | self.mutating
        return sources

    def only(self, sources: Iterable[str]) -> Self:
        """With these policies alone, and the checks that speak of them."""
        chosen = [self.policies[each] for each in sorted(set(sources) & self.policies.keys())]
        asked = (Check.POLICY, *ON_POLICIES)
        checks = {
            check: each if check in asked else replace(each, enabled=False) for check, each in self.kind.checks.items()
        }
        return replace(
            self,
            engine=Engine.of(chosen, schemas=self.engine.schemas),
            debts=None,
            kind=replace(self.kind, checks=checks),
        )


def _names_others(policy: CompiledPolicy, resource: GroupVersionResource) -> bool:
    rules = [rule for match in policy.policy.matches for rule in match.rules]
    return any("*" not in rule.versions and resource.version not in rule.versions for rule in rules)


@dataclass(frozen=True, slots=True)
class Consequence:
    """What is to be judged again. `all` stands for every source."""

    all: bool = False
    changed: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    """These say nothing any more, for which nothing has to be judged."""

    def __bool__(self) -> bool:
        return self.all or bool(self.changed or self.gone)


def compare(before: Setting, after: Setting) -> Consequence:
    if (
        (before.resource, before.namespaced, before.facts, before.kind, before.passes, before.excluded_namespaces)
        != (after.resource, after.namespaced, after.facts, after.kind, after.passes, after.excluded_namespaces)
        or before.debts != after.debts
        or before.schema is not after.schema
        or before.conversion is not after.conversion
        or before.world.own_namespace != after.world.own_namespace
        or before.world.excluded_users != after.world.excluded_users
        or ((before.splits or after.splits or after.convertible) and before.convertible != after.convertible)
    ):
        return Consequence(all=True)
    changed = {key for key, each in after.policies.items() if before.policies.get(key) is not each}
    changed |= _excused(before.world.exceptions, after.world.exceptions, after)
    gone = before.policies.keys() - after.policies.keys()
    if (changed | gone) & (before.mutating | after.mutating):
        changed |= after.mutating  # each of them sees what the others make of the object
    return Consequence(changed=frozenset(changed), gone=frozenset(gone))


def _excused(before: Sequence[PolicyException], after: Sequence[PolicyException], setting: Setting) -> set[str]:
    """Policies about which an exception says something else now."""
    if before == after:
        return set()
    # By their names: a thousand of them compared with each other, for each kind, would take minutes.
    old, new = ({(each.namespace, each.name): each for each in those} for those in (before, after))
    different = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    names = {name for key in different for those in (old, new) if key in those for name in those[key].policies}
    return {
        key
        for key, each in setting.policies.items()
        if each.policy.exceptions is not None and ("*" in names or each.policy.name in names)
    }
