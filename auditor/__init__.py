"""auditor: policy and audit admission for Kubernetes custom resources.

ARCHITECTURE.md names the rooms below this package and says who may import whom.
"""

__version__ = "0.1.0"
