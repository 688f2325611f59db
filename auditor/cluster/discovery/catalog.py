"""The kinds of a cluster at one moment, and how a name finds its kind. Pure; never changed once it is made.

Names are understood as kubectl does: `databases`, `database`, `Database`, `db`, each also with `.group`, with the
beginning of a group, or with `.version.group`. Names of resources and kinds may be in any case, short names, groups and
categories may not. Plural and singular names go before short names, these before kinds. If several groups have the
name, the first in the server's order of groups is meant: `events` is that of the core group. The
beginning of a group counts where no group has just that name: `deployments.apps` is never of `apps.kruise.io`.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from auditor.cluster.resource import Resource
from auditor.errors import UnknownKindError

SUGGESTIONS = 3
"""A list that is longer is not read."""
CLOSENESS = 0.7
"""Of 1, by difflib: "databse" is 0.93 to "database"; "storageclas" is 0.67 to "strange", which nobody means by it."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a name means."""

    resource: Resource
    others: tuple[Resource, ...] = ()
    """Of later groups, which have the name as well and were not meant."""

    @property
    def note(self) -> str:
        """For people; empty if there was nothing to choose."""
        if not self.others:
            return ""
        return f"{self.resource.name} is meant; the name would fit {_listed(r.name for r in self.others)}, too"


Versions = tuple[Resource, ...]
"""One kind at all versions in which it is served, the preferred one first."""


class Catalog:
    """`resources` come in the server's order: groups by priority, the versions of each by preference."""

    __slots__ = ("_categories", "_kinds", "_names", "_short_names", "_versions", "broken")

    def __init__(self, resources: Iterable[Resource], broken: Mapping[str, str] = MappingProxyType({})) -> None:
        self.broken: Mapping[str, str] = MappingProxyType(dict(broken))
        """group/version -> why its kinds are not known."""
        self._versions: dict[str, Versions] = {}
        # name -> the names (`plural.group`) of kinds, as keys of a dict, for their order
        self._names: dict[str, dict[str, None]] = {}
        self._short_names: dict[str, dict[str, None]] = {}
        self._kinds: dict[str, dict[str, None]] = {}
        self._categories: dict[str, dict[str, None]] = {}
        for resource in resources:
            self._add(resource)

    def _add(self, resource: Resource) -> None:
        name = resource.name
        self._versions[name] = (*self._versions.get(name, ()), resource)
        for text in (resource.plural, resource.singular):
            self._names.setdefault(text.lower(), {})[name] = None
        self._kinds.setdefault(resource.kind.lower(), {})[name] = None
        for text in resource.short_names:
            self._short_names.setdefault(text, {})[name] = None
        for text in resource.categories:
            self._categories.setdefault(text, {})[name] = None

    def resources(self) -> tuple[Resource, ...]:
        """Every kind once, at its preferred version."""
        return tuple(versions[0] for versions in self._versions.values())

    def versions(self, resource: Resource) -> Versions:
        """Of the same kind: all versions in which it is served, the preferred one first. Empty: it is not there."""
        return self._versions.get(resource.name, ())

    def find_exact(self, api_version: str, kind: str) -> Resource:
        """By what an object says of itself."""
        for name in self._kinds.get(kind.lower(), ()):
            for resource in self._versions[name]:
                if (resource.api_version, resource.kind) == (api_version, kind):
                    return resource
        group, _, version = api_version.rpartition("/")
        rivals = [v for name in self._kinds.get(kind.lower(), ()) for v in self._versions[name] if v.kind == kind]
        if served := [r.version for r in rivals if r.group == group]:
            raise UnknownKindError(f"{kind} of {group or 'core'} is served in {_listed(served)}, not in {version}")
        elsewhere = f". It is a kind of {_listed(r.api_version for r in rivals)}" if rivals else ""
        raise UnknownKindError(f"this cluster has no kind {kind} in {api_version}{elsewhere}{self._excuse(group)}")

    def find_all(self, name: str) -> tuple[Resource, ...]:
        """A category means all of its kinds, any other name one. As with kubectl, a category goes first."""
        if in_category := self._categories.get(name):
            return tuple(self._versions[n][0] for n in in_category)
        return (self.match(name).resource,)

    def match(self, name: str, *, version: str = "") -> Match:
        """At the preferred version, or at the one that is asked for, here or in the name."""
        refused = []
        for wanted, found in self._readings(name):
            asked = version or wanted
            fitting = [r for versions in found if (r := next((r for r in versions if asked in ("", r.version)), None))]
            if not fitting:
                refused += [f"{v[0].name} is served in {_listed(r.version for r in v)}, not in {asked}" for v in found]
                continue
            first, *others = fitting
            if rivals := [r for r in others if r.group == first.group]:
                candidates = _listed(r.name for r in [first, *rivals])
                raise UnknownKindError(f"{name} may mean {candidates}: say which by its plural name")
            return Match(first, tuple(others))
        raise UnknownKindError("; ".join(dict.fromkeys(refused)) or self._unknown(name))

    def _readings(self, name: str) -> Iterator[tuple[str, list[Versions]]]:
        """(version, kinds) for each way to read it that leads to kinds, the best first."""
        head, _, group = name.partition(".")
        version, dot, rest = group.partition(".")
        readings = [(head, version, rest)] if dot else []
        readings.append((head, "", group))
        for beginning in (False, True):
            for asked, wanted, of_group in readings:
                if beginning and not of_group:
                    continue
                for index, text in (
                    (self._names, asked.lower()),
                    (self._short_names, asked),
                    (self._kinds, asked.lower()),
                ):
                    all_of_it = [self._versions[n] for n in index.get(text, ())]
                    found = [v for v in all_of_it if _is_in(v[0].group, of_group, beginning=beginning)]
                    if found:
                        yield wanted, found

    def _unknown(self, name: str) -> str:
        head, _, group = name.partition(".")
        said = f"this cluster has no kind {name}"
        if in_category := self._categories.get(name):
            return f"{name} is a category of {len(in_category)} kinds, not a kind: name one of {_listed(in_category)}"
        same = [n for index in (self._names, self._kinds) for n in index.get(head.lower(), ())]
        if group and same:
            said += f"; {head} there is as {_listed(dict.fromkeys(same))}"
        elif near := self._suggest(head):
            said += f" (did you mean {_listed(near)}?)"
        return said + self._excuse(group)

    def _suggest(self, head: str) -> list[str]:
        known = {**self._kinds, **self._short_names, **self._names}
        near = difflib.get_close_matches(head.lower(), known, n=SUGGESTIONS, cutoff=CLOSENESS)
        return list(dict.fromkeys(name for text in near for name in known[text]))[:SUGGESTIONS]

    def _excuse(self, group: str) -> str:
        """A kind that is not found may be one of a group that does not answer."""
        broken = {v: why for v, why in self.broken.items() if not group or v.rpartition("/")[0] in group or group in v}
        if not broken:
            return ""
        whys = "; ".join(f"{api_version} ({why})" for api_version, why in broken.items())
        return f". Not known are the kinds of what does not answer: {whys}"


def _is_in(group: str, asked: str, *, beginning: bool) -> bool:
    return not asked or (group.startswith(asked) if beginning else group == asked)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
