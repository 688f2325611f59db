"""The services beside the story, each as a process of its own: what a pod would run."""

import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click

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
def open_watcher(sandbox: Sandbox, database: str) -> Iterator[Service]:
    """`auditor watch`, with its history."""
    with _run(sandbox, ["watch"], "--door-service", "", "--database-url", database) as service:
        yield service


@dataclass(slots=True)
class Board:
    """`auditor dashboard`, and the links that it shows."""

    arguments: list[str]
    url: str
    links: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    quiet: bool = True
    """What it shows is for the story; later, when somebody asks it for a new link, for the person."""

    def take_link(self) -> str:
        try:
            return self.links.get(timeout=PATIENCE)
        except queue.Empty:
            raise StoryError(f"demo: auditor dashboard has shown no link within {PATIENCE:g} s") from None


@contextmanager
def open_board(sandbox: Sandbox, database: str) -> Iterator[Board]:
    port = _free_port()
    arguments = ["dashboard", "--database-url", database, "--listen", f"127.0.0.1:{port}"]
    process = _start(sandbox, arguments)
    board = Board(arguments, f"http://127.0.0.1:{port}")
    reader = threading.Thread(target=_read_links, args=(process, board))
    reader.start()
    try:
        yield board
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join()


def _read_links(process: subprocess.Popen[str], board: Board) -> None:
    assert process.stderr is not None  # noqa: S101 - for the types
    with process.stderr:
        for line in process.stderr:
            _, found, link = line.strip().rpartition(board.url)
            if found:
                board.links.put(f"{found}{link}")
            if not board.quiet:
                click.echo(line, nl=False)


@contextmanager
def _run(sandbox: Sandbox, arguments: list[str], *more: str) -> Iterator[Service]:
    operations = f"127.0.0.1:{_free_port()}"
    arguments = [*arguments, "--operations", operations]
    service = Service(arguments, _start(sandbox, [*arguments, *more]))
    try:
        _await_ready(service, f"http://{operations}/readyz")
        yield service
    finally:
        service.stop()


def _start(sandbox: Sandbox, arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "auditor", *arguments, "--kubeconfig", str(sandbox.kubeconfig)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the story, and that ends the service
    )


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
