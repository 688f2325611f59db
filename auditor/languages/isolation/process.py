"""One worker process as its owner sees it: ask, and get an answer or the reason why it has died."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from auditor.dataclass import dataclass
from auditor.errors import AuditorError
from auditor.languages.isolation.worker import ANSWER, MAX_ANSWER, MAX_MESSAGE, QUESTION

_OUT_OF_MEMORY: Final = ("cannot allocate memory", "MemoryError", "bad_alloc")
_LARGEST: Final = max(MAX_ANSWER, MAX_MESSAGE)
"""Bytes: what says that it is larger is nothing that our worker writes, it is damaged."""
_CHUNK: Final = 1 << 16
GRACE: Final = 5.0
"""Seconds of wall time that a process may take to start and to answer beyond its CPU: a starved machine, no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    seconds: float
    """CPU for one question."""
    seconds_per_mib: float
    """More of it for each MiB of input, which has to be read."""
    memory: int
    """Address space of a process."""


@dataclass(frozen=True, slots=True)
class Command:
    """How the process is started."""

    name: str
    """As messages call it."""
    words: Sequence[str]
    environment: Mapping[str, str]


Answer: TypeAlias = tuple[bytes, bytes]
"""Status and body."""


class _DamageError(Exception):
    """An answer makes no sense."""


class StoppedError(AuditorError):
    """The process is gone; `guilty`: what it was running is the cause."""

    def __init__(self, reason: str, *, guilty: bool) -> None:
        super().__init__(reason)
        self.guilty = guilty


class Process:
    """Not for two threads at once: the pool sees to that. Starts at the first question, and again after each death."""

    def __init__(self, command: Command, limits: Limits) -> None:
        self._limits = limits
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            process = subprocess.Popen(
                self._command.words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=self._command.environment,
                cwd="/",
                start_new_session=True,  # an interrupt from the terminal is for us alone
            )
            for stream in (process.stdin, process.stdout, process.stderr):
                assert stream is not None  # noqa: S101 (for the type checker: they are pipes)
                os.set_blocking(stream.fileno(), False)
            self._process = process
        return self._process

    def ask(self, kind: bytes, text: bytes, data: bytes = b"", *, until: float) -> Answer:
        """The status and body of the answer; `until` is a time of the monotonic clock.

        A process that somebody has killed, perhaps long ago, is no reason for an error: a new one is asked. If that is
        killed too, as the kernel does where memory is short, the question is to blame.
        """
        used = self._process is not None
        try:
            return self._ask(kind, text, data, until)
        except StoppedError as error:
            if error.guilty or not used or self._closed or time.monotonic() >= until:
                raise
        try:
            return self._ask(kind, text, data, until)
        except StoppedError as error:
            raise StoppedError(str(error), guilty=time.monotonic() < until) from None

    def _ask(self, kind: bytes, text: bytes, data: bytes, until: float) -> Answer:
        try:
            process = self.start()
        except OSError as error:
            raise StoppedError(
                f"was not run: the {self._command.name} process cannot be started: {error}", guilty=False
            ) from error
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 (for the type checker)
        try:
            self._send(process.stdin.fileno(), self._pack(kind, text, data), until)
            return self._answer(process.stdout.fileno(), until)
        except TimeoutError:
            self.kill()
            raise StoppedError("did not answer in the time that was left", guilty=False) from None
        except (EOFError, OSError):  # its pipe has ended, so it is about to
            raise self._died() from None
        except BaseException:  # such as an interrupt: the answer to this question must not meet the next one
            self.kill()
            raise

    def ask_all(self, kind: bytes, questions: Sequence[tuple[bytes, bytes]], *, seconds: float) -> list[Answer]:
        """The answers to the first of the questions, of text and data: to all, or to those before the one at which it
        died or took longer than so many seconds, whatever the reason.

        All are put at once and each has its own limits: what costs time is not jq, but that two processes wait for
        each other.
        """
        answers: list[Answer] = []
        try:
            process = self.start()
        except OSError:
            return answers
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 (for the type checker)
        left = memoryview(b"".join([self._pack(kind, text, data) for text, data in questions]))
        into, out = process.stdin.fileno(), process.stdout.fileno()
        got = bytearray()
        until = time.monotonic() + seconds
        try:
            while len(answers) < len(questions):
                ready = _wait_for(out, into if left else -1, until)
                if into in ready and left:
                    left = _write_some(into, left)
                if out in ready:
                    got += _read_some(out)
                    if found := _take(got):
                        until = time.monotonic() + seconds
                        answers += found
        except (TimeoutError, _DamageError):
            self.kill()
        except (EOFError, OSError):
            self._died()
        except BaseException:  # such as an interrupt: answers to these questions must not meet the next one
            self.kill()
            raise
        return answers

    def _pack(self, kind: bytes, text: bytes, data: bytes) -> bytes:
        seconds = self._limits.seconds + self._limits.seconds_per_mib * len(data) / (1 << 20)
        return b"".join((QUESTION.pack(kind, seconds, len(text), len(data)), text, data))

    def _send(self, pipe: int, data: bytes, until: float) -> None:
        view = memoryview(data)
        while True:
            try:
                view = view[os.write(pipe, view) :]
            except BlockingIOError:
                _wait(pipe, select.POLLOUT, until)
            if not view:
                return

    def _answer(self, pipe: int, until: float) -> Answer:
        answer = self._receive(pipe, b"", ANSWER.size, until)
        status, size = ANSWER.unpack_from(answer)
        if size > _LARGEST:
            self.kill()
            raise StoppedError(f"broke the {self._command.name} process: its answer makes no sense", guilty=True)
        if len(answer) < ANSWER.size + size:
            answer = self._receive(pipe, answer, ANSWER.size + size, until)
        return status, answer[ANSWER.size :]

    def _receive(self, pipe: int, got: bytes, size: int, until: float) -> bytes:
        parts, missing = [got], size - len(got)
        while missing > 0:
            _wait(pipe, select.POLLIN, until)
            part = _read_some(pipe, missing)
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _died(self) -> StoppedError:
        process, self._process = self._process, None
        assert process is not None and process.stderr is not None  # noqa: S101, PT018 (for the type checker)
        try:
            code = process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        said = process.stderr.read() or b""
        _close(process)
        reason, guilty = _reason(code, said.decode(errors="replace"), self._command.name, self._limits)
        return StoppedError(reason, guilty=guilty)

    def kill(self) -> None:
        """End it now, and leave nothing behind."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            _close(process)

    def interrupt(self) -> None:
        """For good, and from another thread than the one that asks: that one then sees the end."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()

    def forget(self) -> None:
        """After a fork, in the child: the process is the parent's. Its pipes must not stay open here, or it would
        outlive the parent."""
        process, self._process = self._process, None
        if process is not None:
            process.returncode = 0  # not ours to wait for
            _close(process)


