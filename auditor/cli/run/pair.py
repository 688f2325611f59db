"""Processes that live and die together: where one ends, the others are ended in good order."""

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Final

from auditor.operations.signals import hear

log = logging.getLogger(__name__)

GRACE: Final = 75.0
"""Seconds to end in good order: a door may be told to drain for a minute."""
IMPATIENT: Final = 5.0
"""The same for who has asked twice."""
INCOMPLETE: Final = 3
"""The exit code where one ended unasked, or had to be killed: something may not have been done."""
ENDING: Final = (signal.SIGTERM, signal.SIGINT)
A_WHILE: Final = 3600.0
"""Seconds. Nothing has to be looked at in between."""


class Group:
    """Children in our process group, by their names. Each has a pipe as standard input, which ends when we do."""

    def __init__(self, commands: Mapping[str, Sequence[str]], *, environment: Mapping[str, str] | None = None) -> None:
        self._commands = commands
        self._environment = None if environment is None else {**os.environ, **environment}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._deadline = float("inf")
        self._asked = 0
        self._killed = False

    def run(self) -> int:
        """Until all have ended; the exit code. In the main thread, for its signals."""
        with hear(*ENDING, signal.SIGCHLD) as signals:
            try:
                for name, command in self._commands.items():
                    self._children[name] = subprocess.Popen(command, stdin=subprocess.PIPE, env=self._environment)
                return self._follow(signals)
            finally:
                for child in self._children.values():  # if we fail: not one of them stays
                    child.kill()
                    child.wait()
                    if child.stdin is not None:
                        child.stdin.close()

    def _follow(self, signals: socket.socket) -> int:
        code, running = 0, dict(self._children)
        while running:
            for name in [name for name, child in running.items() if child.poll() is not None]:
                ended = running.pop(name)
                code = code or self._judge(name, ended.returncode)
                if not self._asked:
                    self._end(signal.SIGTERM)
            if running:
                self._wait(signals)
        return code

    def _wait(self, signals: socket.socket) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._kill()
            left = A_WHILE
        if select.select([signals], [], [], min(left, A_WHILE))[0]:
            for number in signals.recv(64):
                if number in ENDING:
                    self._end(number)

    def _judge(self, name: str, code: int) -> int:
        if not self._asked:
            log.error("%s has ended by itself, with %s: so do all others", name, _say(code))
        elif code:
            log.error("%s has ended with %s", name, _say(code))
        elif not self._killed:
            return 0
        return code if code > 0 else INCOMPLETE

    def _end(self, number: int) -> None:
        """Of a signal of the terminal they have heard, too, and take the second one as the first. Who asks again does
        not want to wait."""
        self._asked += 1
        again = self._asked > 1 and number == signal.SIGINT
        self._deadline = min(self._deadline, time.monotonic() + (IMPATIENT if again else GRACE))
        for child in self._children.values():
            child.send_signal(signal.SIGINT if again else signal.SIGTERM)  # nothing to one that has ended

    def _kill(self) -> None:
        self._deadline = float("inf")
        for name, child in self._children.items():
            if child.poll() is None:
                log.error("%s does not end: it is killed", name)
                self._killed = True
                child.kill()


def _say(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
