"""What tests of things that are sent share: a clock that is moved by hand, and a delivery to a receiver of ours."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from auditor.json import JsonObject
from tests.unit.report.delivery.receivers import WebServer


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


def hook(web: WebServer, name: str = "chat", **more: Any) -> JsonObject:
    return {"name": name, "webhook": {"url": f"{web.url}/in", **more}}
