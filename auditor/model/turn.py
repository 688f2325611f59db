"""What became of a finding, as the ledger of the watcher tells it."""

from datetime import datetime
from enum import StrEnum

from auditor.dataclass import dataclass
from auditor.model.finding import Finding
from auditor.model.subject import Subject


class Turn(StrEnum):
    OPENED = "opened"
    """It was not there before. Whether it had been there once, the history knows."""
    CHANGED = "changed"
    """Its result, severity, message or exception is another: excused, or no longer, say."""
    RESOLVED = "resolved"
    """It is not there any more: repaired, the object deleted, the policy gone."""


@dataclass(frozen=True, slots=True)
class FindingTurn:
    at: datetime
    turn: Turn
    subject: Subject
    finding: Finding
    """As it is now; of one that is resolved as it was last."""
