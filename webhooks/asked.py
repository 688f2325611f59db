"""One review, and what is known of it before it is judged."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from auditor.model.request import Request
from auditor.webhooks.decode import Envelope
from auditor.webhooks.judge import Judgement
from auditor.webhooks.snapshot import Group, Snapshot


class Hook(StrEnum):
    VALIDATE = "validate"
    MUTATE = "mutate"
    CONVERT = "convert"


Special = Callable[[Request], Judgement]
"""A judgement by something else than policies. If it fails, the request passes (failurePolicy Ignore)."""


@dataclass(frozen=True, slots=True)
class Asked:
    hook: Hook
    id: str
    snapshot: Snapshot
    group: Group
    special: Special | None
    envelope: Envelope
    timeout: float | None
    time: datetime
    label: str
    """For metrics. Of what was found: a path is anybody's to choose."""

    def fails_closed(self, request: Request | None) -> bool:
        return self.special is None and self.group.fails_closed(request, mutating=self.hook is Hook.MUTATE)
