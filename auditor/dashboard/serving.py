"""The dashboard as a service: gunicorn with one process and some threads, as sessions and rights are in its memory."""

import ipaddress
import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import socket
from typing import Final, NoReturn

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from prometheus_client import REGISTRY, CollectorRegistry

from auditor.cluster import Client, Settings, connect
from auditor.cluster.access import dig_text
from auditor.cluster.resource import NAMESPACES
from auditor.dashboard.access import (
    Certificates,
    Entrance,
    LinkEntrance,
    Proof,
    ProxyEntrance,
    ReportGroup,
    Rights,
    Secret,
    TokenEntrance,
    Tokens,
)
from auditor.dashboard.access.origin import Origin
from auditor.dashboard.access.sessions import Sessions
from auditor.dashboard.app import Source, make_app
from auditor.dashboard.meters import Meters
from auditor.dashboard.now import Objects
from auditor.dashboard.worker import CONNECTIONS, THREADS, DashboardWorker
from auditor.errors import AuditorError, UsageError
from auditor.languages.isolation.pool import STOPS
from auditor.operations import Listen, OperationsServer, Vitals, make_operations_app
from auditor.report.history import Database
from auditor.report.history.reader import choose_cluster, list_clusters, open_to_read

log = logging.getLogger(__name__)

QPS: Final = 200.0
"""Questions a second about rights: a visitor of 2,000 namespaces waits for 10 s, once in half a minute."""
PATIENCE: Final = 10.0
"""Seconds for the first question to the cluster."""
HEARTBEATS: Final = ("/dev/shm", "/tmp")  # noqa: S108 - a file without a name, made safely by tempfile


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSettings:
    listen: Listen
    database: str
    operations: Listen | None = None
    """For probes and metrics; None: nowhere."""
    cluster_name: str = ""
    access: str = "link"
    """link, token or proxy."""
    public_url: str = ""
    """As browsers see it; empty: as it listens, on loopback."""
    cluster: Settings = field(default_factory=Settings)
    report_group: ReportGroup = ReportGroup.OPENREPORTS
    audiences: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    proxy_secret: Path | None = None
    proxy_ca: Path | None = None
    proxy_names: frozenset[str] = frozenset()

    @property
    def scheme(self) -> str:
        return "https" if self.certificate is not None else "http"

    def check(self) -> None:
        """Raises UsageError for what would be open to the wrong people."""
        if (self.certificate is None) != (self.key is None):
            raise UsageError("--tls-cert and --tls-key belong together")
        if self.access == "link" and not _is_loopback(self.listen.host):
            raise UsageError("--access link is for this computer alone: listen on 127.0.0.1, or choose token or proxy")
        if self.access != "link" and not self.public_url:
            raise UsageError(f"--access {self.access} needs --public-url: under which URL browsers come")
        if self.access == "proxy" and (self.proxy_secret is None) == (self.proxy_ca is None):
            raise UsageError("--access proxy needs a proof of the proxy: --proxy-secret-file or --proxy-ca")
        if self.proxy_ca is not None and self.certificate is None:
            raise UsageError("--proxy-ca needs TLS: --tls-cert and --tls-key")
        if self.proxy_names and self.proxy_ca is None:
            raise UsageError("--proxy-name is a name in a certificate: it needs --proxy-ca")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make(settings: DashboardSettings, port: int, tell: Callable[[str], None]) -> tuple[Flask, Entrance, Database]:
    """The app, with all that it asks. Raises UsageError, HistoryError or ClusterError."""
    if settings.public_url:
        origin = Origin.read(settings.public_url)
    else:
        origin = Origin.of_loopback(settings.listen.loopback, port, scheme=settings.scheme)
    database = open_to_read(settings.database)
    with database.reading() as connection:
        cluster = choose_cluster(connection, settings.cluster_name)
    url = settings.public_url.rstrip("/") or f"{settings.scheme}://{Listen(settings.listen.loopback, port).text}"
    entrance, ask = _make_entrance(settings, url, secure=origin.secure, uid=cluster.uid, tell=tell)
    objects = Objects(ask, clock=time.monotonic)
    return make_app(Source(database=database, cluster=cluster, objects=objects), entrance, origin), entrance, database


