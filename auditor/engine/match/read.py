"""MatchResources from JSON, under the rules by which the API server accepts them; all mistakes at once."""

from auditor.engine.match.selector import collect_selector
from auditor.errors import CompileError, Problem
from auditor.json import Json
from auditor.model.match import MatchPolicy, MatchResources, ResourceRule, Scope

_FIELDS = {"resourceRules", "excludeResourceRules", "namespaceSelector", "objectSelector", "matchPolicy"}
_RULE_FIELDS = {"apiGroups", "apiVersions", "resources", "operations", "scope", "resourceNames"}
_OPERATIONS = {"*", "CREATE", "UPDATE", "DELETE", "CONNECT"}


def read_match(value: Json, path: str = "match", *, rules_required: bool = True) -> MatchResources:
    """Bindings may go without resource rules, policies may not. Raises CompileError."""
    problems: list[str] = []
    result = MatchResources()
    if value is None and not rules_required:
        return result
    if isinstance(value, dict):
        result = _read(value, path, problems)
        if rules_required and not value.get("resourceRules"):
            problems.append(f"{path}.resourceRules: required: which kinds does it match?")
    else:
        problems.append(f"{path}: must be an object with resourceRules")
    if problems:
        raise CompileError([Problem(text) for text in problems])
    return result


def _read(value: dict[str, Json], path: str, problems: list[str]) -> MatchResources:
    problems += [f"{path}.{name}: unknown field" for name in sorted(value.keys() - _FIELDS)]
    policy = value.get("matchPolicy") or MatchPolicy.EQUIVALENT
    if policy not in list(MatchPolicy):
        problems.append(f"{path}.matchPolicy: must be Exact or Equivalent, not {policy!r}")
        policy = MatchPolicy.EXACT
    return MatchResources(
        rules=_read_rules(value.get("resourceRules"), f"{path}.resourceRules", problems),
        excludes=_read_rules(value.get("excludeResourceRules"), f"{path}.excludeResourceRules", problems),
        namespaces=collect_selector(value.get("namespaceSelector"), f"{path}.namespaceSelector", problems),
        objects=collect_selector(value.get("objectSelector"), f"{path}.objectSelector", problems),
        policy=MatchPolicy(policy),
    )


def _read_rules(value: Json, path: str, problems: list[str]) -> tuple[ResourceRule, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.append(f"{path}: must be a list")
        return ()
    return tuple(_read_rule(item, f"{path}[{index}]", problems) for index, item in enumerate(value))


def _read_rule(item: Json, path: str, problems: list[str]) -> ResourceRule:
    if not isinstance(item, dict):
        problems.append(f"{path}: must be an object with apiGroups, apiVersions, resources and operations")
        item = {key: ["*"] for key in ("apiGroups", "apiVersions", "resources", "operations")}
    problems += [f"{path}.{name}: unknown field" for name in sorted(item.keys() - _RULE_FIELDS)]
    operations = _read_words(item.get("operations"), f"{path}.operations", problems)
    problems += [
        f"{path}.operations: {name!r} is none of CREATE, UPDATE, DELETE, CONNECT, *"
        for name in operations
        if name not in _OPERATIONS
    ]
    versions = _read_words(item.get("apiVersions"), f"{path}.apiVersions", problems)
    if "" in versions:
        problems.append(f"{path}.apiVersions: a version must not be empty")
    resources = _read_words(item.get("resources"), f"{path}.resources", problems, alone="*/*")
    _check_resources(resources, f"{path}.resources", problems)
    scope = item.get("scope") or Scope.ANY
    if scope not in list(Scope):
        problems.append(f"{path}.scope: must be Cluster, Namespaced or *, not {scope!r}")
        scope = Scope.ANY
    names = item.get("resourceNames")
    if names is not None:
        names = _read_words(names, f"{path}.resourceNames", problems, alone=None, required=False)
        if len(set(names)) < len(names):
            problems.append(f"{path}.resourceNames: a name stands twice")
    return ResourceRule(
        groups=frozenset(_read_words(item.get("apiGroups"), f"{path}.apiGroups", problems)),
        versions=frozenset(versions),
        resources=tuple((name, sub) for name, _, sub in (word.partition("/") for word in resources)),
        operations=frozenset(operations),
        scope=Scope(scope),
        names=frozenset(names or ()),
    )


def _read_words(
    value: Json, path: str, problems: list[str], *, alone: str | None = "*", required: bool = True
) -> list[str]:
    if required and not value:
        problems.append(f'{path}: required, for example ["*"]')
        return []
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        problems.append(f"{path}: must be a list of strings")
        return []
    if alone is not None and alone in value and len(value) > 1:
        problems.append(f"{path}: {alone!r} covers everything, so nothing else may stand beside it")
    return list(value)


def _check_resources(resources: list[str], path: str, problems: list[str]) -> None:
    every_subresource = {word.partition("/")[0] for word in resources if word.endswith("/*")}
    every_resource = {word.partition("/")[2] for word in resources if word.startswith("*/")}
    for word in resources:
        name, slash, sub = word.partition("/")
        if not name or (slash and not sub):
            problems.append(f"{path}: {word!r} names no resource")
        elif slash and sub != "*" and name in every_subresource:
            problems.append(f"{path}: {name}/* covers {word}")
        elif slash and name != "*" and sub in every_resource:
            problems.append(f"{path}: */{sub} covers {word}")
        elif not slash and name != "*" and "*" in resources:
            problems.append(f"{path}: * covers {word}")
