"""Leases: who of several processes leads, and who of them owns which keys. Whoever lost a lease writes nothing more.

`Election` is for one leader, `Sharding` for a set of keys that several members share. The logic is in `contest` and
`membership`, which say why they are safe; they wait for nothing and ask nobody, so tests play any order of events.
"""

from auditor.cluster.lease.api import LeaseApi
from auditor.cluster.lease.calls import Leases
from auditor.cluster.lease.contest import Token
from auditor.cluster.lease.durations import Durations
from auditor.cluster.lease.election import Election, ElectionStatus
from auditor.cluster.lease.ownership import Ownership, moved, owner_of
from auditor.cluster.lease.permits import Permit
from auditor.cluster.lease.sharding import Sharding, ShardingStatus

__all__ = [
    "Durations",
    "Election",
    "ElectionStatus",
    "LeaseApi",
    "Leases",
    "Ownership",
    "Permit",
    "Sharding",
    "ShardingStatus",
    "Token",
    "moved",
    "owner_of",
]
