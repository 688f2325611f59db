"""Compliance reports that become due by themselves: what is due, for whom, and what became of it.

What is still to be delivered stands in the status of each ReportSchedule, so it survives whatever ends a watcher; the
report itself stands nowhere, as the history gives the same one again.
"""

from auditor.audit.schedules.runner import SCHEDULES, ScheduleRunner

__all__ = ["SCHEDULES", "ScheduleRunner"]
