"""All that is to be registered, at one moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from auditor.cluster.discovery import CrdKind
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.json import JsonObject
from auditor.model.resource import name_kind
from auditor.webhooks.registration.cells import Side
from auditor.webhooks.registration.configurations import Installation, make_configurations
from auditor.webhooks.registration.entries import Entry, derive_entries
from auditor.webhooks.registration.kinds import list_custom_kinds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    installation: Installation
    """A part of it, because the authorities change while a program runs."""
    entries: tuple[Entry, ...] = ()
    """Of both sides."""
    conversions: Mapping[str, Conversion]
    """By the name of the CRD."""
    broken: frozenset[str] = frozenset()
    """CRDs whose Conversion is there and does not compile. It is not gone: what is registered for it stays as it is."""
    kinds: Mapping[str, CrdKind]
    """All of the cluster, by the name of the CRD."""

    @classmethod
    def of(
        cls,
        policies: Iterable[CompiledPolicy],
        conversions: Iterable[Conversion],
        kinds: Mapping[str, CrdKind],
        installation: Installation,
        *,
        broken: Iterable[str] = (),
    ) -> Self:
        """Native policies are left out: the API server itself enforces those."""
        own = [policy for policy in policies if not policy.policy.native]
        custom = list_custom_kinds(kinds.values())
        return cls(
            installation=installation,
            entries=tuple(entry for side in Side for entry in derive_entries(own, side, custom)),
            conversions={name_kind(each.group, each.resource): each for each in conversions},
            broken=frozenset(broken),
            kinds=kinds,
        )

    def groups(self) -> dict[str, frozenset[str]]:
        """The names of the policies behind each path that the API server calls, as the snapshot wants them."""
        return {entry.path.removeprefix("/"): entry.policies for entry in self.entries}

    def configurations(self) -> list[JsonObject]:
        return make_configurations(self.entries, self.installation)
