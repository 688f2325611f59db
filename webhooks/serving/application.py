"""gunicorn as a library: its settings, a master that ends in good order, logs that go where all of ours go.

The master imports everything and opens what is listened on, and serves nothing. Whatever has threads begins in the
worker, after the fork. So a worker that was killed has a successor within a second, and in between requests wait in
the listening socket, which stays open.
"""

import logging
import math
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger

from auditor.errors import UsageError
from auditor.operations import Listen
from auditor.webhooks.serving.settings import AFTERMATH
from auditor.webhooks.serving.worker import DoorWorker, Serves

log = logging.getLogger(__name__)

KEEP_ALIVE: Final = 120
"""Seconds. An API server closes a connection that was idle for 90 (Go's default transport): it must be the first to do
so, or it sends a request into a connection that ends."""
HEARTBEATS: Final = ("/dev/shm", "/tmp")  # noqa: S108 - a file without a name, made safely by tempfile
"""Where the worker's sign of life is kept: on a file system in memory, which is there even if the image is read-only
and never waits for a disk."""
BACKLOG: Final = 512
"""Connections that wait to be accepted; all of a cluster's API servers open some dozens at once."""


class Service(Serves, Protocol):
    @property
    def context(self) -> Callable[..., Any]:
        """Of each connection, for TLS."""

    @property
    def app(self) -> Callable[..., Any]:
        """In WSGI."""


class Settings(Protocol):
    @property
    def listen(self) -> Listen: ...
    @property
    def operations(self) -> Listen: ...
    @property
    def workers(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def drain(self) -> float: ...
    @property
    def watchdog(self) -> int: ...


class DoorLogger(Logger):  # type: ignore[misc]
    """Hands all to our logging; no access log."""

    def setup(self, cfg: Config) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)


class DoorConfig(Config):  # type: ignore[misc]
    @property
    def is_ssl(self) -> bool:
        """Without files: the context of each connection comes from a hook."""
        return True


class DoorArbiter(Arbiter):  # type: ignore[misc]
    def handle_int(self) -> None:
        """Ctrl-C: as any other wish to end. Whoever presses it again does not want to wait."""
        self.handle_term()

    def _ignore(self) -> None:
        """Settings do not change while it runs; the number of workers, with which operations ports are shared out,
        neither."""

    handle_hup = handle_usr2 = handle_ttin = handle_ttou = _ignore


class DoorApplication(BaseApplication):  # type: ignore[misc]
    """`make` makes the service, in the worker; it gets the worker's operations socket."""

    def __init__(
        self,
        settings: Settings,
        make: Callable[[socket.socket], Service],
        *,
        listening: socket.socket,
        operations: list[socket.socket],
    ) -> None:
        self._settings, self._make = settings, make
        self._listening, self._sockets = listening, operations
        self._slots: dict[Any, int] = {}
        self._slot = 0
        self.service: Service | None = None
        self.drain = settings.drain
        super().__init__()

    def do_load_config(self) -> None:
        """gunicorn would exit with 1 for a mistake, which means findings."""
        self.load_default_config()
        self.load_config()
        self.cfg.validate()

    def load_default_config(self) -> None:
        self.cfg = DoorConfig()

    def load_config(self) -> None:
        settings = self._settings
        heartbeat = next((each for each in HEARTBEATS if Path(each).is_dir()), None)
        chosen = {
            "bind": f"fd://{self._listening.detach()}",
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": DoorWorker,
            "worker_tmp_dir": heartbeat,
            "logger_class": DoorLogger,
            "keepalive": KEEP_ALIVE,
            "timeout": settings.watchdog,
            "graceful_timeout": math.ceil(settings.drain + AFTERMATH),
            "backlog": BACKLOG,
            "accesslog": None,
            "control_socket_disable": True,
            "ssl_context": lambda config, factory: self._context(),  # noqa: ARG005 - gunicorn counts them
            "pre_fork": self._choose_slot,
            "proc_name": "auditor webhook",
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """In the worker."""
        self.service = self._make(self._sockets[self._slot])
        return self.service.app

    def run(self) -> None:
        DoorArbiter(self).run()

    def _context(self) -> Any:
        if self.service is None:
            raise RuntimeError("connections come to workers only")
        return self.service.context()

    def _choose_slot(self, arbiter: DoorArbiter, worker: DoorWorker) -> None:
        """In the master: the number of the operations port of this worker."""
        alive = list(arbiter.WORKERS.values())
        self._slots = {each: slot for each, slot in self._slots.items() if each in alive}
        self._slot = self._slots[worker] = min({*range(len(self._sockets))} - {*self._slots.values()}, default=0)


def listen_on(listen: Listen, count: int = 1) -> list[socket.socket]:
    """On consecutive ports. The master holds them all, so that clients wait while a worker starts again."""
    found: list[socket.socket] = []
    try:
        for index in range(count):
            port = listen.port + index if listen.port else 0
            found.append(replace(listen, port=port).open(backlog=BACKLOG))
    except UsageError:
        for each in found:
            each.close()
        raise
    return found


def run(settings: Settings, make: Callable[[Listen, socket.socket], Service]) -> NoReturn:
    """Until it is told to end: SystemExit has the exit code. `make` gets where reviews come in, and where probes do."""
    (listening,) = listen_on(settings.listen)
    address = Listen(*listening.getsockname()[:2])
    operations = listen_on(settings.operations, settings.workers)
    log.warning("reviews: https://%s, operations: %s", address.text, ", ".join(map(_say, operations)))
    sys.stdout.flush()
    DoorApplication(settings, lambda sock: make(address, sock), listening=listening, operations=operations).run()
    raise SystemExit(0)


def _say(sock: socket.socket) -> str:
    return f"http://{Listen(*sock.getsockname()[:2]).text}"
