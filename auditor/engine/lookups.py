"""Other objects that a policy reads: its params, and what its lookups name. They come with the request."""

from collections.abc import Mapping, Sequence
from typing import Final

from auditor.engine.match import selects
from auditor.engine.patch import find_value, same
from auditor.json import Json, JsonObject
from auditor.model.match import BUILT_IN_GROUPS, CLUSTER_SCOPED, Kinds
from auditor.model.policy import Lookup, ParamKind, ParamRef, Policy
from auditor.model.request import Request
from auditor.model.resource import name_kind
from auditor.model.world import Narrowing

_NO_PARAMS: Final[tuple[Json, ...]] = (None,)


def find_params(policy: Policy, request: Request) -> tuple[Sequence[Json], str]:
    """One evaluation for each; none where the policy does not apply; and what is wrong, if anything is."""
    kind, ref = policy.param_kind, policy.param_ref
    if kind is None:
        return (policy.params,), ""
    if ref is None:
        return _NO_PARAMS, ""
    found = request.world.objects.of_kind(kind.api_version, kind.kind)
    if found is None:
        return (), f"the params of kind {kind.kind} ({kind.api_version}) are not known here"
    namespaced = _is_namespaced(kind, found, request.world.kinds)
    namespace = (ref.namespace or request.namespace) if namespaced else ""
    if namespaced and not namespace:
        return (), "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
    if not namespaced and found and ref.namespace:
        return (), "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
    chosen = [each for each in found if _is_meant(each, ref, namespace)]
    if chosen or ref.allow_missing:
        return chosen, ""
    return (), "no params found for policy binding with `Deny` parameterNotFoundAction"


def _is_namespaced(kind: ParamKind, found: Sequence[JsonObject], kinds: Kinds) -> bool:
    """What is not known otherwise the objects tell."""
    group = kind.api_version.rpartition("/")[0]
    known = kinds.scopes.get((group, kind.kind))
    if known is not None:
        return known
    if group in BUILT_IN_GROUPS:
        return kind.kind not in CLUSTER_SCOPED
    return any((each.get("metadata") or {}).get("namespace") for each in found)


def _is_meant(each: JsonObject, ref: ParamRef, namespace: str) -> bool:
    metadata = each.get("metadata") or {}
    if namespace and (metadata.get("namespace") or "default") != namespace:
        return False
    if ref.name:
        return bool(metadata.get("name") == ref.name)
    return ref.selector is not None and selects(ref.selector, metadata.get("labels") or {})


def find_lookups(policy: Policy, request: Request) -> tuple[Mapping[str, Json], str]:
    """By the name of the lookup the objects that it finds, without the one that is judged."""
    found: dict[str, Json] = {}
    for lookup in policy.lookups:
        namespace = request.namespace if lookup.namespace == "same" else lookup.namespace
        value = None
        if lookup.indexed_by:
            try:
                value = find_value(request.object or request.old_object, lookup.indexed_by)
            except LookupError:
                found[lookup.name] = []  # without a value nothing is the same: two that lack a host do not share one
                continue
        narrowing = Narrowing(namespace, lookup.indexed_by, value)
        objects = request.world.objects.of_resource(lookup.group, lookup.resource, narrowing)
        if objects is None:
            return {}, f"lookup {lookup.name}: {name_kind(lookup.group, lookup.resource)} are not known here"
        found[lookup.name] = [each for each in objects if _is_looked_up(each, lookup, narrowing, request)]
    return found, ""


def _is_looked_up(each: JsonObject, lookup: Lookup, narrowing: Narrowing, request: Request) -> bool:
    metadata = each.get("metadata") or {}
    namespace = metadata.get("namespace") or ""
    if narrowing.namespace and namespace != narrowing.namespace:
        return False
    itself = (request.resource.group, request.resource.resource, request.namespace, request.name)
    # What is asked of a subresource is another object, as a Scale, whose rule needs the one that it is a part of.
    if (lookup.group, lookup.resource, namespace, metadata.get("name")) == itself and not request.subresource:
        return False
    if lookup.selector is not None and not selects(lookup.selector, metadata.get("labels") or {}):
        return False
    return not narrowing.pointer or _has(each, narrowing.pointer, narrowing.value)


def _has(each: Json, pointer: str, value: Json) -> bool:
    try:
        return same(find_value(each, pointer), value)
    except LookupError:
        return False
