"""One MatchResources as a function from requests to yes, no with the reason, or error."""

from collections.abc import Callable, Mapping

from auditor.dataclass import dataclass
from auditor.engine.match.selector import find_obstacle, holds, selects
from auditor.json import Json
from auditor.model.match import Kinds, LabelSelector, MatchPolicy, MatchResources, MatchResult, ResourceRule, Scope
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request

NAME_LABEL = "kubernetes.io/metadata.name"
_NO_KINDS = Kinds()


@dataclass(frozen=True, slots=True)
class MatchProgram:
    match: MatchResources
    custom_only: bool = False
    """`*` for groups or resources means kinds of CRDs: so in our own policies, not in native ones."""

    def __call__(self, request: Request, kinds: Kinds = _NO_KINDS) -> MatchResult:
        """An error only where all else matches: a policy for other kinds never fails a request."""
        match = self.match
        excluded = _find_rule(match.excludes, request, kinds, self) if match.excludes else None
        if excluded:
            return MatchResult.no(f"excludeResourceRules name {_describe(request)}")
        found = _find_rule(match.rules, request, kinds, self) if match.rules else (request.resource, request.kind)
        if found is None:
            return MatchResult.no(_explain_rules(match.rules, request, kinds, custom_only=self.custom_only))
        if match.objects.requirements and (reason := _refuse_object(match.objects, request)):
            return MatchResult.no(reason)
        if match.namespaces.requirements and (result := _refuse_namespace(match.namespaces, request)):
            return result
        return MatchResult.yes(*found)


def compile_match(match: MatchResources, *, custom_only: bool = False) -> MatchProgram:
    return MatchProgram(match, custom_only)


def _find_rule(
    rules: tuple[ResourceRule, ...], request: Request, kinds: Kinds, program: MatchProgram
) -> tuple[GroupVersionResource, GroupVersionKind] | None:
    resource = request.resource
    for rule in rules:
        if _meets(rule, request, resource) and not (program.custom_only and _too_wide(rule, resource, kinds)):
            return resource, request.kind
    if program.match.policy is MatchPolicy.EQUIVALENT and kinds.equivalents:
        for rule in rules:
            for other in kinds.equivalents.get(resource, ()):
                if (
                    other.resource != resource
                    and _meets(rule, request, other.resource)
                    and not (program.custom_only and _too_wide(rule, other.resource, kinds))
                ):
                    return other.resource, other.kind
    return None


_CHECKS: tuple[tuple[str, Callable[[ResourceRule, Request, GroupVersionResource], bool]], ...] = (
    ("group", lambda rule, _, resource: _names(rule.groups, resource.group)),
    ("resource", lambda rule, request, resource: _names_resource(rule, resource.resource, request.subresource)),
    ("version", lambda rule, _, resource: _names(rule.versions, resource.version)),
    ("operation", lambda rule, request, _: _names(rule.operations, request.operation)),
    ("scope", lambda rule, request, resource: _in_scope(rule.scope, request, resource)),
    ("name", lambda rule, request, _: not rule.names or find_name(request) in rule.names),
)
_ORDER = {word: position for position, (word, _) in enumerate(_CHECKS)}


def _meets(rule: ResourceRule, request: Request, resource: GroupVersionResource) -> bool:
    return (
        (resource.group in rule.groups or "*" in rule.groups)
        and _names_resource(rule, resource.resource, request.subresource)
        and (resource.version in rule.versions or "*" in rule.versions)
        and ("*" in rule.operations or request.operation in rule.operations)
        and (rule.scope is Scope.ANY or _in_scope(rule.scope, request, resource))
        and (not rule.names or find_name(request) in rule.names)
    )


def _names(words: frozenset[str], word: str) -> bool:
    return word in words or "*" in words


def _names_resource(rule: ResourceRule, resource: str, subresource: str) -> bool:
    for name, sub in rule.resources:  # noqa: SIM110 - `any` takes three times as long, for each policy and request
        if (name == resource or name == "*") and (sub == subresource or sub == "*"):
            return True
    return False


def _too_wide(rule: ResourceRule, resource: GroupVersionResource, kinds: Kinds) -> bool:
    named = "*" not in rule.groups and any(name == resource.resource for name, _ in rule.resources)
    return not named and not kinds.is_custom(resource)


def _is_namespace(resource: GroupVersionResource) -> bool:
    return resource.group == "" and resource.version == "v1" and resource.resource == "namespaces"


