"""The history: what was, in a database. The ledger of the watcher is the truth of now and is made anew at each start.

Only the watcher writes it, through a `Spool` that never makes it wait; readers use the tables of `model`.
"""

from auditor.report.history.database import Database, check_url
from auditor.report.history.faults import Fault, HistoryError
from auditor.report.history.history import History
from auditor.report.history.records import (
    Batch,
    BrokenGlass,
    Census,
    DoorDecision,
    DoorTotals,
    ExceptionChange,
    Interval,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Record,
    Release,
    Retention,
    Sort,
    Tally,
    Writer,
    read_decision,
)
from auditor.report.history.spool import Spool, Status

__all__ = [
    "Batch",
    "BrokenGlass",
    "Census",
    "Database",
    "DoorDecision",
    "DoorTotals",
    "ExceptionChange",
    "Fault",
    "History",
    "HistoryError",
    "Interval",
    "KindCoverage",
    "KindPolicies",
    "PolicyChange",
    "Record",
    "Release",
    "Retention",
    "Sort",
    "Spool",
    "Status",
    "Tally",
    "Writer",
    "check_url",
    "read_decision",
]
