"""What is to be in the cluster, compared with what is there, and written."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry

from auditor.audit.reports.meters import ReportMeters, ReportsStatus
from auditor.audit.reports.pen import Guard, Pen
from auditor.audit.reports.repairs import Repairs
from auditor.audit.reports.shelf import RETRY, Shelf, Voice
from auditor.cluster import Client
from auditor.cluster.access import split_key
from auditor.cluster.discovery import Discovery
from auditor.cluster.informer import Change, Informers, Notice
from auditor.cluster.queue import Priority, WorkQueue
from auditor.cluster.workers import Workers
from auditor.errors import ClusterError, LeaseLostError
from auditor.model.finding import Finding
from auditor.model.settings import ReportApi, ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs import FORMS, build, content_of_report, left_out_of, name_of, uid_of
from auditor.tracing import Carried, carry, resume

log = logging.getLogger(__name__)

WINDOW: Final = 0.2
"""Seconds in which changes of one object are collected: a fifth of the second within which a report has to be true."""
WORKERS: Final = 4
"""A write takes 5 to 20 ms, so these write 200 a second at least; four times what the goal needs."""
MAX_DELAY: Final = 30.0
NEVER: Final = 1 << 30
"""Attempts before it gives up: nobody else writes what is true of an object."""
TICK: Final = 1.0
"""Seconds between two looks at the settings and at what is followed."""
FIRST_TICK: Final = 0.1
"""Seconds, while what is there is not known yet."""
SWEEP: Final = 30.0
"""Seconds between two searches for reports of which nobody has spoken."""
STOP_TIMEOUT: Final = 3.0

Place = tuple[str, str]
"""An object: kind_name, and key."""
Find = Callable[[str, str], tuple[Subject, Sequence[Finding]] | None]
"""What is known of an object by kind_name and key; None or no findings: nothing is wrong with it, as far as is known.
Where passes are reported they are among the findings, too."""


@dataclass(frozen=True, slots=True)
class News:
    """A change of findings: when we heard of it, and in which trace."""

    at: float
    trace: Carried | None


class ReportWriter:
    """Safe to use from many threads. A kind_name is `plural.group`, a key `namespace/name` or the name alone.

    `settled`: whether all objects of a kind have been judged since it can be read, by this watcher, which owns it; also
    True of a kind that is known to be gone. Only then a report that no findings stand behind is deleted. `guard`: leave
    to write for a kind. `creates`: see Shelf.
    """

    def __init__(
        self,
        client: Client,
        *,
        informers: Informers,
        settings: Callable[[], ReportSettings],
        find: Find,
        guard: Guard,
        settled: Callable[[str], bool],
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
        creates: bool = False,
    ) -> None:
        self._settings, self._find = settings, find
        self._settled, self._clock = settled, clock
        discovery, voice = Discovery(client), Voice(clock)
        self._shelves: Final = tuple(
            Shelf(
                api,
                form,
                informers=informers,
                discovery=discovery,
                handler=self._hear,
                clock=clock,
                voice=voice,
                creates=creates,
            )
            for api, forms in FORMS.items()
            for form in forms
        )
        self._queue: WorkQueue[str] = WorkQueue(clock=clock, max_retries=NEVER, max_delay=MAX_DELAY)
        self._workers = Workers("reports", self._queue, self._work, count=WORKERS)
        self._lock = threading.Lock()
        self._news: dict[str, News] = {}
        """What no report tells yet, by the keys of the reports."""
        self._places: dict[str, Place] = {}
        """Objects that have, or had just now, findings; by the keys of their reports."""
        self._repairs = Repairs(clock)
        self._cut: set[str] = set()
        self._beyond: set[str] = set()
        """Those for which there is no room, by their keys."""
        self._troubles: dict[str, str] = {}
        """Of single reports, by their keys."""
        self._in_force: ReportSettings | None = None
        """As the last look found them. Workers go by these alone: what they did by others is looked at again."""
        self._swept = 0.0
        self._sweep_now = self._stopping = self._hurried = False
        self._awake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)
        self._meters = ReportMeters(registry)
        self._pen = Pen(client, guard, self._meters, lambda key: self._queue.add(key, delay=RETRY))
        self._meters.follow(lambda: self.status)

    def start(self) -> None:
        self._workers.start()
        self._thread.start()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """What was marked is written first, if that can be done in time. False if work was still under way."""
        deadline = time.monotonic() + timeout
        while len(self._queue) and time.monotonic() < deadline - timeout / 3:
            time.sleep(0.02)
        self._stopping = True
        self._awake.set()
        if self._thread.ident is not None:
            self._thread.join(max(0.1, deadline - time.monotonic()))
        for shelf in self._shelves:
            shelf.close()
        return self._workers.stop(max(0.1, deadline - time.monotonic()))

    # -- quick, from any thread ----------------------------------------------------------------------------------------

    def mark(self, kind_name: str, key: str, uid: str) -> None:
        """The findings of that very object have changed: there are others, or none any more."""
        namespace, _ = split_key(key)
        report = f"{namespace}/{name_of(uid)}" if namespace else name_of(uid)
        with self._lock:
            self._places[report] = (kind_name, key)
        self._note(report, News(self._clock(), carry()))
        self._repairs.forgive(report)
        self._queue.add(report, delay=WINDOW)

    def forget(self, kind_name: str) -> None:
        """It is somebody else's now: its reports stay as they are."""
        with self._lock:
            for report in [report for report, place in self._places.items() if place[0] == kind_name]:
                del self._places[report]
                self._news.pop(report, None)
                self._cut.discard(report)
                self._beyond.discard(report)
                self._troubles.pop(report, None)
                for shelf in self._shelves:
                    shelf.said.pop(report, None)

    def sweep(self) -> None:
        """A kind is settled now, or gone: there may be reports of it that no findings stand behind."""
        self._sweep_now = True
        self._awake.set()

    def refresh(self) -> None:
        """The settings have changed. It is found out without this, too, a second later."""
        self._awake.set()

    def hurry(self) -> None:
        """The kinds of the reports are there now."""
        self._hurried = True
        self._awake.set()

    @property
    def status(self) -> ReportsStatus:
        return ReportsStatus(
            self._meters.written,
            self._meters.deleted,
            self._meters.failed,
            waiting=len(self._queue),
            present=self._present,
            cut=len(self._cut),
            beyond=len(self._beyond),
            trouble=self.trouble,
        )

    @property
    def _present(self) -> int:
        return sum(len(shelf) for shelf in self._shelves)

    @property
    def trouble(self) -> str:
        found = [shelf.trouble for shelf in self._shelves] + list(self._troubles.values())[:1]
        return "; ".join(dict.fromkeys(filter(None, found)))

    def _hear(self, shelf: Shelf, notice: Notice) -> None:
        """Of our reports in the cluster. Those of which we know nothing wait for the sweep."""
        key, said = notice.key, shelf.said.get(notice.key)
        after = notice.after.digest(content_of_report) if notice.after is not None else None
        if said is None and (notice.change is Change.DELETED or key not in self._places):
            return
        if notice.initial:
            self._queue.add(key)
        elif after is None or after != said:
            self._queue.add(key, delay=self._repairs.delay(key))

    # -- a thread of its own -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            self._awake.clear()
            try:
                self.look()
            except Exception:
                log.exception("reports: the look at what is followed failed, and is repeated")
            settings = self._in_force
            quick = any(shelf.opening for shelf in self._shelves if settings is None or shelf.api is settings.api)
            self._awake.wait(FIRST_TICK if quick else TICK)

    def look(self) -> None:
        """Once a second: are the settings others, is a kind of reports there now, what is nobody's any more."""
        settings, before = self._settings(), self._in_force
        self._in_force = settings  # first of all: what is in work by the former comes again below
        changed = before is not None and before != settings
        hurried, self._hurried = self._hurried, False
        for shelf in self._shelves:
            if changed or hurried:
                shelf.hurry()
            ready = shelf.look(wanted=shelf.api is settings.api)
            changed = changed or (ready and shelf.api is settings.api)
            self._sweep_now = self._sweep_now or ready
        if changed:
            for report in list(self._places):
                self._queue.add(report, priority=Priority.RESYNC)
        for report in list(self._beyond)[: max(0, settings.max_reports - self._present)]:
            self._queue.add(report, priority=Priority.RESYNC)
        now = self._clock()
        if changed or self._sweep_now or now - self._swept >= SWEEP:
            self._sweep_now, self._swept = False, now
            self._sweep(settings.api)
            self._repairs.sweep()

    def _sweep(self, wanted: ReportApi) -> None:
        for shelf in self._shelves:
            for key in shelf.names():
                other = shelf.api is not wanted
                if uid_of(split_key(key)[1]) and (other or key not in self._places):
                    kind_name = shelf.kind_name(key)
                    if other or self._settled(kind_name):
                        self._queue.add(key, priority=Priority.RESYNC)

    # -- work ----------------------------------------------------------------------------------------------------------

    def _work(self, key: str) -> None:
        with self._lock:
            news = self._news.pop(key, None)
        told = False
        try:
            with resume("report", {"auditor.report": key}, None if news is None else news.trace):
                told = self._put_right(key)
        except LeaseLostError:
            news = None  # whoever has it now does it
        except ClusterError as error:
            self._meters.fail()
            self._troubles[key] = f"{key}: {error}"
            raise
        finally:
            if news is not None:
                if told:
                    self._meters.told(self._clock() - news.at)
                elif key not in self._beyond:
                    self._note(key, news)
        self._troubles.pop(key, None)

    def _note(self, key: str, news: News) -> None:
        """What was there first has waited longest."""
        with self._lock:
            before = self._news.get(key)
            self._news[key] = news if before is None else News(min(before.at, news.at), news.trace or before.trace)

    def _put_right(self, key: str) -> bool:
        """Whether the cluster has it now as it has to be."""
        settings = self._in_force
        if settings is None:
            return False
        place = self._places.get(key)
        found = self._ask(key, place)
        if found is None:
            self._beyond.discard(key)
        report = None
        if found is not None:
            report = build(*found, settings=settings, at=datetime.now(UTC))
        kept: Shelf | None = None
        if report is not None and place is not None:
            kept = self._shelf_for(settings.api, namespaced="/" in key)
            if not self._has_room(kept, key, settings):
                return False
            if not kept.ready or not self._pen.write(kept, key, report, place[0]):
                return False  # it is marked again as soon as it can be written; until then the others stay
        self._note_cut(key, left_out_of(report) if report is not None else 0)
        for shelf in self._shelves:
            if shelf is not kept and (uid := shelf.uid(key) or self._pen.look_up(shelf, key)):
                self._take_away(shelf, key, uid, place, needed=kept is None and settings.api is not ReportApi.NONE)
        return True

    def _take_away(self, shelf: Shelf, key: str, uid: str, place: Place | None, *, needed: bool) -> None:
        """`needed`: unless it is certain that nothing stands behind it."""
        kind_name = place[0] if place is not None else shelf.kind_name(key)
        if uid_of(split_key(key)[1]) and not shelf.held and not (needed and not self._settled(kind_name)):
            self._pen.take_away(shelf, key, uid, kind_name)

    def _ask(self, key: str, place: Place | None) -> tuple[Subject, Sequence[Finding]] | None:
        if place is None:
            return None
        found = self._find(*place)
        if found is not None and found[1] and name_of(found[0].uid) == split_key(key)[1]:
            return found
        with self._lock:
            if self._places.get(key) is place:  # not marked again meanwhile
                del self._places[key]
        return None

    def _shelf_for(self, api: ReportApi, *, namespaced: bool) -> Shelf:
        return next(s for s in self._shelves if s.api is api and s.form.namespaced is namespaced)

    def _has_room(self, shelf: Shelf, key: str, settings: ReportSettings) -> bool:
        if shelf.digest(key) is not None or key in shelf.said or self._present < settings.max_reports:
            self._beyond.discard(key)
            return True
        if not self._beyond:
            log.warning("there are %d reports, and no room for %s: see maxReports of AuditConfig", self._present, key)
        self._beyond.add(key)
        return False

    def _note_cut(self, key: str, left_out: int) -> None:
        if not left_out:
            self._cut.discard(key)
        elif key not in self._cut:
            # The first is told loudly: many of them would only say the same.
            log.log(
                logging.INFO if self._cut else logging.WARNING,
                "the report %s has no room for %d findings: see maxFindingsPerObject of AuditConfig",
                key,
                left_out,
            )
            self._cut.add(key)
