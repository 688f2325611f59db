"""Which names an expression may use, and of what types they are."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from auditor.dataclass import dataclass
from auditor.languages.cel.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    object_of,
    optional_of,
)

if TYPE_CHECKING:
    from auditor.languages.cel.program import Program

AUTHORIZER: Final = Type("kubernetes.authorization.Authorizer")
RESOURCE_CHECK: Final = Type("kubernetes.authorization.ResourceCheck")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    names: Mapping[str, Type]
    variables: Mapping[str, "Program"] = field(default_factory=dict)
    """The programs behind `variables.x`, in the order in which they are declared; a later one may use the earlier."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Names that exist elsewhere, with what to tell somebody who uses them here."""
    mutation: bool = False
    """`Object{...}` and `JSONPatch{...}` can be written."""
    escaped: bool = False
    """Field names are written as CRD rules write them: `foo__dash__bar` for `foo-bar`."""

    def with_variable(self, name: str, program: "Program") -> "Scope":
        return replace(self, variables={**self.variables, name: program})


_METADATA = object_of(
    {
        "name": STRING,
        "generateName": STRING,
        "namespace": STRING,
        "labels": map_of(STRING, STRING),
        "annotations": map_of(STRING, STRING),
        "UID": STRING,
        "creationTimestamp": TIMESTAMP,
        "deletionGracePeriodSeconds": INT,
        "deletionTimestamp": TIMESTAMP,
        "generation": INT,
        "resourceVersion": STRING,
        "finalizers": list_of(STRING),
    }
)
NAMESPACE: Final = object_of(
    {
        "metadata": _METADATA,
        "spec": object_of({"finalizers": list_of(STRING)}),
        "status": object_of({"phase": STRING}),
    }
)

_KIND = object_of({"group": STRING, "version": STRING, "kind": STRING})
_RESOURCE = object_of({"group": STRING, "version": STRING, "resource": STRING})
REQUEST: Final = object_of(
    {
        "kind": _KIND,
        "resource": _RESOURCE,
        "subResource": STRING,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        "requestSubResource": STRING,
        "name": STRING,
        "namespace": STRING,
        "operation": STRING,
        "userInfo": object_of(
            {
                "username": STRING,
                "uid": STRING,
                "groups": list_of(STRING),
                "extra": map_of(STRING, list_of(STRING)),
            }
        ),
        "dryRun": BOOL,
        "options": DYN,
    }
)


def admission_scope(*, params: bool = False, authorizer: bool = True, mutation: bool = False) -> Scope:
    """The names of a validating or mutating admission policy."""
    names = {"object": DYN, "oldObject": DYN, "request": REQUEST, "namespaceObject": NAMESPACE}
    refused = {}
    if params:
        names["params"] = DYN
    else:
        refused["params"] = "params needs a paramKind in the policy"
    if authorizer:
        names["authorizer"] = AUTHORIZER
    else:
        refused["authorizer"] = "authorizer cannot be used here"
    return Scope(names=names, refused=refused, mutation=mutation)


def crd_scope(self_type: Type, *, old: bool = False, optional_old: bool = False) -> Scope:
    """The names of a rule in a CRD's schema; with `optional_old` (optionalOldSelf) oldSelf is an optional.

    Values are bound as their types have them: dates and durations as `timestamp` and `duration` make them, bytes as
    bytes, an optional as a list of one value or none.
    """
    names = {"self": self_type}
    refused = {}
    if optional_old:
        names["oldSelf"] = optional_of(self_type)
    elif old:
        names["oldSelf"] = self_type
    else:
        refused["oldSelf"] = "oldSelf cannot be used here"
    return Scope(names=names, refused=refused, escaped=True)