def _wait(pipe: int, event: int, until: float) -> None:
    poll = select.poll()
    poll.register(pipe, event)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError


def _wait_for(out: int, into: int, until: float) -> set[int]:
    """Which of the two can go on, reading or writing."""
    poll = select.poll()
    poll.register(out, select.POLLIN)
    if into >= 0:
        poll.register(into, select.POLLOUT)
    ready = poll.poll(max(0.0, until - time.monotonic()) * 1000)
    if not ready:
        raise TimeoutError
    return {pipe for pipe, _ in ready}


def _read_some(pipe: int, size: int = 0) -> bytes:
    part = os.read(pipe, max(size, _CHUNK))
    if not part:
        raise EOFError
    return part


def _write_some(pipe: int, data: memoryview) -> memoryview:
    try:
        return data[os.write(pipe, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:  # what it has answered before it died is read first
        return data[:0]


def _take(data: bytearray) -> list[Answer]:
    """The answers that are there in full; the rest stays."""
    found: list[Answer] = []
    at = 0
    while len(data) >= at + ANSWER.size:
        status, size = ANSWER.unpack_from(data, at)
        if size > _LARGEST:
            raise _DamageError
        end = at + ANSWER.size + size
        if len(data) < end:
            break
        found.append((status, bytes(data[at + ANSWER.size : end])))
        at = end
    del data[:at]
    return found


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _reason(code: int, said: str, name: str, limits: Limits) -> tuple[str, bool]:
    """What to tell, and whether the rule is the cause: a process that somebody else has killed says nothing of it."""
    if code == -signal.SIGPROF:
        return f"took longer than {limits.seconds:g} s", True
    if any(sign in said for sign in _OUT_OF_MEMORY):
        return f"needed more than {limits.memory >> 20} MiB of memory", True
    if code in (-signal.SIGSEGV, -signal.SIGBUS):
        return f"overflowed the stack of the {name} process", True
    if code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP):
        return f"the {name} process was killed from outside ({signal.Signals(-code).name})", False
    last = said.strip().rpartition("\n")[2]
    crashed = code < 0  # otherwise Python ended: an installation that is broken, not the rule
    return f"the {name} process ended with code {code}{': ' + last[:200] if last else ''}", crashed
