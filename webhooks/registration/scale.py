"""Rules that look at the number of replicas and are not asked when it is changed by the scale subresource. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from auditor.cluster.discovery import CrdKind
from auditor.engine.compile import all_selected
from auditor.engine.compiled import CompiledPolicy, CompiledRule
from auditor.engine.mistakes import Mistake
from auditor.json import Json
from auditor.languages import cel, jq
from auditor.model.match import ResourceRule
from auditor.model.policy import Language

Path = tuple[str, ...]
Scalable = Sequence[tuple[CrdKind, set[Path]]]
"""Kinds with a scale subresource, and where the number is, which may differ by version."""
PIPE = re.compile(r"\s*\|\s*(?=\.)")
"""`.spec | .replicas` is `.spec.replicas`."""
COMBINED = ("allOf", "anyOf", "oneOf")
SINGLE = ("not", "if", "then", "else")


def find_scale_gaps(policies: Iterable[CompiledPolicy], kinds: Mapping[str, CrdKind]) -> list[Mistake]:
    """A warning for each rule that `kubectl scale` and autoscalers would go around."""
    scalable = [
        (kind, paths)
        for kind in kinds.values()
        if kind.established
        and (paths := {tuple(v.scale.spec_path.strip(".").split(".")) for v in kind.versions if v.served and v.scale})
    ]
    return [mistake for policy in policies if not policy.policy.native for mistake in _find_gaps(policy, scalable)]


def _find_gaps(policy: CompiledPolicy, scalable: Scalable) -> Iterator[Mistake]:
    matched = [(kind, paths) for kind, paths in scalable if _leaves_out_scale(policy, kind)]
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


def _leaves_out_scale(policy: CompiledPolicy, kind: CrdKind) -> bool:
    """Asked when one of it is updated, and not when it is scaled."""
    rules = [rule for match in policy.policy.matches for rule in match.rules if rule.operations & {"UPDATE", "*"}]
    wanted = [rule for rule in rules if kind.group in rule.groups or "*" in rule.groups]
    return _names(wanted, kind.plural, "") and not _names(wanted, kind.plural, "scale")


def _names(rules: Iterable[ResourceRule], plural: str, subresource: str) -> bool:
    return any(
        resource in (plural, "*") and named in (subresource, "*")
        for rule in rules
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
