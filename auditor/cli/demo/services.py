"""The services beside the story, each as a process of its own: what a pod would run."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auditor.cli.demo.stage import StoryError
from auditor.sandbox import Sandbox

PATIENCE = 60.0
"""Seconds until it has to be ready. It takes one; a computer that is busy with something else takes longer."""


@dataclass(slots=True)
class Service:
    arguments: list[str]
    """As a person would have typed them after `auditor`."""
    process: subprocess.Popen[str]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


@contextmanager
def open_door(sandbox: Sandbox) -> Iterator[Service]:
    """`auditor webhook`, which the control plane calls by a URL."""
    port = _free_port()
    arguments = ["webhook", "--url", f"https://127.0.0.1:{port}", "--listen", f"127.0.0.1:{port}"]
    with _run(sandbox, arguments, "--drain", "0") as service:
        yield service


@contextmanager
def open_watcher(sandbox: Sandbox, folder: Path) -> Iterator[Service]:
    """`auditor watch`; its history is in the folder."""
    with _run(sandbox, ["watch"], "--door-service", "", "--database-url", f"sqlite:///{folder}/history.db") as service:
        yield service


@contextmanager
def _run(sandbox: Sandbox, arguments: list[str], *more: str) -> Iterator[Service]:
    operations = f"127.0.0.1:{_free_port()}"
    arguments = [*arguments, "--operations", operations]
    process = subprocess.Popen(
        [sys.executable, "-m", "auditor", *arguments, *more, "--kubeconfig", str(sandbox.kubeconfig)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the story, and that ends the service
    )
    service = Service(arguments, process)
    try:
        _await_ready(service, f"http://{operations}/readyz")
        yield service
    finally:
        service.stop()


def _await_ready(service: Service, url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    name, why = service.arguments[0], "it does not answer"
    while time.monotonic() < deadline:
        if service.process.poll() is not None:
            raise StoryError(f"demo: auditor {name} has ended: {service.process.communicate()[1].strip()}")
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - of our own making
                return
        except urllib.error.HTTPError as error:
            why = error.read().decode(errors="replace")
        except OSError as error:
            why = str(error)
        time.sleep(0.1)
    raise StoryError(f"demo: auditor {name} was not ready after {PATIENCE:g} s: {why}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
