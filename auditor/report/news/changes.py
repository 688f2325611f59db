"""What has become of one finding between two moments, for somebody whom not all of them concern. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.compliance.scope import Scope
from auditor.report.history.model import Step


class Change(StrEnum):
    NEW = "New"
    """It counts, and did not before: it was not there, was excused, or less severe."""
    REOPENED = "Reopened"
    """It had been resolved, and is back."""
    RESOLVED = "Resolved"
    """It counted, and does not any more: it is gone, excused, or less severe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    scope: Scope
    changes: frozenset[Change]
    results: frozenset[Result]


@dataclass(frozen=True, slots=True)
class Turned:
    """A finding after one of its turns."""

    step: Step
    result: Result
    severity: Severity
    excused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One finding in the news."""

    id: int
    change: Change
    how: str
    """In a word: new, reopened, resolved, excused, lowered."""
    result: Result
    severity: Severity
    """Of what is gone: what it was."""
    namespace: str
    policy: str


def find_change(before: Turned | None, first: Turned, last: Turned, interest: Interest) -> tuple[Change, str] | None:
    """Whether it is one that is asked for or not, and how it is called in a word.

    `before`: as it was at the first moment, None: it was not there. `first` and `last`: its turns since.

    What came and went in between is no news, and neither is what went and came."""
    counted = before is not None and _counts(before, interest)
    counts = _counts(last, interest)
    if counted == counts:
        return None
    if counts:
        return (Change.REOPENED, "reopened") if first.step is Step.REOPENED else (Change.NEW, "new")
    gone = last.step is Step.RESOLVED
    return Change.RESOLVED, "resolved" if gone else "excused" if last.excused else "lowered"


def _counts(turned: Turned, interest: Interest) -> bool:
    return (
        turned.step is not Step.RESOLVED
        and turned.result in interest.results
        and interest.scope.admits_severity(turned.severity)
    )
