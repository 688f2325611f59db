"""Informers: what is in the cluster, kept up to date in memory, once for all who need it.

`Informers.open` gives an `Informer`: reads from memory, lookups by index, a handler that is told of each change, and
how old that knowledge is. All who follow the same objects share one list-watch and one thread. After the first sync of
all of them an application should call `gc.freeze()`: what is kept lives long, and the collector need not look at it.
"""

from auditor.cluster.informer.index import IndexFunction
from auditor.cluster.informer.informer import Informer
from auditor.cluster.informer.informers import Informers, wait_synced
from auditor.cluster.informer.notice import Handler, Notice
from auditor.cluster.informer.selector import Requirement, Selector, SelectorError, parse_selector
from auditor.cluster.informer.status import InformerStatus
from auditor.cluster.listwatch import Change, Scope

__all__ = [
    "Change",
    "Handler",
    "IndexFunction",
    "Informer",
    "InformerStatus",
    "Informers",
    "Notice",
    "Requirement",
    "Scope",
    "Selector",
    "SelectorError",
    "parse_selector",
    "wait_synced",
]