def _make_entrance(
    settings: DashboardSettings, url: str, *, secure: bool, uid: str, tell: Callable[[str], None]
) -> tuple[Entrance, Callable[[], Client]]:
    """And who asks the cluster about objects."""
    clock = time.monotonic
    if settings.access == "link":
        # Not before somebody wants to know: it works without a cluster, too.
        entrance = LinkEntrance(url=url, tell=tell, sessions=Sessions(clock, secure=secure), clock=clock)
        return entrance, lambda: _connect(settings.cluster, uid)
    client = _connect(replace(settings.cluster, qps=QPS, burst=int(QPS)), uid)
    rights = Rights(client, clock=clock, group=settings.report_group)
    if settings.access == "token":
        tokens = Tokens(client, clock=clock, audiences=settings.audiences)
        return TokenEntrance(tokens, rights, Sessions(clock, secure=secure)), lambda: client
    return ProxyEntrance(_make_proof(settings), rights), lambda: client


def _connect(settings: Settings, uid: str) -> Client:
    """Raises UsageError for another cluster than the one that is shown."""
    client = connect(settings, component="dashboard")
    found = dig_text(client.get(NAMESPACES, "kube-system", timeout=PATIENCE), "metadata", "uid")
    if found != uid:
        # A right in one cluster says nothing of another, whatever their namespaces are called.
        raise UsageError(
            f"the history of cluster {uid} would be shown by the rights of another cluster ({found}): "
            "run the dashboard in the cluster that it shows, or name that one by --cluster-name"
        )
    return client


def _make_proof(settings: DashboardSettings) -> Proof:
    if settings.proxy_secret is not None:
        return Secret.of_file(settings.proxy_secret)
    return Certificates(settings.proxy_names)


def _open_operations(listening: socket, app: Flask, database: Database) -> None:
    registry = CollectorRegistry()
    registry.register(REGISTRY)  # that of the process, and of the cluster room
    registry.register(Vitals("dashboard", stops=STOPS.copy))
    Meters(registry).follow(app)

    def read() -> str:
        try:
            with database.reading() as connection:
                list_clusters(connection)
        except AuditorError as error:
            return str(error)
        return ""

    OperationsServer(listening, make_operations_app(registry=registry, checks={"history": read})).start()


class _Logger(Logger):  # type: ignore[misc]
    """Hands all to our logging; no access log, in which links and searches would stand."""

    def setup(self, cfg: Config) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


class _Config(Config):  # type: ignore[misc]
    secured = False

    @property
    def is_ssl(self) -> bool:
        """Without files: the context of each connection comes from a hook."""
        return self.secured


class _Application(BaseApplication):  # type: ignore[misc]
    def __init__(
        self, settings: DashboardSettings, listening: socket, operations: socket | None, tell: Callable[[str], None]
    ) -> None:
        self._settings, self._operations, self._tell = settings, operations, tell
        self._port = listening.getsockname()[1]
        self._descriptor = listening.detach()
        super().__init__()

    def do_load_config(self) -> None:
        """gunicorn would exit with 1 for a mistake, which means findings."""
        self.cfg = _Config()
        self.cfg.secured = self._settings.certificate is not None
        chosen = {
            "bind": f"fd://{self._descriptor}",
            "workers": 1,
            "threads": THREADS,
            "worker_connections": CONNECTIONS,
            "worker_class": DashboardWorker,
            "worker_tmp_dir": next((each for each in HEARTBEATS if Path(each).is_dir()), None),
            "logger_class": _Logger,
            "accesslog": None,
            "control_socket_disable": True,
            "ssl_context": lambda config, factory: self._make_context(),  # noqa: ARG005 - gunicorn counts them
            "proc_name": "auditor dashboard",
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)
        self.cfg.validate()

    def load(self) -> Flask:
        """In the worker: neither connections nor threads live through a fork."""
        app, entrance, database = make(self._settings, self._port, self._tell)
        if self._operations is not None:
            _open_operations(self._operations, app, database)
        if isinstance(entrance, LinkEntrance):
            entrance.offer()
        return app

    def run(self) -> None:
        Arbiter(self).run()

    def _make_context(self) -> ssl.SSLContext:
        """Of each connection anew: certificates are replaced while it runs."""
        settings = self._settings
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(str(settings.certificate), str(settings.key))
        if settings.proxy_ca is not None:
            # Asked for, and verified where there is one. Probes have none: /healthz answers them, and all else wants
            # to see one (`Certificates`).
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(settings.proxy_ca)
        return context


def run(settings: DashboardSettings, tell: Callable[[str], None]) -> NoReturn:
    """Until it is told to end. What is wrong with the settings is found before anything listens."""
    settings.check()
    # Once for its errors: what the worker needs cannot go along through a fork.
    make(settings, settings.listen.port, tell)[2].close()
    listening = settings.listen.open()
    operations = settings.operations.open() if settings.operations is not None else None
    _Application(settings, listening, operations, tell).run()
    raise SystemExit(0)
