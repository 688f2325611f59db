"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy as they are: read, checked, and answered as Kubernetes does.

The API server itself enforces them at the door, so `Engine.own` leaves them out there; scans and audits evaluate them.
"""

from typing import TYPE_CHECKING

from auditor.lazy import lazily

if TYPE_CHECKING:
    from auditor.engine.native.answer import Denial, say_denials
    from auditor.engine.native.differences import DIFFERENCES
    from auditor.engine.native.objects import NativeObjects
    from auditor.engine.native.read import NATIVE_GROUP, read_native

__all__ = ["DIFFERENCES", "NATIVE_GROUP", "Denial", "NativeObjects", "read_native", "say_denials"]

__getattr__ = lazily(
    __name__,
    answer="Denial say_denials",
    differences="DIFFERENCES",
    objects="NativeObjects",
    read="NATIVE_GROUP read_native",
)
