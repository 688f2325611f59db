"""Tells of findings where people look at an object: as Events, one for all that happens to it at a moment."""

from collections.abc import Iterable, Sequence
from typing import Final

from auditor.cluster.recorder import Recorder
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Kind
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn

ACTION: Final = "Audit"
VIOLATION: Final = "PolicyViolation"
DRIFT: Final = "DriftFound"
ERROR: Final = "PolicyError"
RESOLVED: Final = "FindingResolved"

_ORDER: Final = {Result.FAIL: 0, Result.ERROR: 1, Result.WARN: 2}
"""What is wrong, the worst first. Of what passes, or is excused, no Event tells."""


class FindingEvents:
    """The recorder sees to it that neither an object nor all of them together fill the cluster with Events."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def tell(self, turns: Iterable[FindingTurn], *, initial: bool = False, gone: bool = False) -> None:
        """Of one moment, of one object or of many. Never waits.

        Nothing is told of what was there at the first look after a start (`initial`), which would be told anew at each,
        nor of objects that were deleted (`gone`), at which nobody can look any more.
        """
        if initial or gone:
            return
        by_subject: dict[Subject, tuple[list[Finding], list[Finding]]] = {}
        for each in turns:
            if each.finding.result in _ORDER and each.turn is not Turn.CHANGED:
                opened, resolved = by_subject.setdefault(each.subject, ([], []))
                (opened if each.turn is Turn.OPENED else resolved).append(each.finding)
        for subject, (opened, resolved) in by_subject.items():
            self._tell_of(subject, opened, resolved)

    def _tell_of(self, subject: Subject, opened: Sequence[Finding], resolved: Sequence[Finding]) -> None:
        regarding = _refer(subject)
        if opened:
            worst = min(opened, key=_rank)
            note = _describe(worst, len(opened) - 1)
            if resolved:
                note += f" Resolved at the same time: {len(resolved)}."
            self._recorder.warning(regarding, reason=_reason_of(worst), action=ACTION, note=note)
        elif resolved:
            worst = min(resolved, key=_rank)
            more = f" and {len(resolved) - 1} more" if len(resolved) > 1 else ""
            self._recorder.normal(
                regarding, reason=RESOLVED, action=ACTION, note=f"{_name(worst)}{more}: does not stand any more."
            )


def _reason_of(finding: Finding) -> str:
    if finding.result is Result.ERROR:
        return ERROR
    return DRIFT if finding.kind is Kind.CHECK else VIOLATION


def _describe(finding: Finding, more: int) -> str:
    at = f" at {finding.path}" if finding.path else ""
    text = f"{finding.severity} {finding.result} of {_name(finding)}{at}: {finding.message.rstrip('.')}."
    if finding.remediation:
        text += f" {finding.remediation.rstrip('.')}."
    return f"{text} {more} more in its report." if more else text


def _name(finding: Finding) -> str:
    return f"{finding.policy}/{finding.rule}" if finding.rule else finding.policy


def _rank(finding: Finding) -> tuple[int, int, str, str, str]:
    return (_ORDER[finding.result], finding.severity.rank, finding.policy, finding.rule, finding.fingerprint)


def _refer(subject: Subject) -> JsonObject:
    """As much of the object as an Event needs to say which one it is about."""
    metadata = {"namespace": subject.namespace, "name": subject.name, "uid": subject.uid}
    return {"apiVersion": subject.api_version, "kind": subject.kind, "metadata": metadata}
