"""Changes of JSON values: pointers, JSON Patch, merge patch, the difference of two values, server-side apply. Pure.

No function changes what it is given; results share what did not change with their inputs.
"""

from typing import TYPE_CHECKING

from auditor.engine.patch.diff import diff
from auditor.engine.patch.pointer import find_value, join_pointer, split_pointer
from auditor.engine.patch.same import same
from auditor.lazy import lazily

if TYPE_CHECKING:
    from auditor.engine.patch.configuration import Shape, ShapeKind, apply_configuration
    from auditor.engine.patch.merge import merge_patch
    from auditor.engine.patch.operations import PatchError, TestFailedError, apply_patch

__all__ = [
    "PatchError",
    "Shape",
    "ShapeKind",
    "TestFailedError",
    "apply_configuration",
    "apply_patch",
    "diff",
    "find_value",
    "join_pointer",
    "merge_patch",
    "same",
    "split_pointer",
]

__getattr__ = lazily(
    __name__,
    configuration="Shape ShapeKind apply_configuration",
    merge="merge_patch",
    operations="PatchError TestFailedError apply_patch",
)
