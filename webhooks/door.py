"""A request's way through the stages, and the books that are kept of it. Whatever happens, there is an answer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from math import nan
from typing import Any, Final

from auditor.engine.convert import ConversionError
from auditor.errors import AuditorError, InputError
from auditor.model.request import Request
from auditor.model.resource import name_kind
from auditor.tracing import Span, begin, is_on, span
from auditor.webhooks import decode, journal, judge, respond
from auditor.webhooks.answer import answer
from auditor.webhooks.asked import Asked, Hook, Special
from auditor.webhooks.books import Books
from auditor.webhooks.convert import convert
from auditor.webhooks.decisionlog import DecisionLog
from auditor.webhooks.decisions import Ring
from auditor.webhooks.decode import ADMISSION, CONVERSION, Envelope, UnreadableError
from auditor.webhooks.gate import RETRY_AFTER
from auditor.webhooks.judge import Fault, Judgement, Noted
from auditor.webhooks.metrics import Meters
from auditor.webhooks.respond import Answer
from auditor.webhooks.snapshot import Holder, Snapshot


def _now() -> datetime:
    return datetime.now(UTC)


NO_ENVIRON: Final[Mapping[str, Any]] = {}


class NotReadyError(AuditorError):
    """There is nothing to judge by yet."""

    http_code = HTTPStatus.SERVICE_UNAVAILABLE


class Door:
    """Safe to share among threads. `specials`, by their paths (validate/own), are asked in place of the policies."""

    def __init__(
        self,
        snapshots: Holder,
        *,
        ring: Ring,
        meters: Meters,
        specials: Mapping[str, Special] | None = None,
        log: DecisionLog | None = None,
        clock: Callable[[], datetime] = _now,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.snapshots = snapshots
        self.ring = ring
        self.meters = meters
        self._specials = specials or {}
        self._books = Books(ring, meters, log)
        self._clock = clock
        self._timer = timer
        meters.watch_age(self._age)

    def review(
        self,
        hook: Hook,
        body: bytes,
        *,
        name: str = "",
        timeout: float | None = None,
        environ: Mapping[str, Any] = NO_ENVIRON,
    ) -> Answer:
        """Of /validate and /mutate, `name` is what stands behind. Raises UnreadableError and NotReadyError.

        `environ`, of WSGI, names the trace that this is part of.
        """
        if not is_on():
            return self._review(hook, body, name, timeout, None)
        with begin(f"review {hook}", {"auditor.webhook": name, "auditor.body_size": len(body)}, environ) as current:
            return self._review(hook, body, name, timeout, current)

    def _review(self, hook: Hook, body: bytes, name: str, timeout: float | None, current: Span | None) -> Answer:
        begun = self._timer()
        snapshot = self._snapshot()
        with span("decode"):
            envelope = decode.open_review(body, ADMISSION)
        asked = self._ask(hook, name, snapshot, envelope, timeout=timeout)
        noted = Noted(snapshot.world.objects) if asked.group.looks else None
        request, judgement = self._judge(asked, noted)
        if current is not None:
            _describe(current, asked, request, judgement)
        age = snapshot.age(begun) if noted is not None and noted.asked else None
        with span("respond"):
            judgement, written = self._respond(asked, request, judgement, age)
        try:
            self._books.keep(asked, request, judgement, seconds=self._timer() - begun)
        except Exception:
            journal.logger.exception("%s: the decision could not be recorded; it was answered", asked.id)
        return Answer(HTTPStatus.OK, written)

    def convert(self, body: bytes, *, environ: Mapping[str, Any] = NO_ENVIRON) -> Answer:
        """Raises UnreadableError where there is no review to answer, and NotReadyError."""
        with begin("review convert", {"auditor.body_size": len(body)}, environ) as current:
            return self._convert(body, current)

    def _convert(self, body: bytes, current: Span | None) -> Answer:
        begun = self._timer()
        snapshot = self._snapshot()
        envelope = decode.open_review(body, CONVERSION)
        error = ""
        try:
            converted = convert(decode.read_conversion(envelope), snapshot.conversions)
            written = respond.write_conversion(envelope.uid, converted)
        except (InputError, ConversionError) as refusal:
            error = str(refusal)
            journal.logger.warning("conversion %s: %s", envelope.uid, error)
        except Exception:
            error = f"internal error; the log of the webhook tells more of conversion {envelope.uid}"
            journal.logger.exception("conversion %s failed", envelope.uid)
        if error:
            written = respond.write_failed_conversion(envelope.uid, error)
            self.meters.failed(Hook.CONVERT, "conversion")
        outcome = judge.Outcome.ERRORED if error else judge.Outcome.ALLOWED
        if current is not None:
            current.set_attribute("auditor.uid", envelope.uid)
            current.set_attribute("auditor.outcome", str(outcome))
        self.meters.answered(Hook.CONVERT, outcome, dry_run=False, seconds=self._timer() - begun)
        return Answer(HTTPStatus.OK, written)

    def unreadable(self, hook: Hook, error: UnreadableError) -> Answer:
        self.meters.failed(hook, "unreadable")
        journal.logger.warning("%s: %s", hook, error)
        return respond.refuse(error.status, f"auditor cannot read the review: {error}")

    def not_ready(self, hook: Hook) -> Answer:
        """The policies will be there in a moment, and the API server waits for them as long as the webhook may take."""
        self.meters.failed(hook, "not ready")
        message = "auditor has not loaded its policies yet"
        return respond.refuse(HTTPStatus.SERVICE_UNAVAILABLE, message, retry_after=RETRY_AFTER)

    def busy(self, hook: Hook) -> Answer:
        self.meters.failed(hook, "busy")
        message = "auditor has too many requests in hand"
        return respond.refuse(HTTPStatus.TOO_MANY_REQUESTS, message, retry_after=RETRY_AFTER)

    def _age(self) -> float:
        snapshot = self.snapshots.current
        return nan if snapshot is None else snapshot.age(self._timer())

    def _snapshot(self) -> Snapshot:
        snapshot = self.snapshots.current
        if snapshot is None:
            raise NotReadyError
        return snapshot

    def _ask(self, hook: Hook, name: str, snapshot: Snapshot, envelope: Envelope, *, timeout: float | None) -> Asked:
        path = f"{hook}/{name}"
        group, special = snapshot.group(path), self._specials.get(path)
        return Asked(
            hook=hook,
            id=self.ring.next_id(),
            snapshot=snapshot,
            group=group,
            special=special,
            envelope=envelope,
            timeout=timeout,
            time=self._clock(),
            label=path if special else group.path or str(hook),
        )

    def _judge(self, asked: Asked, noted: Noted | None) -> tuple[Request | None, Judgement]:
        world = asked.snapshot.world if noted is None else replace(asked.snapshot.world, objects=noted)
        request = None
        try:
            with span("request"):
                request = decode.read_request(asked.envelope, asked.snapshot, world, time=asked.time)
            with span("mutate" if asked.hook is Hook.MUTATE else "judge"):
                judgement = self._work(asked, request)
        except InputError as error:
            judgement = judge.fail(str(error), closed=asked.fails_closed(request), fault=Fault.REQUEST)
        except Exception:
            judgement = self._fail(asked, request)
        return request, judge.break_glass(judgement, request, asked.snapshot.settings)

    def _work(self, asked: Asked, request: Request) -> Judgement:
        if asked.special is not None:
            return asked.special(request)
        if asked.hook is Hook.MUTATE:
            return judge.mutate(asked.group.engine, request)
        return judge.validate(asked.group.engine, request)

    def _respond(
        self, asked: Asked, request: Request | None, judgement: Judgement, age: float | None
    ) -> tuple[Judgement, bytes]:
        uid = asked.envelope.uid
        try:
            return judgement, respond.write_review(uid, answer(judgement, request, decision=asked.id, age=age))
        except Exception:  # a patch that is no JSON, for example: the text of this one is our own
            judgement = judge.break_glass(self._fail(asked, request), request, asked.snapshot.settings)
            return judgement, respond.write_review(uid, answer(judgement, request, decision=asked.id, age=age))

    def _fail(self, asked: Asked, request: Request | None) -> Judgement:
        """Called while an exception is handled: it goes to the log, and not to the user."""
        journal.logger.exception("%s: the engine failed", asked.id)
        error = f"internal error; the log of the webhook tells more of decision {asked.id}"
        return judge.fail(error, closed=asked.fails_closed(request), fault=Fault.INTERNAL)


def _describe(current: Span, asked: Asked, request: Request | None, judgement: Judgement) -> None:
    """Whom it is about, and what became of it; who asked for it stands in the audit log, which not all may read."""
    current.set_attribute("auditor.decision", asked.id)
    current.set_attribute("auditor.uid", asked.envelope.uid)
    current.set_attribute("auditor.outcome", str(judgement.outcome))
    current.set_attribute("auditor.allowed", judgement.allowed)
    current.set_attribute("auditor.findings", len(judgement.findings))
    if request is not None:
        current.set_attribute("auditor.operation", str(request.operation))
        current.set_attribute("auditor.kind", name_kind(request.resource.group, request.resource.resource))
        current.set_attribute("auditor.object", f"{request.namespace}/{request.name}".lstrip("/"))
        current.set_attribute("auditor.dry_run", request.dry_run)
