"""One thread that looks at all objects that ask for deliveries, plans what is due and delivers what waits.

An attempt is claimed in the status before it is made and told there when it is over, both with the resourceVersion
that was read. So of two watchers one makes it, whatever becomes of leases meanwhile; and one that ends in the middle
leaves a claim behind, which runs out.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry

from auditor.audit.dispatch.audiences import Labels, Namespaces
from auditor.audit.dispatch.courier import Courier
from auditor.audit.dispatch.entry import Entry, Key, Standing, State
from auditor.audit.dispatch.meters import Meters
from auditor.audit.dispatch.office import Case, Office
from auditor.cluster import Client, WriteOptions
from auditor.cluster.access import dig_list, dig_object, dig_text
from auditor.cluster.conditions import Condition, set_condition
from auditor.cluster.lease import Permit
from auditor.cluster.resource import NAMESPACES
from auditor.errors import AuditorError, CompileError, ConflictError, LeaseLostError, NotFoundError
from auditor.json import JsonObject
from auditor.report.delivery import DeliveryError

log = logging.getLogger(__name__)

MANAGER: Final = "auditor-watch"
TICK: Final = 5.0
"""Seconds between two looks: news is to come within seconds, and one list of some objects costs a millisecond. A watch
would tell of changes of objects sooner, and of time and findings not at all."""
TELLING: Final = 5
"""Attempts to tell what became of an attempt, when others write the same status."""

NOTHING: Final = "nothing was sent: there was nothing left to tell"

Place = tuple[str, Key]
Guard = Callable[[str], AbstractContextManager[Permit]]
AnyOffice = Office[Any, Any]
"""Each has entries of its own, of which the dispatcher needs what all have."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """An object as it was last read or written, within a round."""

    office: AnyOffice
    case: Case[Any, Any]
    thing: JsonObject

    @property
    def standing(self) -> Standing[Any]:
        found: Standing[Any] = self.office.read(dig_object(self.thing, "status"))
        return found


def _now() -> datetime:
    return datetime.now(UTC)


class Dispatcher:
    def __init__(
        self,
        client: Client,
        offices: Iterable[AnyOffice],
        *,
        owns: Callable[[str], bool],
        guard: Guard,
        courier: Courier,
        registry: CollectorRegistry | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._client, self._offices, self._owns, self._guard = client, tuple(offices), owns, guard
        self._courier = courier
        self._now = now
        self._meters = Meters(registry, {each.resource.kind: each.ways for each in self._offices})
        self._untold: dict[Place, tuple[AnyOffice, Entry]] = {}
        """What became of attempts that could not be told: only we know, and the API server is away."""
        self._stopping = threading.Event()
        self.error = ""
        """Why the last look did not end as it should."""
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """An attempt that is under way then is left behind: its claim runs out, and it is made again."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.wait(TICK):
            self.look()

    def look(self) -> None:
        """One round."""
        namespaces = _Once(self._client)
        said = [self._visit(office, namespaces) for office in self._offices]
        error = next(filter(None, said), "")
        if error and error != self.error:
            log.warning("%s", error)
        self.error = error

    def _visit(self, office: AnyOffice, namespaces: Namespaces) -> str:
        """One that is in trouble does not keep the others."""
        try:
            if self._owns(office.resource.name):
                self._look(office, namespaces)
            else:
                self._meters.show(office.resource.kind, ())
        except LeaseLostError:
            return ""  # whoever owns them now goes on
        except AuditorError as problem:
            return f"{office.word}s: {problem}"
        except Exception as problem:
            log.exception("%ss: a defect of auditor", office.word)
            return f"{office.word}s: a defect of auditor: {type(problem).__name__}"
        return ""

    def _look(self, office: AnyOffice, namespaces: Namespaces) -> None:
        try:
            things = list(self._client.list(office.resource))
        except NotFoundError:
            return  # this installation is older than the kind
        self._forget(office, things)
        failed: Exception | None = None
        entries: list[Entry] = []
        for thing in things:
            if self._stopping.is_set():
                return
            try:
                seen = self._see(office, thing, namespaces)
            except ConflictError:
                log.info("%s %s: somebody wrote it, it is looked at again", office.word, thing["metadata"]["name"])
                seen = thing
            except LeaseLostError:
                raise
            except Exception as error:  # the others are seen to all the same
                error.add_note(f"{office.word} {thing['metadata']['name']}")  # a traceback of a defect has it
                failed, seen = failed or error, thing
            entries += office.read(dig_object(seen, "status")).entries
        self._meters.show(office.resource.kind, entries)
        if failed is not None:
            raise failed

    def _forget(self, office: AnyOffice, things: Sequence[JsonObject]) -> None:
        """What could not be told of objects that are gone."""
        there = {dig_text(each, "metadata", "uid") for each in things}
        mine = {place for place, (kind, _) in self._untold.items() if kind is office}
        for place in mine:
            if place[0] not in there:
                del self._untold[place]

    def _see(self, office: AnyOffice, thing: JsonObject, namespaces: Namespaces) -> JsonObject:
        """The object as it is then."""
        thing = self._tell_late(office, thing)
        before = office.read(dig_object(thing, "status"))
        try:
            case = office.enter(thing, namespaces)
        except CompileError as error:
            case = Condition("Ready", "False", "Invalid", f"{error}.", dig_generation(thing))
        if isinstance(case, Condition):
            return self._write(office, thing, before, (case,))
        planned, conditions = case.plan(self._now())
        thing = self._write(office, thing, planned, conditions)
        failed = set[str]()
        for entry in case.choose_due(planned, self._now()):
            # A receiver that is down is asked once in a round, not once for each team.
            if self._stopping.is_set() or entry.name in failed:
                continue
            thing, arrived = self._attempt(_Seen(office, case, thing), entry)
            if not arrived:
                failed.add(entry.name)
        return thing

    def _attempt(self, seen: _Seen, entry: Entry) -> tuple[JsonObject, bool]:
        case, wish = seen.case, seen.case.wish
        what = f"{seen.office.word} {wish.name}, delivery {entry.name}"
        delivery = wish.deliveries[entry.name]
        try:
            parcel = case.make(entry, self._now())
            if parcel is None:
                return self._record(seen, entry.arrive(self._now(), NOTHING)), True
            way = self._courier.find_way(delivery, parcel)
        except LeaseLostError:
            raise
        except AuditorError as error:
            now = self._now()
            failed = entry.claim(now, entry.sent).fail(now, str(error), retry_for=wish.retry_for)
            self._meters.count(seen.office.resource.kind, delivery, failed.state)
            return self._record(seen, failed), False
        claimed = entry.claim(self._now(), str(parcel.words.get("digest") or parcel.subject))
        thing = self._record(seen, claimed)
        try:
            over = claimed.arrive(self._now(), way.deliver(parcel))
        except DeliveryError as error:
            over = claimed.fail(
                self._now(),
                str(error),
                retry_for=wish.retry_for,
                uncertain=error.uncertain,
                retry_after=error.retry_after,
            )
        except Exception as error:
            log.exception("%s: a defect of auditor", what)
            said = f"a defect of auditor: {type(error).__name__}"
            over = claimed.fail(self._now(), said, retry_for=wish.retry_for, uncertain=True)
        log.info("%s: %s %s", what, over.state, over.error)
        self._meters.count(seen.office.resource.kind, delivery, over.state)
        self._untold[wish.uid, over.key] = seen.office, over
        return self._tell_late(seen.office, thing), over.state is State.DELIVERED

    def _record(self, seen: _Seen, entry: Entry) -> JsonObject:
        """A claim that cannot be written is none, and nothing is sent."""
        standing = seen.standing.put(entry)
        return self._write(seen.office, seen.thing, standing, (seen.office.tell(standing),))

    def _tell_late(self, office: AnyOffice, thing: JsonObject) -> JsonObject:
        """What became of attempts of ours. Also where the lease was lost meanwhile: nobody else knows, and what is
        written is only ever the end of our own claim."""
        uid, name = dig_text(thing, "metadata", "uid"), dig_text(thing, "metadata", "name")
        for place in [place for place in self._untold if place[0] == uid]:
            entry = self._untold[place][1]
            for _ in range(TELLING):
                standing = office.read(dig_object(thing, "status"))
                claimed = standing.find(entry.key)
                if claimed is None or claimed.state is not State.SENDING or claimed.attempts != entry.attempts:
                    break
                try:
                    told = standing.put(entry)
                    thing = self._update(office, thing, told, (office.tell(told),), timeout=None)
                    break
                except ConflictError:
                    thing = self._client.get(office.resource, name)
            else:
                continue
            del self._untold[place]
        return thing

    def _write(
        self, office: AnyOffice, thing: JsonObject, standing: Standing[Any], conditions: Sequence[Condition]
    ) -> JsonObject:
        """Nothing where nothing has changed."""
        if self._render(office, thing, standing, conditions) == dig_object(thing, "status"):
            return thing
        with self._guard(office.resource.name) as permit:
            return self._update(office, thing, standing, conditions, timeout=permit.left())

    def _update(
        self,
        office: AnyOffice,
        thing: JsonObject,
        standing: Standing[Any],
        conditions: Sequence[Condition],
        *,
        timeout: float | None,
    ) -> JsonObject:
        changed = thing | {"status": self._render(office, thing, standing, conditions)}
        options = WriteOptions(field_manager=MANAGER, timeout=timeout)
        return self._client.update(office.resource, changed, subresource="status", options=options)

    def _render(
        self, office: AnyOffice, thing: JsonObject, standing: Standing[Any], conditions: Sequence[Condition]
    ) -> JsonObject:
        there = dig_list(dig_object(thing, "status"), "conditions")
        for each in conditions:
            there = set_condition(there, each, self._now())
        return office.render(standing, {"conditions": there} if there else {})


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
