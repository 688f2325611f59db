"""All that one worker runs: made after the fork, started once, ended in good order."""

import gc
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from io import FileIO
from typing import Any, Final

from flask import Flask
from prometheus_client import REGISTRY, CollectorRegistry

from auditor import tracing
from auditor.cluster import Resource, connect
from auditor.cluster.lease import Election, LeaseApi
from auditor.cluster.recorder import Recorder
from auditor.errors import UsageError
from auditor.intake.live.live import Live
from auditor.intake.live.view import View
from auditor.intake.own import known_kinds
from auditor.languages import jq
from auditor.languages.isolation.pool import STOPS
from auditor.model.resource import GroupVersionKind, GroupVersionResource, name_kind
from auditor.operations import Listen, OperationsServer, Vitals, make_operations_app
from auditor.operations.starting import insist
from auditor.webhooks.app import create_app
from auditor.webhooks.asked import Special
from auditor.webhooks.certificates.files import FilesSettings
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.certificates.own import SecretSettings
from auditor.webhooks.certificates.source import Certificates, open_keeper
from auditor.webhooks.decisionlog import DecisionLog
from auditor.webhooks.door import Door
from auditor.webhooks.gate import Gate
from auditor.webhooks.metrics import Meters
from auditor.webhooks.registration import Owner, Registrar, RegistrationMeters, Wanted, find_owner
from auditor.webhooks.serving.assembly import assemble, install, want
from auditor.webhooks.serving.crds import PATH as CRDS_PATH
from auditor.webhooks.serving.crds import SECONDS as CRD_SECONDS
from auditor.webhooks.serving.crds import CrdReviewer
from auditor.webhooks.serving.denials import TellingRing
from auditor.webhooks.serving.duties import Duties
from auditor.webhooks.serving.gauges import StateCollector
from auditor.webhooks.serving.own import PATH as OWN_PATH
from auditor.webhooks.serving.own import judge_own, read_mistakes
from auditor.webhooks.serving.readiness import DoorProbe
from auditor.webhooks.serving.settings import CrdReview, DecisionSettings, ServingSettings
from auditor.webhooks.snapshot import Holder

log = logging.getLogger(__name__)

COMPONENT: Final = "auditor.dev/webhook"


