"""Keeps the report objects in the cluster true: one for each object with findings, and none for any other.

`ReportWriter.mark` says that an object's findings have changed; all else follows. What is in the cluster is followed,
so that equal content is never written, and what somebody edits or deletes is put right.
"""

from auditor.audit.reports.meters import ReportsStatus
from auditor.audit.reports.writer import ReportWriter

__all__ = ["ReportWriter", "ReportsStatus"]
