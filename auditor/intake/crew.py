"""Work on all cores: processes that share what is loaded, and take the next piece of work when they are done."""

import gc
import os
import pickle
import select
import signal
import struct
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final, TypeVar

from auditor.errors import AuditorError

_NUMBER: Final = struct.Struct("<I")
_HEAD: Final = struct.Struct("<IQ")
_CHUNK: Final = 1 << 20

W = TypeVar("W")
R = TypeVar("R")


class LostError(AuditorError):
    """A process ended in the middle of its work, as when the system has no memory left."""


def count_cores() -> int:
    """Those that this process may use. One where processes cannot share what is loaded: on macOS its own libraries do
    not survive a fork."""
    if sys.platform != "linux":
        return 1
    return len(os.sched_getaffinity(0))


def share_out(work: Sequence[W], do: Callable[[W], R], *, processes: int) -> Generator[R, None, None]:
    """What `do` makes of each, in order. Raises LostError where a process is lost with its work."""
    processes = min(processes, len(work))
    if processes < 2:
        yield from map(do, work)
        return
    todo, numbers = os.pipe()
    crew: dict[int, tuple[int, bytearray]] = {}
    """By what it is heard on: the process, and what of its next result has come."""
    # What is loaded stays shared only as long as nobody writes to it, and the collector would.
    gc.freeze()
    try:
        for _ in range(processes):
            heard, told = os.pipe()
            pid = os.fork()
            if not pid:
                os.close(heard)
                os.close(numbers)
                _serve(work, do, todo, told)
            os.close(told)
            crew[heard] = pid, bytearray()
        os.close(todo)
        todo = -1
        yield from _collect(crew, numbers, len(work), ahead=2 * processes)
    finally:
        gc.unfreeze()
        for each in (todo, numbers, *crew):
            if each >= 0:
                os.close(each)
        for pid, _ in crew.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _serve(work: Sequence[W], do: Callable[[W], R], todo: int, told: int) -> None:
    """Never returns: what the program does at its end is for its first process alone."""
    try:
        # A Ctrl-C goes to all; the first process sees to it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.disable()  # plain data and its results: there are no cycles
        while len(asked := os.read(todo, _NUMBER.size)) == _NUMBER.size:
            number = _NUMBER.unpack(asked)[0]
            result = pickle.dumps(do(work[number]), pickle.HIGHEST_PROTOCOL)
            with os.fdopen(told, "wb", closefd=False) as out:
                out.write(_HEAD.pack(number, len(result)) + result)
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _collect(crew: dict[int, tuple[int, bytearray]], numbers: int, total: int, *, ahead: int) -> Iterator[R]:
    """So many pieces are given out at a time: a pipe holds no more than some thousands, and what comes out of turn has
    to wait here."""
    done: dict[int, R] = {}
    given = told = 0
    while told < total:
        while given < min(total, told + ahead):
            os.write(numbers, _NUMBER.pack(given))
            given += 1
        for heard in select.select(list(crew), [], [])[0]:
            data = os.read(heard, _CHUNK)
            pid, text = crew[heard]
            if not data:
                raise LostError(f"process {pid} of the scan is gone, and with it what it judged: is there memory left?")
            text += data
            while len(text) >= _HEAD.size:
                number, size = _HEAD.unpack_from(text)
                if len(text) < _HEAD.size + size:
                    break
                done[number] = pickle.loads(memoryview(text)[_HEAD.size : _HEAD.size + size])  # noqa: S301 our own
                del text[: _HEAD.size + size]
        while told in done:
            yield done.pop(told)
            told += 1
