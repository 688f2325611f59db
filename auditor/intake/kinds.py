"""The kinds of our own group that say what is judged, and how."""

from typing import Final

from auditor.cluster import Resource
from auditor.engine.read import API_VERSION

_GROUP, _, _VERSION = API_VERSION.partition("/")
POLICIES: Final = Resource(_GROUP, _VERSION, "policies", "Policy", namespaced=False)
EXCEPTIONS: Final = Resource(_GROUP, _VERSION, "policyexceptions", "PolicyException", namespaced=True)
CONVERSIONS: Final = Resource(_GROUP, _VERSION, "conversions", "Conversion", namespaced=False)
CONFIGS: Final = Resource(_GROUP, _VERSION, "auditconfigs", "AuditConfig", namespaced=False)
