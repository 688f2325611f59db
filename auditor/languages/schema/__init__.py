"""JSON Schema rules, and the structural schemas of CRDs as the API server treats them.

`compile` makes a program of a JSON Schema rule; `StructuralSchema.compile` one of a CRD's openAPIV3Schema.
Pure: no clock, no files, no network.
"""

from typing import TYPE_CHECKING

from auditor.lazy import lazily

if TYPE_CHECKING:
    from auditor.languages.schema.crd import Crd, CrdVersion, crd_versions, read_crd
    from auditor.languages.schema.differences import DIFFERENCES, Difference
    from auditor.languages.schema.fieldpaths import Path, Unknown
    from auditor.languages.schema.json_schema import JsonSchemaProgram, compile  # noqa: A004 - the verb of all languages
    from auditor.languages.schema.structural import Received, StructuralSchema
    from auditor.languages.schema.violation import Violation

__all__ = [
    "DIFFERENCES",
    "Crd",
    "CrdVersion",
    "Difference",
    "JsonSchemaProgram",
    "Path",
    "Received",
    "StructuralSchema",
    "Unknown",
    "Violation",
    "compile",
    "crd_versions",
    "read_crd",
]

__getattr__ = lazily(
    __name__,
    crd="Crd CrdVersion crd_versions read_crd",
    differences="DIFFERENCES Difference",
    fieldpaths="Path Unknown",
    json_schema="JsonSchemaProgram compile",
    structural="Received StructuralSchema",
    violation="Violation",
)
