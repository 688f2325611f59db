"""What objects in files see of each other: CRDs, namespaces, and what policies read. All others can be forgotten."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from auditor.engine.compiled import CompiledPolicy
from auditor.errors import InputError
from auditor.intake.catalog import Catalog, make_catalog
from auditor.intake.load import CRD_GROUP, Item, Loaded, sort
from auditor.intake.portions import Portion, gather
from auditor.intake.requests import Surroundings, kind_of, surround
from auditor.json import JsonObject
from auditor.model.exception import PolicyException

CRD: Final = "CustomResourceDefinition"
NAMESPACE: Final = "Namespace"


class Sought:
    """By the params and the lookups of policies."""

    def __init__(self, policies: Iterable[CompiledPolicy]) -> None:
        listed = [each.policy for each in policies]
        self._kinds = {(p.param_kind.api_version, p.param_kind.kind) for p in listed if p.param_kind is not None}
        self._resources = {(each.group, each.resource) for p in listed for each in p.lookups}

    def words(self, catalog: Catalog) -> frozenset[str]:
        """One of them, in whichever case, stands in the text of each that is sought."""
        named = {(found.crd.group, found.crd.plural): found.crd.kind for found in catalog.crds.values()}
        looked_up = {named.get(each) or _stem(each[1]) for each in self._resources}
        return frozenset({CRD, NAMESPACE, *(kind for _, kind in self._kinds), *looked_up})

    def wants(self, thing: JsonObject, catalog: Catalog) -> bool:
        kind = kind_of(thing)
        resource = catalog.resource_of(kind)
        return (
            kind.kind == NAMESPACE
            or (thing["apiVersion"], kind.kind) in self._kinds
            or (resource.group, resource.resource) in self._resources
        )


def _stem(plural: str) -> str:
    """What it has in common with each kind of which it would be guessed to be the plural."""
    for ending in ("ies", "es", "s"):
        if plural.endswith(ending):
            return plural.removesuffix(ending)
    return plural


def find_surroundings(
    portions: Sequence[Portion],
    policies: Sequence[CompiledPolicy],
    known: Loaded,
    catalog: Catalog,
    time: datetime,
    *,
    beside: Sequence[Item] = (),
    unreadable: list[InputError],
) -> Surroundings:
    """`known` and `beside` are surroundings as well. What is wrong with a CRD is told in `unreadable`."""
    sought = Sought(policies)
    words = sought.words(catalog)
    items = list(gather(portions, words, lambda item: _is_crd(item) or sought.wants(item.thing, catalog)))
    whole = _add_crds(list(filter(_is_crd, items)), catalog, known, unreadable)
    if whole is not catalog:
        # A CRD among them may name what is sought otherwise than one would guess.
        items = list(gather(portions, sought.words(whole), lambda item: sought.wants(item.thing, whole)))
    else:
        items = [item for item in items if sought.wants(item.thing, catalog)]
    exceptions: Sequence[PolicyException] = known.exceptions
    return surround([*known.objects, *beside, *items], whole, time, exceptions=exceptions)


def _is_crd(item: Item) -> bool:
    return item.kind == CRD and item.group == CRD_GROUP


def _add_crds(items: Sequence[Item], catalog: Catalog, known: Loaded, unreadable: list[InputError]) -> Catalog:
    given = sort(items, Loaded())
    if not given.crds and not given.mistakes:
        return catalog
    whole, mistakes = make_catalog([*catalog.crds.values(), *given.crds], known.conversions)
    unreadable += [InputError(str(mistake)) for mistake in (*given.mistakes, *mistakes)]
    return whole
