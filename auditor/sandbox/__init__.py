"""A real Kubernetes control plane on this computer: etcd, API server, controllers, kubectl.

Knows nothing of policies. Of our rooms it imports `certs` alone.
"""

from auditor.sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
