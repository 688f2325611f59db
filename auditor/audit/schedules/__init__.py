"""Compliance reports that become due by themselves: what is due, for whom, and how it is made."""

from auditor.audit.schedules.office import SCHEDULES, ScheduleOffice

__all__ = ["SCHEDULES", "ScheduleOffice"]
