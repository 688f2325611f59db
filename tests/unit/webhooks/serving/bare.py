"""A server with an application of a few lines, in a process of its own: gunicorn forks, and tests have threads."""

import selectors
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from auditor.certs import Authority
from auditor.operations import Listen
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.certificates.tls import TlsSource
from auditor.webhooks.serving import worker
from auditor.webhooks.serving.application import DoorApplication, listen_on
from auditor.webhooks.serving.settings import ServingSettings
from auditor.webhooks.serving.sockets import PATIENCE

SECONDS = 15.0
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


@dataclass(slots=True)
class BareService:
    tls: TlsSource

    @property
    def context(self) -> Callable[..., ssl.SSLContext]:
        return lambda *_: self.tls.context()

    @property
    def app(self) -> Callable[..., Iterable[bytes]]:
        return self._answer

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        body: bytes = environ["wsgi.input"].read()
        if path == "/fail" or body == b"fail":
            raise RuntimeError("as it was asked to")
        if path == "/wait":
            print("waiting", flush=True)  # noqa: T201 - what the test waits for
            threading.Event().wait(1.0)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def wait_ready(self, timeout: float) -> bool:
        return True

    def drain(self) -> None:
        print("drain", flush=True)  # noqa: T201

    def stop(self) -> None:
        pass


def main(drain: str, patience: str) -> None:
    worker.PATIENCE = float(patience)  # type: ignore[attr-defined]
    authority = Authority.create("tests")
    pair = authority.issue("webhook", hosts=["localhost"], server=True)
    expiry = pair.certificate.not_valid_after_utc
    tls = TlsSource()
    tls.offer(Material(certificate=pair.certificate_pem, key=pair.key_pem, expiry=expiry, authorities=None))
    (listening,) = listen_on(Listen("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)  # noqa: T201
    settings = ServingSettings(drain=float(drain), threads=4)
    operations = listen_on(Listen("127.0.0.1", 0))
    DoorApplication(settings, lambda _: BareService(tls), listening=listening, operations=operations).run()


@dataclass(slots=True)
class BareServer:
    process: subprocess.Popen[str]
    port: int

    @classmethod
    def start(cls, *, drain: float = 0.0, patience: float = PATIENCE) -> Self:
        root = Path(__file__).parents[4]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.webhooks.serving.bare", str(drain), str(patience)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=root,
        )
        assert process.stdout is not None
        return cls(process, int(process.stdout.readline()))

    @property
    def pid(self) -> int:
        return self.process.pid

    def connect(self) -> ssl.SSLSocket:
        return CONTEXT.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS))

    def wait_line(self, wanted: str) -> None:
        assert self.process.stdout is not None
        until = time.monotonic() + SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while time.monotonic() < until:
                if selector.select(1.0) and self.process.stdout.readline().strip() == wanted:
                    return
        raise AssertionError(f"it did not say {wanted!r}")

    def wait(self) -> int:
        return self.process.wait(SECONDS)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
