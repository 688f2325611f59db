"""Which kinds a cluster has, found out at run time.

`Discovery` answers for all of them, by any name a person may use; `Kinds` follows those that are defined by CRDs, with
their schemas, and tells of each change. Neither knows a kind beforehand.
"""

from auditor.cluster.discovery.catalog import Catalog, Match
from auditor.cluster.discovery.changes import Aspect, KindChange, KindTable, Turn
from auditor.cluster.discovery.crd import Conversion, CrdKind, CrdVersion, Packed, Scale, read_crd
from auditor.cluster.discovery.discovery import Discovery
from auditor.cluster.discovery.kinds import Kinds

__all__ = [
    "Aspect",
    "Catalog",
    "Conversion",
    "CrdKind",
    "CrdVersion",
    "Discovery",
    "KindChange",
    "KindTable",
    "Kinds",
    "Match",
    "Packed",
    "Scale",
    "Turn",
    "read_crd",
]
