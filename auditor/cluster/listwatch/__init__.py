"""A kind's objects, followed: listed once, then watched, whatever fails on the way.

Knows the transport, and nothing of who listens: events go into a function that the caller gives.
"""

from auditor.cluster.listwatch.event import Change, Event, Scope
from auditor.cluster.listwatch.listwatch import ListWatch
from auditor.cluster.listwatch.status import Counts, Failure, Status
from auditor.cluster.listwatch.store import Store, Versions
from auditor.cluster.listwatch.version import Version, is_after, make_version, resource_version_of, uid_of, version_of

__all__ = [
    "Change",
    "Counts",
    "Event",
    "Failure",
    "ListWatch",
    "Scope",
    "Status",
    "Store",
    "Version",
    "Versions",
    "is_after",
    "make_version",
    "resource_version_of",
    "uid_of",
    "version_of",
]
