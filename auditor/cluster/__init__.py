"""The only room that talks to Kubernetes. It knows nothing of policies.

`connect` gives a `Client`: every verb on any kind. On top of it: discovery, list-watch, informers, queues and workers,
leases, events, conditions; docs/dynamic-client.md teaches them. One thread for each watch
(docs/adr/0006-threads-for-watches.md). Imports nothing of ours but errors, JSON and spans.
"""

from auditor.cluster.client import Client, WriteOptions
from auditor.cluster.connection import Settings, open_access
from auditor.cluster.pace import Pace
from auditor.cluster.resource import Resource
from auditor.cluster.transport import Transport

__all__ = ["Client", "Resource", "Settings", "WriteOptions", "connect"]


def connect(settings: Settings | None = None, *, component: str = "") -> Client:
    """Nothing is asked of the API server yet. `component` stands behind "auditor" in the server's audit log."""
    settings = settings or Settings()
    transport = Transport(
        open_access(settings),
        pace=Pace(settings.qps, settings.burst),
        component=component,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
    )
    return Client(transport)
