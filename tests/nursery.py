"""Starts `python -m MODULE ...` without the second and a half of CPU time that the imports of a watcher or a door take.

A process beside the tests has imported them, and forks: what runs then is the program, from its `__main__` on, with
its own environment and log. Doors have one and watchers have one, so that neither has the memory of both. Where nobody
has opened the nursery it is a process like any other: benchmarks start programs as users do.
"""

import atexit
import contextlib
import functools
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
IMPORTS = {
    "watch": ("auditor.cli.frame", "auditor.cli.watch", "auditor.audit.service", "auditor.audit.settings"),
    "webhook": (
        "auditor.cli.frame",
        "auditor.cli.webhook",
        "auditor.webhooks.serving.application",
        "auditor.webhooks.serving.service",
    ),
}
opened = False
LARGEST = 1 << 17
"""Bytes of an order; an environment has some thousand."""


class Born:
    """What the tests need of subprocess.Popen. It is not our child: who forked it says how it ended."""

    def __init__(self, pid: int, report: IO[bytes], stderr: IO[str]) -> None:
        self.pid, self.stderr = pid, stderr
        self._report = report
        self._ended = threading.Event()
        self._code = 0
        threading.Thread(target=self._await, daemon=True).start()

    def _await(self) -> None:
        self._code = int(self._report.readline() or -signal.SIGKILL)
        self._report.close()
        self._ended.set()

    @property
    def returncode(self) -> int | None:
        return self._code if self._ended.is_set() else None

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self._code

    def send_signal(self, number: int) -> None:
        if not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = subprocess.Popen[str] | Born


def start(module: str, *arguments: str) -> Process:
    """In the root of the checkout, with its log as `stderr`."""
    if not opened:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    order = json.dumps({"module": module, "arguments": arguments, "environment": dict(os.environ)}).encode()
    log, its_log = os.pipe()
    report, its_report = os.pipe()
    try:
        mother = _mother("webhook" if "webhook" in arguments else "watch")
        socket.send_fds(mother, [order], [its_log, its_report])
    finally:
        os.close(its_log)
        os.close(its_report)
    lines = os.fdopen(report, "rb")
    return Born(int(lines.readline()), lines, os.fdopen(log))


@functools.cache
def _mother(command: str) -> socket.socket:
    """It ends when nobody can give it an order any more."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    atexit.register(ours.close)
    with its:
        orders = str(its.fileno())
        mother = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery", command, orders], cwd=ROOT, pass_fds=[its.fileno()]
        )
    mother.returncode = 0  # Popen is not to warn of it when it is forgotten
    return ours


def serve(orders: socket.socket) -> Sequence[str]:
    """Returns in each process that is born: the module and the arguments that it is to run."""
    while True:
        text, descriptors, *_ = socket.recv_fds(orders, LARGEST, 2)
        if not text:
            sys.exit()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            orders.close()
            log, report = descriptors
            born = os.fork()
            if born == 0:
                os.dup2(log, sys.stderr.fileno())
                os.close(log)
                os.close(report)
                order = json.loads(text)
                os.environ.clear()
                os.environ.update(order["environment"])
                return order["module"], *order["arguments"]
            os.close(log)
            _tell_end(born, report)
        for each in descriptors:
            os.close(each)


def _tell_end(born: int, report: int) -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    with os.fdopen(report, "wb", buffering=0) as out:
        out.write(b"%d\n" % born)
        out.write(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(born, 0)[1]))
    os._exit(0)


if __name__ == "__main__":
    for name in IMPORTS[sys.argv[1]]:
        importlib.import_module(name)
    threads = len([*Path("/proc/self/task").iterdir()])
    if threads != 1:
        sys.exit(f"{threads} threads after the imports: forking is not safe")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those between are not waited for
    program, *sys.argv[1:] = serve(socket.socket(fileno=int(sys.argv[2])))
    runpy.run_module(program, run_name="__main__", alter_sys=True)
