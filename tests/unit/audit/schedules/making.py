from datetime import UTC, datetime, timedelta
from typing import Any

from auditor.audit.schedules.spec import Schedule, read_schedule
from auditor.json import JsonObject

CREATED = datetime(2026, 10, 30, 10, tzinfo=UTC)  # a Friday


def make_thing(**spec: Any) -> JsonObject:
    body: JsonObject = {
        "schedule": "0 6 * * MON",
        "timeZone": "UTC",
        "formats": ["html"],
        "deliveries": [{"name": "archive", "file": {"directory": "a"}}],
    }
    metadata = {"name": "weekly", "uid": "u-1", "generation": 3, "creationTimestamp": "2026-10-30T10:00:00Z"}
    return {"apiVersion": "auditor.dev/v1", "kind": "ReportSchedule", "metadata": metadata, "spec": body | spec}


def make_schedule(**spec: Any) -> Schedule:
    return read_schedule(make_thing(**spec))


def monday(week: int, hour: int = 6, minute: int = 0) -> datetime:
    """The one after it was created is the first."""
    return datetime(2026, 10, 26, hour, minute, tzinfo=UTC) + timedelta(days=7 * week)