def _in_scope(scope: Scope, request: Request, resource: GroupVersionResource) -> bool:
    namespaced = request.namespace != "" if request.namespaced is None else request.namespaced
    if _is_namespace(resource):
        namespaced = False  # its requests carry its own name as their namespace
    return scope is Scope.ANY or namespaced == (scope is Scope.NAMESPACED)


def find_name(request: Request) -> str:
    """Empty while the API server has not generated it yet; then no rule with names matches."""
    if request.name:
        return request.name
    for thing in (request.object, request.old_object):
        name = _metadata(thing).get("name")
        if isinstance(name, str) and name:
            return name
    return ""


def _metadata(thing: Json) -> Mapping[str, Json]:
    metadata = thing.get("metadata") if isinstance(thing, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def find_labels(thing: Json) -> Mapping[str, str]:
    labels = _metadata(thing).get("labels")
    return labels if isinstance(labels, dict) else {}


def _refuse_object(selector: LabelSelector, request: Request) -> str:
    """The object or the old one: an update cannot slip out of a policy by dropping a label."""
    for thing in (request.object, request.old_object):
        if isinstance(thing, dict) and selects(selector, find_labels(thing)):
            return ""
    there = next((thing for thing in (request.object, request.old_object) if isinstance(thing, dict)), None)
    if there is None:
        return "objectSelector: the request has no object"
    labels = find_labels(there)
    obstacle = find_obstacle(selector, labels)
    key = obstacle.key if obstacle else ""
    return f"object label {_show(labels, key)} does not match objectSelector {obstacle}"


def _refuse_namespace(selector: LabelSelector, request: Request) -> MatchResult | None:
    labels, complete = _find_namespace_labels(request)
    if labels is None:
        return None  # cluster-scoped objects are never kept out by a namespaceSelector
    missing = set()
    for item in selector.requirements:
        if not complete and item.key != NAME_LABEL:
            missing.add(item.key)
        elif not holds(item, labels):
            return MatchResult.no(f"namespace label {_show(labels, item.key)} does not match namespaceSelector {item}")
    if missing:
        needed = ", ".join(sorted(missing))
        return MatchResult.failed(f"the labels of namespace {request.namespace} are not known, needed: {needed}")
    return None


def _find_namespace_labels(request: Request) -> tuple[Mapping[str, str] | None, bool]:
    """The labels, and whether these are all. None: the request is in no namespace and is none.

    A Namespace is judged by its own labels: those it gets on create and update, those it has on everything else.
    """
    name = request.namespace
    if request.resource.resource == "namespaces":
        writes = request.operation in (Operation.CREATE, Operation.UPDATE) and not request.subresource
        own = request.object if writes else request.namespace_object or request.old_object or request.object
        if isinstance(own, dict):
            return _with_name(own, find_name(request)), True
        return {NAME_LABEL: name or find_name(request)}, False
    if not name:
        return None, True
    if request.namespace_object is None:
        return {NAME_LABEL: name}, False
    return _with_name(request.namespace_object, name), True


def _with_name(namespace: Json, name: str) -> Mapping[str, str]:
    """The API server sets the name label on every namespace; files lack it."""
    labels = find_labels(namespace)
    return {**labels, NAME_LABEL: name} if name else labels


def _show(labels: Mapping[str, str], key: str) -> str:
    return f"{key}={labels[key]}" if key in labels else f"{key} (absent)"


def _describe(request: Request) -> str:
    resource = request.resource
    subresource = f"/{request.subresource}" if request.subresource else ""
    return f"{resource.group or 'core'}/{resource.version} {resource.resource}{subresource}"


def _explain_rules(rules: tuple[ResourceRule, ...], request: Request, kinds: Kinds, *, custom_only: bool) -> str:
    """What stopped the rule that came furthest."""
    furthest, stopped = -1, ""
    for rule in rules:
        failed = [word for word, check in _CHECKS if not check(rule, request, request.resource)]
        if not failed and custom_only and _too_wide(rule, request.resource, kinds):
            return f"* means kinds of CRDs, and {_describe(request)} is built in: name its group and resource"
        passed = _ORDER[failed[0]] if failed else -1
        if passed > furthest:
            furthest, stopped = passed, failed[0]
    if stopped == "operation":
        return f"no resource rule for {_describe(request)} names the operation {request.operation}"
    if stopped == "scope":
        return f"the resource rules for {_describe(request)} are for another scope"
    if stopped == "name":
        return f"no resource rule for {_describe(request)} names {find_name(request) or 'an object without a name'}"
    return f"no resource rule names {_describe(request)}"
