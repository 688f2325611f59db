"""What is written down of a decision, and where: metrics, counters, the ring, the log."""

from auditor.model.request import Operation, Request
from auditor.webhooks import journal, respond
from auditor.webhooks.asked import Asked
from auditor.webhooks.decisionlog import DecisionLog
from auditor.webhooks.decisions import Decision, Ring
from auditor.webhooks.judge import Judgement
from auditor.webhooks.metrics import Meters


class Books:
    def __init__(self, ring: Ring, meters: Meters, log: DecisionLog | None) -> None:
        self._ring = ring
        self._meters = meters
        self._log = log

    def keep(self, asked: Asked, request: Request | None, judgement: Judgement, *, seconds: float) -> None:
        """Of a dry run nothing is counted as if it had been admitted or refused."""
        name = asked.label
        dry_run = request is not None and request.dry_run
        late = asked.timeout is not None and seconds > asked.timeout
        self._meters.answered(name, judgement.outcome, dry_run=dry_run, seconds=seconds)
        if not dry_run:
            self._ring.count(name, judgement.outcome, judgement.findings)
            self._meters.found(judgement.findings)
        if judgement.error:
            self._meters.failed(name, judgement.fault)
        if judgement.broke_glass and not dry_run:
            self._meters.broke_glass(name)
        if late:
            self._meters.late(name)
        level = journal.choose_level(judgement)
        plain = judgement.plain and not late
        log = self._log if self._log is not None and self._log.wants(asked.envelope.uid, plain=plain) else None
        if plain and log is None and not journal.logger.isEnabledFor(level):
            return
        decision = _decide(asked, request, judgement, seconds=seconds, late=late)
        if not plain:
            self._ring.add(decision)
        journal.write(decision, level)
        if log is not None:
            log.record(decision, request)


def _decide(asked: Asked, request: Request | None, judgement: Judgement, *, seconds: float, late: bool) -> Decision:
    """Of a request that could not be read nothing is known, and nothing is guessed."""
    return Decision(
        id=asked.id,
        time=asked.time,
        webhook=asked.label,
        uid=asked.envelope.uid,
        operation=str(request.operation) if request else "",
        api_version=request.kind.api_version if request else "",
        kind=request.kind.kind if request else "",
        namespace=request.namespace if request else "",
        name=respond.name_of(request) if request else "",
        object_uid=_uid_of(request) if request else "",
        subresource=request.subresource if request else "",
        user=request.user.username if request and request.user else "",
        outcome=judgement.outcome,
        allowed=judgement.allowed,
        dry_run=request is not None and request.dry_run,
        broke_glass=judgement.broke_glass,
        late=late,
        seconds=seconds,
        findings=judgement.findings,
        resource=request.resource if request else None,
    )


def _uid_of(request: Request) -> str:
    """A new object may have one already, by which nobody will ever find it if it is refused."""
    thing = request.old_object if request.old_object is not None else request.object
    metadata = None if request.operation is Operation.CREATE or thing is None else thing.get("metadata")
    found = metadata.get("uid") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else ""
