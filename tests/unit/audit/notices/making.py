from datetime import UTC, datetime
from typing import Any

from auditor.audit.notices.spec import Notification, read_notification
from auditor.json import JsonObject

CREATED = datetime(2026, 10, 30, 10, tzinfo=UTC)


def make_thing(**spec: Any) -> JsonObject:
    body: JsonObject = {"deliveries": [{"name": "chat", "webhook": {"url": "https://a"}}]}
    metadata = {"name": "urgent", "uid": "u-1", "generation": 3, "creationTimestamp": "2026-10-30T10:00:00Z"}
    return {"apiVersion": "auditor.dev/v1", "kind": "Notification", "metadata": metadata, "spec": body | spec}


def make_notification(**spec: Any) -> Notification:
    return read_notification(make_thing(**spec))
