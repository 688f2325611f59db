"""Rules that look at the number of replicas and are not asked when it is changed by the scale subresource. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

from auditor.cluster.discovery import CrdKind
from auditor.engine.compile import all_selected
from auditor.engine.compiled import CompiledPolicy, CompiledRule
from auditor.engine.mistakes import Mistake
from auditor.json import Json
from auditor.languages import cel, jq
from auditor.model.policy import Language, Policy

Path = tuple[str, ...]
Scalable = Sequence[tuple[CrdKind, set[Path]]]
"""Kinds with a scale subresource, and where the number is, which may differ by version."""
PIPE = re.compile(r"\s*\|\s*(?=\.)")
"""`.spec | .replicas` is `.spec.replicas`."""
COMBINED = ("allOf", "anyOf", "oneOf")
SINGLE = ("not", "if", "then", "else")


def find_scale_gaps(
    policy: CompiledPolicy, kinds: Mapping[str, CrdKind], *, others: Sequence[Policy] = ()
) -> list[Mistake]:
    """A warning for each rule that `kubectl scale` and autoscalers would go around. Where it or another policy is asked
    for the scale of a kind, somebody has thought of it."""
    scalable = [
        (kind, paths)
        for kind in kinds.values()
        if kind.established
        and not any(_is_asked(each, kind, "scale") for each in (policy.policy, *others))
        and (paths := {tuple(v.scale.spec_path.strip(".").split(".")) for v in kind.versions if v.served and v.scale})
    ]
    return [] if policy.policy.native else list(_find_gaps(policy, scalable))


def _find_gaps(policy: CompiledPolicy, scalable: Scalable) -> Iterator[Mistake]:
    matched = [(kind, paths) for kind, paths in scalable if _is_asked(policy.policy, kind, "")]
    for rule in policy.rules:
        for kind, paths in matched:
            if read := sorted(path for path in paths if _reads(rule, path)):
                yield Mistake(
                    policy=policy.policy.name,
                    rule=rule.rule.name,
                    pointer=rule.rule.pointer,
                    message=_describe(kind, read[0]),
                    warning=True,
                )


def _describe(kind: CrdKind, path: Path) -> str:
    scale = f"{kind.plural}/scale"
    return (
        f"reads .{'.'.join(path)} of {kind.name}, which kubectl scale and autoscalers change through the subresource "
        f"{scale}, where this policy is not asked. To judge that, too, let a policy match {scale}: its object is a "
        "Scale of autoscaling/v1, with the number in .spec.replicas"
    )


def _is_asked(policy: Policy, kind: CrdKind, subresource: str) -> bool:
    """When one of it is updated."""
    return any(
        resource in (kind.plural, "*") and named in (subresource, "*")
        for match in policy.matches
        for rule in match.rules
        if rule.operations & {"UPDATE", "*"} and rule.groups & {kind.group, "*"}
        for resource, named in rule.resources
    )


def _reads(rule: CompiledRule, path: Path) -> bool:
    match rule.rule.language:
        case Language.CEL:
            return rule.cel is not None and any(found[: len(path)] == path for found in _cel_paths(rule.cel))
        case Language.JQ | Language.DENY:
            found = (each.path for each in jq.selected_paths(PIPE.sub("", rule.rule.body)))
            return any(tuple(each[: len(path)]) == path for each in found)
        case Language.SCHEMA:
            return _says(rule.rule.body, path)


def _cel_paths(program: cel.Program) -> Iterator[Path]:
    """Of the object; what is read of a variable is read of all that the variable reads."""
    for each in all_selected(program):
        if each.root in ("object", "oldObject"):
            yield each.path
        elif each.root == "variables" and each.path and (variable := program.variables.get(each.path[0])):
            for start in _cel_paths(variable):
                yield start + each.path[1:]


def _says(schema: Json, path: Path) -> bool:
    """Whether it asks anything of the value there."""
    if not isinstance(schema, dict):
        return schema is False
    if not path:
        return bool(schema)
    parts = [each for name in COMBINED for each in schema.get(name) or ()]
    parts += [schema[name] for name in SINGLE if name in schema]
    below = schema.get("properties") or {}
    return any(_says(part, path) for part in parts) or (path[0] in below and _says(below[path[0]], path[1:]))
