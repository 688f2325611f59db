"""CEL as Kubernetes 1.36 has it: `compile` an expression once, `run` the program with the bindings of each request."""

from typing import TYPE_CHECKING

from auditor.lazy import lazily

if TYPE_CHECKING:
    from auditor.languages.cel.bindings import Bindings
    from auditor.languages.cel.compiling import ANY, JSON_PATCH, OBJECT, STRING_OR_NULL, compile  # noqa: A004
    from auditor.languages.cel.conjunction import Conjunction
    from auditor.languages.cel.escaping import escape
    from auditor.languages.cel.libraries.authorizer import Answer, Answers, Question, ResourceCheck
    from auditor.languages.cel.program import Program, Selected
    from auditor.languages.cel.scope import Scope, admission_scope, crd_scope
    from auditor.languages.cel.typed import Typed, Unreadable, duration, timestamp
    from auditor.languages.cel.types import (
        BOOL,
        BYTES,
        DOUBLE,
        DURATION,
        DYN,
        INT,
        NULL,
        STRING,
        TIMESTAMP,
        UINT,
        ObjectType,
        Type,
        list_of,
        map_of,
        object_of,
        optional_of,
    )

__all__ = [
    "ANY",
    "BOOL",
    "BYTES",
    "DOUBLE",
    "DURATION",
    "DYN",
    "INT",
    "JSON_PATCH",
    "NULL",
    "OBJECT",
    "STRING",
    "STRING_OR_NULL",
    "TIMESTAMP",
    "UINT",
    "Answer",
    "Answers",
    "Bindings",
    "Conjunction",
    "ObjectType",
    "Program",
    "Question",
    "ResourceCheck",
    "Scope",
    "Selected",
    "Type",
    "Typed",
    "Unreadable",
    "admission_scope",
    "compile",
    "crd_scope",
    "duration",
    "escape",
    "list_of",
    "map_of",
    "object_of",
    "optional_of",
    "timestamp",
]

__getattr__ = lazily(
    __name__,
    bindings="Bindings",
    compiling="ANY JSON_PATCH OBJECT STRING_OR_NULL compile",
    conjunction="Conjunction",
    escaping="escape",
    program="Program Selected",
    scope="Scope admission_scope crd_scope",
    typed="Typed Unreadable duration timestamp",
    types="BOOL BYTES DOUBLE DURATION DYN INT NULL STRING TIMESTAMP UINT ObjectType Type list_of map_of object_of "
    "optional_of",
    **{"libraries.authorizer": "Answer Answers Question ResourceCheck"},
)
