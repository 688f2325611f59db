"""News of findings as they come: what is new to whom, and when it is told."""

from auditor.audit.notices.office import NOTIFICATIONS, NoticeOffice

__all__ = ["NOTIFICATIONS", "NoticeOffice"]
