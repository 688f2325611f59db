"""Writes what the watcher covers and counts into the status of the AuditConfig and of policies, when it has changed.

Who marks only says that something may be different. One thread looks at the whole situation after a moment, compares it
with what is there, and writes what differs; so a thousand marks make one write, and what others wrote is put right.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from typing import Final

from auditor.audit.coverage import PolicyCounts, Situation
from auditor.audit.status import STATUS, Owns, Rendering, render_config, render_policy
from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.access import dig_object
from auditor.cluster.lease import Permit
from auditor.errors import AuditorError, ConflictError, LeaseLostError, NotFoundError
from auditor.intake.kinds import CONFIGS, POLICIES
from auditor.intake.live.config import NAME
from auditor.json import JsonObject
from auditor.model.policy import Kind

log = logging.getLogger(__name__)

MANAGER: Final = "auditor-watch"
"""Who wrote it, in managedFields."""
SPACING: Final = 5.0
"""Seconds between two writes to one object: people look at it, and machines watch the objects themselves."""
SETTLE: Final = 0.5
"""Seconds between a mark and the look at the situation."""
SHARE: Final = 20
"""Looking costs a twentieth of one core at most: after a look it rests for that many times the CPU time of it."""
ATTEMPTS: Final = 5
"""Of one write, when others write the same object at the same time."""
FIRST_RETRY: Final = 2.0
LAST_RETRY: Final = 60.0
"""Seconds before another attempt, twice as long each time."""
STOP_TIMEOUT: Final = 5.0
ORIGIN: Final = {"auditor.dev/origin": "made by the watcher, because there was none: its status has the coverage"}

Key = tuple[Resource, str]
Guard = Callable[[str], AbstractContextManager[Permit]]
Find = Callable[[Resource, str], JsonObject | None]


def _now() -> datetime:
    return datetime.now(UTC)


class StatusWriter:
    """`mark` and `note` are quick, and may be called from any thread."""

    def __init__(
        self,
        client: Client,
        source: Callable[[], Situation | None],
        owns: Owns,
        guard: Guard,
        *,
        find: Find | None = None,
        spacing: float = SPACING,
        settle: float = SETTLE,
        now: Callable[[], datetime] = _now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`source` gives the situation; None: nothing is known yet. `find` is the object as a watch knows it: with it,
        looking costs no call."""
        self._client, self._source, self._owns, self._guard = client, source, owns, guard
        self._find = find
        self._spacing, self._settle, self._now, self._clock = spacing, settle, now, clock
        self._changed = threading.Condition()
        self._marked = self._stopping = False
        self._last: dict[Key, float] = {}
        """When each object was last written."""
        self._failures = 0
        self.writes = 0
        self.error = ""
        """Why the last look did not end as it should; empty: it did."""
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """What is under way is finished, and nothing more is begun. False if it was still under way then."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def mark(self) -> None:
        """Something that a status tells may be different."""
        with self._changed:
            if not self._marked:
                self._marked = True
                self._changed.notify_all()

    def note(self, resource: Resource, _: str = "") -> None:
        """An object of ours has changed, perhaps because somebody wrote into its status. For `Live(noted=...)`."""
        if resource in (CONFIGS, POLICIES):
            self.mark()

    # -- in its own thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        due: float | None = None
        while True:
            with self._changed:
                wait = None if due is None else max(0.0, due - self._clock())
                self._changed.wait_for(lambda: self._marked or self._stopping, wait)
                self._changed.wait_for(lambda: self._stopping, self._settle)
                if self._stopping:
                    return
                self._marked = False
            begun = time.thread_time()
            due = self.look()
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, SHARE * (time.thread_time() - begun))

    def look(self) -> float | None:
        """One round. When there is to be another, by the clock, though nobody marks; None: there is not."""
        try:
            situation = self._source()
            due = None if situation is None else self._write_all(situation)
        except LeaseLostError:
            return self._clock() + FIRST_RETRY  # whoever owns it now sees to it; perhaps it is us again by then
        except AuditorError as error:
            return self._fail(str(error))
        except Exception as error:
            log.exception("status: a defect of auditor")
            return self._fail(f"a defect of auditor: {type(error).__name__}: {error}")
        self._failures, self.error = 0, ""
        return due

    def _fail(self, error: str) -> float:
        if error != self.error:
            log.warning("status could not be written, and is tried again: %s", error)
        self.error = error
        self._failures += 1
        return self._clock() + min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(self._failures - 1, 10))

    def _write_all(self, situation: Situation) -> float | None:
        """One object that fails does not keep the others from being written."""
        dues: list[float] = []
        failed: AuditorError | None = None
        keys = []
        for key, render in self._targets(situation):
            keys.append(key)
            if self._stopping:
                break
            try:
                if (due := self._write(key, render)) is not None:
                    dues.append(due)
            except LeaseLostError:
                dues.append(self._clock() + FIRST_RETRY)
            except AuditorError as error:
                failed = failed or error
        self._last = {key: at for key, at in self._last.items() if key in keys}
        if failed is not None:
            raise failed
        return min(dues, default=None)

    def _targets(self, situation: Situation) -> Iterator[tuple[Key, "Render"]]:
        yield (CONFIGS, NAME), lambda status: render_config(status, situation, self._owns, self._now())
        for counts in situation.policies:
            if counts.of is Kind.POLICY:
                yield (POLICIES, counts.policy), _of_policy(counts, situation, self._owns)

    def _write(self, key: Key, render: "Render") -> float | None:
        """When it is to be written, if that is not now."""
        thing = None if self._find is None else self._find(*key)
        if thing is not None and render(dig_object(thing, "status")) is None:
            return None
        last = self._last.get(key)
        if last is not None and self._clock() - last < self._spacing:
            return last + self._spacing
        try:
            return self._update(key, render)
        except NotFoundError:
            return self._update(key, render) if self._make(key) else None

    def _update(self, key: Key, render: "Render") -> float | None:
        resource, name = key
        for _ in range(ATTEMPTS):
            thing = self._client.get(resource, name)
            rendering = render(dig_object(thing, "status"))
            if rendering is None:
                return None
            with ExitStack() as stack:
                permits = [stack.enter_context(self._guard(owner)) for owner in sorted(rendering.owners)]
                options = WriteOptions(field_manager=MANAGER, timeout=min(permit.left() for permit in permits))
                try:
                    # With its resourceVersion: what another watcher has written meanwhile is not undone.
                    changed = thing | {"status": rendering.status}
                    self._client.update(resource, changed, subresource="status", options=options)
                except ConflictError:
                    continue
            self._last[key] = self._clock()
            self.writes += 1
            return None
        return self._clock() + FIRST_RETRY

    def _make(self, key: Key) -> bool:
        """The AuditConfig, or the coverage would have no home; a policy that is not there is gone. It is applied, not
        created: so nobody owns the defaults that the API server fills in, and whoever applies it next has no conflict.
        For that it has to say something: of an object without managedFields all counts as owned."""
        self._last[key] = self._clock()  # what is not there is not asked for all the time
        if key != (CONFIGS, NAME) or not self._owns(STATUS):
            return False
        body = {
            "apiVersion": CONFIGS.api_version,
            "kind": CONFIGS.kind,
            "metadata": {"name": NAME, "annotations": ORIGIN},
        }
        with self._guard(STATUS) as permit:
            try:
                self._client.apply(CONFIGS, body, options=WriteOptions(field_manager=MANAGER, timeout=permit.left()))
            except NotFoundError:
                return False  # this installation is older than the kind; when its CRD comes, we are marked
        log.info("AuditConfig %s was not there, and was made: its status has the coverage", NAME)
        return True


Render = Callable[[JsonObject], Rendering | None]


def _of_policy(counts: PolicyCounts, situation: Situation, owns: Owns) -> Render:
    return lambda status: render_policy(status, counts, situation, owns)
