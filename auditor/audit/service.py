"""All that `auditor watch` runs: begun in order, ended in good order."""

import contextlib
import functools
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry

from auditor import tracing
from auditor.audit.chronicle import Chronicle
from auditor.audit.coverage import Situation
from auditor.audit.dispatch import Courier, Dispatcher
from auditor.audit.doors import KEPT, Collected, Doors
from auditor.audit.events import FindingEvents
from auditor.audit.findings import Findings
from auditor.audit.install import install_report_crds
from auditor.audit.meters import WatcherCollector
from auditor.audit.notices import NoticeOffice
from auditor.audit.notices.newsroom import Newsroom
from auditor.audit.recall import Recall
from auditor.audit.reportcrds import ReportCrds
from auditor.audit.reports import ReportWriter
from auditor.audit.schedules import ScheduleOffice
from auditor.audit.schedules.press import Press
from auditor.audit.settings import WRITES, WatchSettings
from auditor.audit.situation import describe
from auditor.audit.statuswriter import StatusWriter
from auditor.audit.turf import Leading, Shared, Turf
from auditor.audit.watcher import Watcher
from auditor.cluster import connect
from auditor.cluster.access import dig_text
from auditor.cluster.lease import LeaseApi
from auditor.cluster.recorder import Recorder
from auditor.cluster.resource import NAMESPACES, SECRETS
from auditor.errors import AuditorError
from auditor.intake.live.view import View
from auditor.languages import jq
from auditor.languages.isolation.pool import STOPS
from auditor.model.finding import Finding
from auditor.model.resource import name_kind
from auditor.model.settings import AuditSettings, ReportSettings
from auditor.model.subject import Subject
from auditor.operations import OperationsServer, Vitals, make_operations_app
from auditor.operations.signals import hear
from auditor.operations.starting import insist
from auditor.report.history import Fault, History, HistoryError, Spool

log = logging.getLogger(__name__)

COMPONENT: Final = "auditor.dev/watch"
LAST_WRITES: Final = 3.0
"""Seconds that reports and history get at the end, each: of the 10 within which it is to be over."""
INCOMPLETE: Final = 3
"""The exit code where something had to be left behind."""
FLUSH: Final = 2.0
"""Seconds that are waited until all that was found is in the history: mostly a commit takes some milliseconds."""
AT_MOST: Final = 9.5
"""Seconds from the signal: whatever hangs then is left behind. What it has not written the next start finds out."""