class Service:
    def __init__(self, settings: ServingSettings, listen: Listen, operations: socket.socket) -> None:
        """`listen` is where reviews come in, with its real port; the socket is that of the operations port."""
        self.settings = settings
        self.client = connect(settings.cluster, component="webhook")
        registry = CollectorRegistry()
        registry.register(REGISTRY)  # that of the process, and of the cluster room
        registry.register(Vitals("webhook", stops=STOPS.copy))
        self._registration_meters = RegistrationMeters(registry)
        self._recorder = Recorder(self.client, component=COMPONENT) if settings.events else None
        self._draining = threading.Event()
        self._stopping = threading.Event()
        self._first = threading.Event()
        self._owner: Owner | None = None
        self._lock = threading.Lock()
        self._unhear: Callable[[], None] = lambda: None
        self._wanted: Wanted | None = None
        """What is to be registered; None as long as not all is known."""
        self.holder = Holder()
        self.live = Live(self.client, self._take_over, noted=self._note)
        self.certificates = Certificates(
            open_keeper(_choose_certificates(settings), self.client),
            clients=settings.clients,
            on_change=self._take_material,
        )
        self.ring = TellingRing(self._recorder, self._find_kind)
        self.door = Door(
            self.holder,
            ring=self.ring,
            meters=Meters(registry),
            specials=self._make_specials(),
            log=_open_log(settings.decisions),
        )
        self.app: Flask = create_app(self.door, gate=Gate())
        probe = DoorProbe(listen, settings.target.hosts[0], lambda: self.certificates.material)
        self._checks = {
            "running": lambda: "it is ending" if self._draining.is_set() else "",
            "policies": self.live.unready,
            "certificates": self._why_no_certificate,
            "admission port": probe.trouble,
        }
        registry.register(StateCollector(self.live, self.certificates, ready=self._is_ready))
        app = make_operations_app(registry=registry, checks=self._checks, pages={"/decisions": self.ring.show})
        self._operations = OperationsServer(operations, app)
        self.duties = Duties(self.client, self.live, register=self._make_registrar)
        self._election: Election | None = None
        self._starter = threading.Thread(target=self._start, name="start", daemon=True)

    @property
    def context(self) -> Callable[..., ssl.SSLContext]:
        return self.certificates.context

    def _find_kind(self, resource: GroupVersionResource) -> GroupVersionKind | None:
        view = self.live.view
        kind = None if view is None else view.kinds.get(name_kind(resource.group, resource.resource))
        return None if kind is None else GroupVersionKind(resource.group, resource.version, kind.kind)

    def _make_specials(self) -> dict[str, Special]:
        settings = self.settings
        address = install(settings, None, None).address
        specials: dict[str, Special] = {OWN_PATH: judge_own(lambda: self.live.view, address)}
        if settings.crd_impact is not CrdReview.OFF:
            patience = min(settings.cluster.read_timeout, CRD_SECONDS)
            # Of its own, so that nothing waits for its turn behind these lists, and none of them waits for long.
            own = connect(replace(settings.cluster, read_timeout=patience), component="webhook-crds")
            deny = settings.crd_impact is CrdReview.DENY
            specials[CRDS_PATH] = CrdReviewer(own, lambda: self.live.view, deny=deny).judge
        return specials

    # -- its life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Waits for nobody: what it needs of the cluster comes when it comes, and `wait_ready` tells."""
        if self.settings.traces:
            tracing.send()
        self._operations.start()
        self._starter.start()

    def _start(self) -> None:
        """One after the other, each as often as it takes."""
        certificates = (self.certificates.start, "certificates", self._stopping)
        threading.Thread(target=insist, args=certificates, daemon=True).start()
        if insist(self.live.start, "policies", self._stopping) and self.settings.duties:
            insist(self._elect, "election", self._stopping)

    def _elect(self) -> None:
        settings = self.settings
        own = connect(settings.cluster, component="webhook-lease")  # a renewal does not wait behind other calls
        election = Election(
            LeaseApi(own.transport, settings.target.namespace),
            f"{settings.name}-webhook",
            durations=settings.lease,
            gained=self.duties.change_term,
            lost=self.duties.change_term,
        )
        self._owner = find_owner(self.client, settings.owner)
        if self.live.view is not None:
            self._want()
        self._election = election
        self.duties.start(election)
        election.start()

    def wait_ready(self, timeout: float) -> bool:
        """Whether there is all to judge by."""
        return self._first.wait(timeout) and self.certificates.material is not None and not self.live.unready()

    def drain(self) -> None:
        self._draining.set()
        if self._election is not None:
            self.duties.stop()
            self._election.stop()

    def stop(self) -> None:
        self._stopping.set()
        self._draining.set()
        self._operations.stop()
        if self._recorder is not None:
            self._recorder.close(1.0)
        self.certificates.stop()
        self.live.stop()
        jq.shared_pool().close()
        tracing.finish()

    # -- what changes --------------------------------------------------------------------------------------------------

    def _take_over(self, view: View) -> None:
        wanted = self._want()
        self.holder.replace(assemble(view, self.live, wanted, self.settings))
        if not self._first.is_set():
            # What is there now stays. The collector would look at all of it again and again, while requests wait.
            gc.collect()
            gc.freeze()
            self._first.set()
        self.duties.take_over(view)

    def _take_material(self, _: Material) -> None:
        """Of other authorities API servers have to be told."""
        if self.live.view is not None:
            self._want()
        registrar = self.duties.registrar
        if registrar is not None:
            registrar.refresh()

    def _want(self) -> Wanted:
        """By what is there now: several threads come here, and the last one must not write what the first one saw."""
        with self._lock:
            view, material = self.live.view, self.certificates.material
            if view is None:
                raise RuntimeError("nothing is known yet")
            wanted = want(view, install(self.settings, material, self._owner))
            self._wanted = wanted if material is not None else None
            return wanted

    def _note(self, resource: Resource, key: str) -> None:
        self.duties.note(resource, key)

    def _make_registrar(self) -> Registrar:
        registrar = Registrar(
            client=self.client,
            source=lambda: self._wanted,
            name=self.settings.name,
            owner=self._owner,
            guard=None if self._election is None else self._election.guard,
            meters=self._registration_meters,
        )
        self._unhear()  # that of the last term
        self._unhear = self.live.kinds.subscribe(registrar.hear)
        return registrar

    def _is_ready(self) -> bool:
        return not any(check() for check in self._checks.values())

    def _why_no_certificate(self) -> str:
        material = self.certificates.material
        if material is None:
            return self.certificates.error or "there is none yet"
        left = material.expiry.timestamp() - time.time()
        return "" if left > 0 else f"it has expired: {self.certificates.error or 'and was not renewed'}"


def _choose_certificates(settings: ServingSettings) -> SecretSettings | FilesSettings:
    if settings.certificates is not None:
        return settings.certificates
    target = settings.target
    return SecretSettings(namespace=target.namespace, hosts=target.hosts)


def _open_log(settings: DecisionSettings | None) -> DecisionLog | None:
    """Each line is one write to the end of the file, so that several processes can share it."""
    if settings is None:
        return None
    return DecisionLog(_open_file(settings).write, share=settings.share, redact=settings.redact)


def _open_file(settings: DecisionSettings) -> FileIO:
    try:
        return settings.path.open("ab", buffering=0)
    except OSError as error:
        raise UsageError(f"{settings.path}: {error.strerror}: decisions cannot be logged there") from error


def make_service(settings: ServingSettings) -> Callable[[Listen, socket.socket], Service]:
    """For the application: what it calls in each worker."""

    def make(listen: Listen, operations: socket.socket) -> Service:
        service = Service(settings, listen, operations)
        service.start()
        return service

    return make


def prepare(settings: ServingSettings) -> None:
    """In the master: mistakes are found before anything is started, and what takes long is done before any fork."""
    client = connect(settings.cluster, component="webhook")
    client.transport.close()
    if settings.decisions is not None:
        _open_file(settings.decisions).close()
    warm_up()
    gc.collect()
    gc.freeze()  # or the first collection of each worker would copy all pages that it shares with the master


def warm_up() -> Any:
    """The schemas of our own kinds, which take 100 ms: once, and not in each worker."""
    return [
        read_mistakes({"apiVersion": "auditor.dev/v1", "kind": kind, "metadata": {"name": "x"}, "spec": {}})
        for kind in known_kinds()
    ]
