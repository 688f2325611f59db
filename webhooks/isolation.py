"""A judgement that cannot run away: in a child process, which is killed when its time is up.

A loop of CEL makes up to 10,000 rounds, and each may read the whole object: a rule that looks for each member in a
long text took 42 s on an object of 300 KB. It holds the interpreter all the while and nothing interrupts it, so that
one user with one object would stop all others. Reviews that are large enough for that, and meet a rule with a loop, are
judged in a child. It is forked from this process and so has the policies already. That costs some 10 ms, which small
reviews are spared: their time is bounded by their size. At 8 KiB such a rule takes 1.5 s at the very worst.
"""

import contextlib
import gc
import math
import os
import pickle
import resource
import select
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from auditor.engine.compiled import CompiledPolicy
from auditor.errors import AuditorError
from auditor.languages import cel, jq
from auditor.languages.cel.ast import Fold, Node, children

T = TypeVar("T")

LARGE: Final = 32 * 1024
"""Bytes of a review. Most objects have less than 10 KiB, so few pay for the child."""
CHILDREN: Final = 2
"""At once. They yield to this process (nice), but each takes a core and copies the memory that it touches."""
SHARE: Final = 0.75
"""Of the timeout of the webhook: the rest is for the way here, and for an answer that is still heard."""
TIMEOUT: Final = 10.0
"""Seconds, where the caller does not tell: the default of Kubernetes."""
MAX_ANSWER: Final = 16 * 1024 * 1024
"""Bytes: the patch of the largest object, twice."""


class OverrunError(AuditorError):
    """The time was up."""

    http_code = 500


class ChildError(AuditorError):
    """The child did not come to an end: an exception with its traceback, or a death."""


class Isolation:
    def __init__(self, *, large: int = LARGE, children: int = CHILDREN) -> None:
        self._large = large
        self._free = threading.BoundedSemaphore(children)

    def wants(self, size: int) -> bool:
        return size > self._large

    def run(self, work: Callable[[], T], *, timeout: float | None) -> T:
        """What `work` returns, which must be something to pickle. Raises OverrunError and ChildError."""
        seconds = (timeout or TIMEOUT) * SHARE
        until = time.monotonic() + seconds
        if not self._free.acquire(timeout=seconds):
            raise OverrunError(f"no other process became free within {seconds:g} s to judge so large an object")
        try:
            status, answer = _ask_child(work, until)
        except TimeoutError as error:
            message = f"not judged within {seconds:g} s: a rule takes too long for so large an object"
            raise OverrunError(message) from error
        finally:
            self._free.release()
        if not answer:
            raise ChildError(f"the process that judged a large object ended with status {status}")
        failed, value = pickle.loads(answer)  # noqa: S301 - it comes from a child of this process
        if failed:
            raise ChildError(value)
        result: T = value
        return result


def _ask_child(work: Callable[[], object], until: float) -> tuple[int, bytes]:
    """How it ended, and what it wrote. Raises TimeoutError. In any case it is there no more."""
    reading, writing = os.pipe()
    try:
        with warnings.catch_warnings():
            # Of threads that hold locks. What a child runs has none but those that jq makes anew; another thread that
            # holds the interpreter's, as the engine does all the time, cannot be amid anything when this one forks.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _be_child(work, writing, until)
    finally:
        os.close(writing)
    try:
        answer = _read(reading, until)
    except BaseException:
        os.kill(pid, signal.SIGKILL)  # as nobody has waited for it, the number is still its own
        raise
    finally:
        os.close(reading)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), answer


def _read(reading: int, until: float) -> bytes:
    """All that comes until its end. Raises TimeoutError."""
    parts: list[bytes] = []
    size = 0
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while True:
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(math.ceil(left * 1000)):
            raise TimeoutError
        part = os.read(reading, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER:
            raise ChildError(f"the judgement of a large object has more than {MAX_ANSWER:,} bytes")


def _be_child(work: Callable[[], object], writing: int, until: float) -> NoReturn:
    """Never returns: nothing of the parent's that would be done on the way out is the child's to do."""
    status = 1
    try:
        gc.disable()  # it would touch, and so copy, all memory; and end objects whose files are closed below
        _forget_signals()
        os.nice(5)
        _bound_cpu(until)
        _close_all_but(writing)
        try:
            answer = pickle.dumps((False, work()))
        except Exception:
            answer = pickle.dumps((True, traceback.format_exc()))
        jq.shared_pool().close()
        with open(writing, "wb") as pipe:
            pipe.write(answer)
        status = 0
    finally:
        os._exit(status)


def _forget_signals() -> None:
    """Those of the server are for the server."""
    signal.set_wakeup_fd(-1)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)


def _bound_cpu(until: float) -> None:
    """Should this process be killed, nobody is left to kill the child."""
    seconds = math.ceil(time.process_time() + max(0.0, until - time.monotonic())) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def _close_all_but(writing: int) -> None:
    """Connections would stay open as long as the child has them, too."""
    # The range of all that may be open has a million numbers and more.
    for descriptor in [int(each.name) for each in Path("/dev/fd").iterdir()]:
        if descriptor > 2 and descriptor != writing:
            with contextlib.suppress(OSError):  # the listing itself had one
                os.close(descriptor)


def has_loops(policies: Iterable[CompiledPolicy]) -> bool:
    return any(_loops(program) for policy in policies for program in _programs(policy))


def _programs(policy: CompiledPolicy) -> Iterable[cel.Program]:
    yield from (program for _, program in policy.conditions)
    yield from (program for rule in policy.rules for program in (rule.cel, rule.message) if program is not None)
    yield from (mutation.cel for mutation in policy.mutations if mutation.cel is not None)


def _loops(program: cel.Program) -> bool:
    return _has_fold(program.tree) or any(_loops(each) for each in program.variables.values())


def _has_fold(node: Node) -> bool:
    return isinstance(node, Fold) or any(_has_fold(child) for child in children(node))