class WatchService:
    def __init__(self, settings: WatchSettings, operations: socket.socket) -> None:
        self.settings = settings
        self._client = client = connect(settings.cluster, component="watch")
        # What nobody waits for must not hold up what is written, and neither a renewal of the lease.
        writes = connect(replace(settings.cluster, qps=WRITES, burst=int(2 * WRITES)), component="watch-reports")
        leases = LeaseApi(connect(settings.cluster, component="watch-lease").transport, settings.namespace)
        registry = CollectorRegistry()
        registry.register(REGISTRY)  # that of the process, and of the cluster room
        registry.register(Vitals("watch", stops=STOPS.copy))
        self._stopping = threading.Event()
        self._findings = Findings()
        self._recorder = Recorder(writes, component=COMPONENT) if settings.events else None
        kind = Shared if settings.share else Leading
        self.turf: Turf = kind(leases, durations=settings.lease)
        # As long as the history knows of them, as that is asked at each start.
        kept = settings.retention.decisions if settings.database else KEPT
        self.doors = Doors(self._collect, urls=settings.doors, pardoned=self._hear_pardons, pardons_kept=kept)
        self.watcher = Watcher(
            client,
            turf=self.turf,
            outlet=self._findings,
            own_namespace=settings.namespace,
            pardons=self.doors.pardons.times,
            resync=settings.resync,
        )
        self.reports = ReportWriter(
            writes,
            informers=self.watcher.live.informers,
            settings=self._report_settings,
            find=self._find,
            guard=self.turf.guard,
            settled=self._settled,
            registry=registry,
            creates=settings.report_crds,
        )
        self.status = StatusWriter(writes, self._describe, self.turf.owns, self.turf.guard, find=self.watcher.live.find)
        self._findings.reports = self.reports
        self._findings.moved = self.status.mark
        self._findings.noted = self.status.note
        self._findings.arranged = self._hear_view
        self.report_crds: ReportCrds | None = None
        if settings.report_crds:
            self.report_crds = ReportCrds(lambda api: install_report_crds(client, api), created=self.reports.hurry)
        self.spool: Spool | None = None
        self.chronicle: Chronicle | None = None
        self.recall: Recall | None = None
        if settings.database:
            self._keep_history(settings)
        press = Press(settings.database, self._find_cluster) if settings.database else None
        newsroom = Newsroom(settings.database, self._find_cluster) if settings.database else None
        self.dispatcher = Dispatcher(
            client,
            [ScheduleOffice(press), NoticeOffice(newsroom, whole=self._is_whole)],
            owns=self.turf.owns,
            guard=self.turf.guard,
            registry=registry,
            courier=Courier(
                read_secret=lambda name: client.get(SECRETS, name, namespace=settings.namespace),
                root=settings.reports,
                public_only=not settings.private_receivers,
            ),
        )
        self._findings.events = FindingEvents(self._recorder) if self._recorder is not None else None
        self._checks = {
            "running": lambda: "it is ending" if self._stopping.is_set() else "",
            "policies": self.watcher.unready,
        }
        registry.register(
            WatcherCollector(
                self.watcher,
                ready=self._is_ready,
                spool=lambda: None if self.spool is None else self.spool.status(),
                doors=lambda: self.doors.status,
            )
        )
        app = make_operations_app(registry=registry, checks=self._checks)
        self._operations = OperationsServer(operations, app)
        self._starter = threading.Thread(target=self._begin, name="start", daemon=True)

    def _keep_history(self, settings: WatchSettings) -> None:
        self.spool = Spool(self._open_history, lost=self._tell_again, retention=settings.retention)
        self.chronicle = Chronicle(
            self.spool,
            followers=lambda: self.watcher.followers,
            situation=self._describe,
            gone=self._find_gone,
            length=settings.interval,
            tick=settings.tick,
        )
        self._findings.history = self.chronicle
        self.recall = Recall(self._open_history, self.doors.pardons, self._hear_pardons)

    # -- its life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Waits for nobody: what it needs of the cluster comes when it comes."""
        if self.settings.traces:
            tracing.send()
        self._operations.start()
        self._starter.start()

    def _begin(self) -> None:
        for begin, what in (
            (self._recall, "pardons"),
            (self.watcher.start, "policies"),
            (self.turf.start, "lease"),
            (self.reports.start, "reports"),
            (self.status.start, "status"),
            (self._begin_history, "history"),
            (self._find_doors, "doors"),
            (self.dispatcher.start, "deliveries"),
        ):
            if not insist(begin, what, self._stopping):
                return

    def _recall(self) -> None:
        if self.recall is not None:
            self.recall.start()

    def _find_doors(self) -> None:
        service = self.settings.door_service
        if service is not None:
            self.doors.discover(self.watcher.live.informers, service, namespace=self.settings.namespace)
        self.doors.start()

    def stop(self) -> None:
        """Judging ends first, then what it has led to is written, then the lease is given back."""
        self._stopping.set()
        if self._starter.ident is not None:
            self._starter.join(1.0)  # what it has not begun by now it does not begin any more
        for each in (self.recall, self.report_crds, self.doors):
            if each is not None:
                self._end(each.stop)
        self._end(self.watcher.stop_judging)
        self._end(lambda: self.dispatcher.stop(1.0))
        self._end(lambda: self.reports.stop(LAST_WRITES))
        self._end(lambda: self.status.stop(0.5))
        self._end(self.turf.stop)
        if self.chronicle is not None and self.spool is not None:
            self._end(self.chronicle.stop)
            self._end(functools.partial(self.spool.close, LAST_WRITES))
        self._end(self._operations.stop)
        if self._recorder is not None:
            self._end(functools.partial(self._recorder.close, 1.0))
        self._end(self.watcher.stop)
        self._end(jq.shared_pool().close)
        self._end(tracing.finish)

    def _end(self, stop: Callable[[], object]) -> None:
        """One that fails does not keep the others from ending well: least of all the lease from being given back."""
        try:
            stop()
        except Exception:
            log.exception("at the end: a defect of auditor")

    # -- history -------------------------------------------------------------------------------------------------------

    def _begin_history(self) -> None:
        if self.spool is not None and self.chronicle is not None:
            self.spool.start()
            self.chronicle.start()

    def _open_history(self) -> History:
        """In the thread of the spool, again after each fault."""
        try:
            uid = self._find_cluster()
        except AuditorError as error:
            raise HistoryError(
                Fault.AWAY, self.settings.database, f"which cluster this is is not known: {error}"
            ) from error
        return History.open(self.settings.database, cluster=uid, name=self.settings.cluster_name)

    def _find_cluster(self) -> str:
        return dig_text(self._client.get(NAMESPACES, "kube-system"), "metadata", "uid")

    def _find_gone(self) -> list[tuple[str, str]] | None:
        if self.watcher.view is None:
            return None
        with contextlib.closing(self._open_history()) as history:
            there = {(each.group, each.plural) for each in self.watcher.chosen.values()}
            return [kind for kind in history.open_kinds() - there if self.turf.owns(name_kind(*kind))]

    def _tell_again(self, kinds: frozenset[tuple[str, str]] | None) -> None:
        if self.chronicle is not None:
            self.chronicle.lost(kinds)

    def _collect(self, collected: Collected) -> None:
        if self.chronicle is not None:
            self.chronicle.collect(collected)

    # -- what the parts ask each other ---------------------------------------------------------------------------------

    def _hear_view(self, view: View) -> None:
        if self.report_crds is not None:
            self.report_crds.want(view.settings.reports.api)
        if self.chronicle is not None:
            self.chronicle.take_over(view)

    def _report_settings(self) -> ReportSettings:
        view = self.watcher.view
        return (view.settings if view is not None else AuditSettings()).reports

    def _find(self, kind_name: str, key: str) -> tuple[Subject, Sequence[Finding]] | None:
        follower = self.watcher.followers.get(kind_name)
        found = follower.find(key) if follower is not None else None
        return None if found is None else (found[0], found[1].findings)

    def _settled(self, kind_name: str) -> bool:
        """Also of a kind that is gone, which is known once the kinds have been read."""
        watcher = self.watcher
        if watcher.view is None or not self.turf.owns(kind_name):
            return False
        follower = watcher.followers.get(kind_name)
        if follower is None:
            return kind_name not in watcher.chosen
        return follower.settled and not follower.trouble

    def _is_whole(self) -> bool:
        """Whether all that this watcher follows has been judged, as far as it can be, and is in the history."""
        watcher, spool = self.watcher, self.spool
        if watcher.view is None or spool is None:
            return False
        for name in list(watcher.chosen):
            follower = watcher.followers.get(name)
            if self.turf.owns(name) and (follower is None or not (follower.settled or follower.trouble)):
                return False
        return spool.flush(FLUSH, chores=True)

    def _describe(self) -> Situation | None:
        status = self.reports.status
        cut = f"the reports of {status.cut} objects have no room for all of their findings" if status.cut else ""
        beyond = (
            f"{status.beyond} objects have no report: there are as many as maxReports allows" if status.beyond else ""
        )
        return describe(self.watcher, [each for each in (cut, beyond, status.trouble) if each])

    def _hear_pardons(self, objects: Sequence[tuple[str, str, str]]) -> None:
        self.watcher.hear_pardons(objects)

    def _is_ready(self) -> bool:
        return not any(check() for check in self._checks.values())


COLLECTIONS: Final = (100_000, 50, 100)
"""After how many new objects of Python the collector looks for cycles. What streams by has none, and is gone as soon as
it is judged; with the usual 700 a quarter of the time of a first audit went into looking."""


def run(settings: WatchSettings) -> None:
    """Until SIGTERM or Ctrl-C."""
    sock = settings.operations.open()
    with hear(signal.SIGTERM, signal.SIGINT) as signals:
        service = WatchService(settings, sock)
        service.start()
        log.info("watching; operations port %s", sock.getsockname()[1])
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTIONS)
        signals.recv(1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # who presses it again does not want to wait
        last = threading.Timer(AT_MOST, _leave)
        last.daemon = True
        last.start()
        service.stop()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has ended well: who asks once more does not make a failure of it


def _leave() -> None:
    """In the end even the interpreter may wait for a thread."""
    log.error("something did not end in time: it is left behind")
    os._exit(INCOMPLETE)
