"""Literal paths in expressions, looked up in the schemas of the kinds that a policy matches."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from auditor.errors import Problem
from auditor.model.policy import Policy
from auditor.model.resource import GroupVersionResource, name_kind

if TYPE_CHECKING:
    from auditor.languages.schema import StructuralSchema

Schemas: TypeAlias = Mapping[GroupVersionResource, "StructuralSchema"]


def choose_schemas(policy: Policy, schemas: Schemas) -> Schemas:
    """Those of the kinds that its resource rules name; none where not all of them are known."""
    chosen: dict[GroupVersionResource, StructuralSchema] = {}
    for match in policy.matches:
        for rule in match.rules:
            for group in rule.groups:
                for name, subresource in rule.resources:
                    found = {
                        resource: schemas[resource]  # not `items`: in a cluster each is compiled when it is asked for
                        for resource in schemas
                        if (resource.group, resource.resource) == (group, name)
                        and ("*" in rule.versions or resource.version in rule.versions)
                    }
                    if not found or subresource:
                        return {}
                    chosen |= found
    return chosen


def find_typos(paths: Iterable[tuple[tuple[str, ...], int, int]], schemas: Schemas) -> Iterator[Problem]:
    """A path is wrong when none of the kinds has it: a policy for several may ask what only some have."""
    if not schemas:
        return
    names = ", ".join(sorted({name_kind(each.group, each.resource) for each in schemas}))
    for path, line, column in paths:
        unknown = [schema.nearest(path) for schema in schemas.values()]
        first = next((u for u in unknown if u), None)
        if first is None or not all(unknown):
            continue
        known = f"did you mean {first.nearest}?" if first.nearest else f"known: {', '.join(first.known[:10])}"
        yield Problem(f"{names} has no field {'.'.join(path[: first.at + 1])}: {known}", line, column)
