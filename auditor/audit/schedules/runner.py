"""One thread that looks at all ReportSchedules now and then, begins what is due and delivers what waits.

An attempt is claimed in the status before it is made and told there when it is over, both with the resourceVersion
that was read. So of two watchers one makes it, whatever becomes of leases meanwhile; and one that ends in the middle
leaves a claim behind, which runs out.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from auditor.audit.schedules.audiences import Labels, Namespaces, list_audiences
from auditor.audit.schedules.conditions import find_conditions
from auditor.audit.schedules.courier import Courier
from auditor.audit.schedules.press import Batch, Press
from auditor.audit.schedules.spec import Schedule, read_schedule
from auditor.audit.schedules.state import Entry, Plan, Standing, State, plan, read_standing, render_standing
from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.access import dig_list, dig_object, dig_text
from auditor.cluster.conditions import Condition, set_condition
from auditor.cluster.lease import Permit
from auditor.cluster.resource import NAMESPACES
from auditor.errors import AuditorError, CompileError, ConflictError, LeaseLostError, NotFoundError, UsageError
from auditor.json import JsonObject
from auditor.report.delivery import DeliveryError

log = logging.getLogger(__name__)

SCHEDULES: Final = Resource("auditor.dev", "v1", "reportschedules", "ReportSchedule", namespaced=False)
MANAGER: Final = "auditor-watch"
TICK: Final = 5.0
"""Seconds between two looks: schedules count by minutes, and one list of some objects costs a millisecond. A watch
would tell of changes sooner, and of time not at all."""
TELLING: Final = 5
"""Attempts to tell what became of an attempt, when others write the same status."""

Place = tuple[str, tuple[str, str, datetime]]
Guard = Callable[[str], AbstractContextManager[Permit]]


@dataclass(frozen=True, slots=True)
class _Seen:
    schedule: Schedule
    batch: Batch
    thing: JsonObject
    standing: Standing


def _now() -> datetime:
    return datetime.now(UTC)


class ScheduleRunner:
    def __init__(
        self,
        client: Client,
        *,
        owns: Callable[[str], bool],
        guard: Guard,
        press: Press | None,
        courier: Courier,
        tick: float = TICK,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`press`: None where no history is kept."""
        self._client, self._owns, self._guard = client, owns, guard
        self._press, self._courier = press, courier
        self._tick, self._now = tick, now
        self._untold: dict[Place, Entry] = {}
        """What became of attempts that could not be told: only we know, and the API server is away."""
        self._stopping = threading.Event()
        self.error = ""
        """Why the last look did not end as it should."""
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """An attempt that is under way then is left behind: its claim runs out, and it is made again."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.wait(self._tick):
            self.look()

    def look(self) -> None:
        """One round."""
        try:
            if self._owns(SCHEDULES.name):
                self._look()
            error = ""
        except LeaseLostError:
            return  # whoever owns them now goes on
        except AuditorError as problem:
            error = str(problem)
        except Exception as problem:
            log.exception("schedules: a defect of auditor")
            error = f"a defect of auditor: {type(problem).__name__}"
        if error and error != self.error:
            log.warning("report schedules: %s", error)
        self.error = error

    def _look(self) -> None:
        try:
            things = list(self._client.list(SCHEDULES))
        except NotFoundError:
            return  # this installation is older than the kind
        there = {dig_text(each, "metadata", "uid") for each in things}
        self._untold = {place: entry for place, entry in self._untold.items() if place[0] in there}
        namespaces = _Once(self._client)
        failed: AuditorError | None = None
        for thing in things:
            if self._stopping.is_set():
                return
            try:
                self._see(thing, namespaces)
            except ConflictError:
                log.info("report schedule %s: somebody wrote it, it is looked at again", thing["metadata"]["name"])
            except LeaseLostError:
                raise
            except AuditorError as error:
                failed = failed or error  # the others are seen to all the same
        if failed is not None:
            raise failed

    def _see(self, thing: JsonObject, namespaces: Namespaces) -> None:
        thing = self._tell_late(thing)
        now = self._now()
        try:
            schedule = read_schedule(thing)
        except CompileError as error:
            invalid = Condition("Ready", "False", "Invalid", f"{error}.", dig_generation(thing))
            self._write(thing, read_standing(dig_object(thing, "status")), (invalid,))
            return
        before = read_standing(dig_object(thing, "status"))
        if self._press is None:
            said = "Reports are made from the history, and this watcher keeps none (--no-history)."
            none = Condition("Ready", "False", "NoHistory", said, dig_generation(thing))
            self._write(thing, before, (none,))
            return
        try:
            planned = plan(schedule, before, now, lambda: list_audiences(schedule, namespaces))
        except UsageError as error:  # at midnight, nothing of today has been
            empty = Condition("Ready", "False", "NoPeriod", f"{error}.", schedule.generation)
            self._write(thing, before, (empty,))
            return
        thing = self._write(thing, planned.standing, find_conditions(schedule, planned, before))
        batch, failed = Batch(self._press, schedule, namespaces), set[str]()
        for entry in planned.standing.entries:
            due = entry.waits_until()
            if self._stopping.is_set() or due is None or due > self._now() or entry.name in failed:
                continue
            # A receiver that is down is asked once in a round, not once for each team.
            seen = _Seen(schedule, batch, thing, read_standing(dig_object(thing, "status")))
            thing, arrived = self._attempt(seen, entry)
            if not arrived:
                failed.add(entry.name)

    def _attempt(self, seen: _Seen, entry: Entry) -> tuple[JsonObject, bool]:
        schedule = seen.schedule
        try:
            parcel = seen.batch.make(entry, self._now())
            way = self._courier.find_way(schedule.deliveries[entry.name], parcel)
        except LeaseLostError:
            raise
        except AuditorError as error:
            now = self._now()
            failed = entry.claim(now, entry.digest).fail(now, str(error), retry_for=schedule.retry_for)
            return self._record(seen, failed), False
        claimed = entry.claim(self._now(), str(parcel.words.get("digest") or ""))
        thing = self._record(seen, claimed)
        try:
            over = claimed.arrive(self._now(), way.deliver(parcel))
        except DeliveryError as error:
            over = claimed.fail(
                self._now(),
                str(error),
                retry_for=schedule.retry_for,
                uncertain=error.uncertain,
                retry_after=error.retry_after,
            )
        except Exception as error:
            log.exception("report schedule %s, delivery %s: a defect of auditor", schedule.name, entry.name)
            said = f"a defect of auditor: {type(error).__name__}"
            over = claimed.fail(self._now(), said, retry_for=schedule.retry_for, uncertain=True)
        log.info("report schedule %s, delivery %s: %s %s", schedule.name, entry.name, over.state, over.error)
        self._untold[schedule.uid, over.key] = over
        return self._tell_late(thing), over.state is State.DELIVERED

    def _record(self, seen: _Seen, entry: Entry) -> JsonObject:
        """A claim that cannot be written is none, and nothing is sent."""
        standing = seen.standing.put(entry)
        return self._write(seen.thing, standing, find_conditions(seen.schedule, Plan(standing=standing), standing))

    def _tell_late(self, thing: JsonObject) -> JsonObject:
        """What became of attempts of ours. Also where the lease was lost meanwhile: nobody else knows, and what is
        written is only ever the end of our own claim."""
        uid, name = dig_text(thing, "metadata", "uid"), dig_text(thing, "metadata", "name")
        for place in [place for place in self._untold if place[0] == uid]:
            entry = self._untold[place]
            for _ in range(TELLING):
                standing = read_standing(dig_object(thing, "status"))
                claimed = standing.find(entry.key)
                if claimed is None or claimed.state is not State.SENDING or claimed.attempts != entry.attempts:
                    break
                try:
                    told = standing.put(entry)
                    thing = self._update(thing, told, find_conditions(None, Plan(standing=told), told), timeout=None)
                    break
                except ConflictError:
                    thing = self._client.get(SCHEDULES, name)
            else:
                continue
            del self._untold[place]
        return thing

    def _write(self, thing: JsonObject, standing: Standing, conditions: tuple[Condition, ...]) -> JsonObject:
        """Nothing where nothing has changed."""
        if self._render(thing, standing, conditions) == dig_object(thing, "status"):
            return thing
        with self._guard(SCHEDULES.name) as permit:
            return self._update(thing, standing, conditions, timeout=permit.left())

    def _update(
        self, thing: JsonObject, standing: Standing, conditions: tuple[Condition, ...], *, timeout: float | None
    ) -> JsonObject:
        changed = thing | {"status": self._render(thing, standing, conditions)}
        options = WriteOptions(field_manager=MANAGER, timeout=timeout)
        return self._client.update(SCHEDULES, changed, subresource="status", options=options)

    def _render(self, thing: JsonObject, standing: Standing, conditions: tuple[Condition, ...]) -> JsonObject:
        status = dig_object(thing, "status")
        there = dig_list(status, "conditions")
        for each in conditions:
            there = set_condition(there, each, self._now())
        return render_standing(standing, {"conditions": there} if there else {})


class _Once:
    """All namespaces, asked for at most once in a round."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._found: Mapping[str, Labels] | None = None

    def __call__(self) -> Mapping[str, Labels]:
        if self._found is None:
            self._found = {
                dig_text(each, "metadata", "name"): dig_object(each, "metadata", "labels")
                for each in self._client.list(NAMESPACES)
            }
        return self._found


def dig_generation(thing: JsonObject) -> int | None:
    found = dig_object(thing, "metadata").get("generation")
    return found if isinstance(found, int) else None
