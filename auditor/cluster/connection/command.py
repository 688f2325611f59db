"""A program that prints a credential: started, awaited, and ended with all that it started itself."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from auditor.errors import ConnectionConfigError, UnreachableError

MAX_STDERR = 2000
"""Characters: what went wrong is said at the end."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class Command:
    """Run by one thread at a time; any thread may end it."""

    def __init__(self, arguments: Sequence[str], *, where: str, install_hint: str = "") -> None:
        self._arguments, self._where, self._hint = list(arguments), where, install_hint
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._own_group = False
        self._closed = False

    def run(self, environment: Mapping[str, str], *, interactive: bool, timeout: float) -> bytes:
        """What it printed. Interactive: it has our terminal, so its words are there and not in our message."""
        process = self._start(environment, interactive)
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise self._error(
                f"it has not ended after {timeout:g} s, and was stopped. Run it by hand to see what it waits for"
            ) from None
        finally:
            self._end(process)
        if self._closed:
            raise UnreachableError(f"{self._where}: stopped, because the connection has been closed")
        if process.returncode != 0:
            said = clean(errors.decode("utf-8", errors="replace"))[-MAX_STDERR:] if errors else ""
            end = f"with {process.returncode}" if process.returncode > 0 else f"by signal {-process.returncode}"
            raise self._error(f"it ended {end}{': ' if said else ''}{said}")
        return output

    def _start(self, environment: Mapping[str, str], interactive: bool) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise UnreachableError(f"{self._where}: not run, because the connection has been closed")
            self._own_group = not interactive
            try:
                # A session of its own: it cannot wait for a terminal that nobody looks at, and is ended as a whole.
                self._process = subprocess.Popen(
                    self._arguments,
                    env=dict(environment),
                    stdin=None if interactive else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=None if interactive else subprocess.PIPE,
                    start_new_session=self._own_group,
                )
            except FileNotFoundError:
                hint = self._hint or "Install it, or correct the name or PATH"
                raise self._error(f"there is no such command. {hint}") from None
            except OSError as error:
                raise self._error(f"it cannot be started: {error.strerror}. Check that it is a program") from None
            except ValueError:
                raise self._error("a name, argument or variable holds a null character. Correct it") from None
            return self._process

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._kill(self._process)

    def _error(self, problem: str) -> ConnectionConfigError:
        return ConnectionConfigError(f"{self._where}: {problem}")

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._process = None  # its number may be another's from now on
            if process.returncode is None:
                self._kill(process)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            if self._own_group:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # it is closed
        return False


def clean(text: str) -> str:
    """Without colours and whatever else would act on a terminal."""
    return _CONTROL.sub("", text).strip()
