"""The door, beside the story: `auditor webhook` as a process of its own, which the control plane calls by a URL."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from auditor.cli.demo.stage import StoryError
from auditor.sandbox import Sandbox

PATIENCE = 60.0
"""Seconds until it has to be ready. It takes one; a computer that is busy with something else takes longer."""


@contextmanager
def open_door(sandbox: Sandbox) -> Iterator[list[str]]:
    """Gives the command that a person would have typed."""
    port, operations = _free_port(), _free_port()
    arguments = ["webhook", "--url", f"https://127.0.0.1:{port}", "--listen", f"127.0.0.1:{port}"]
    arguments += ["--operations", f"127.0.0.1:{operations}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "auditor", *arguments, "--drain", "0", "--kubeconfig", str(sandbox.kubeconfig)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the story, and that ends the door
    )
    try:
        _await_ready(process, f"http://127.0.0.1:{operations}/readyz")
        yield arguments
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _await_ready(process: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    why = "it does not answer"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StoryError(f"demo: the webhook has ended: {process.communicate()[1].strip()}")
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - of our own making
                return
        except urllib.error.HTTPError as error:
            why = error.read().decode(errors="replace")
        except OSError as error:
            why = str(error)
        time.sleep(0.1)
    raise StoryError(f"demo: the webhook was not ready after {PATIENCE:g} s: {why}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
