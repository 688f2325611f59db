"""The jq processes of one program, shared by its threads."""

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Self

from auditor.languages.jq.penalties import Penalties
from auditor.languages.jq.process import Limits, Process, StoppedError


class Pool:
    """Its owner closes it. `processes` bounds the rules that run at once; one more, `suspect`, runs those that were
    stopped before. All start when they are needed. After a fork the child starts processes of its own.

    `binding` is the Python package that runs jq: `jq` (libjq 1.8) or, where that is not to be had, `pyjq` (libjq 1.5).
    """

    def __init__(
        self,
        *,
        processes: int = 2,
        limits: Limits | None = None,
        binding: str = "jq",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.penalties = Penalties(clock)
        self._many = _Shelf(Process(self.limits, binding) for _ in range(processes))
        self._one = _Shelf([Process(self.limits, binding)])
        _POOLS.add(self)

    def ask(
        self, kind: bytes, text: bytes, data: bytes = b"", *, timeout: float, suspect: bool = False
    ) -> tuple[bytes, bytes]:
        """One question to one process; StoppedError if none answers in `timeout` seconds, waiting included."""
        until = time.monotonic() + timeout
        if timeout <= 0:
            raise StoppedError("was not run: no time was left", guilty=False)
        shelf = self._one if suspect else self._many
        process = shelf.take(timeout)
        try:
            return process.ask(kind, text, data, until=until)
        finally:
            shelf.give(process)

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [process.pid for shelf in (self._many, self._one) for process in shelf.all if process.pid is not None]

    def close(self) -> None:
        """End the processes; a rule that runs now gets an error."""
        self._many.close()
        self._one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget(self) -> None:
        """After a fork, in the child."""
        self.penalties.forget()
        self._many.forget()
        self._one.forget()


class _Shelf:
    """Processes that are lent to one thread at a time."""

    def __init__(self, processes: Iterable[Process]) -> None:
        self.all = tuple(processes)
        self._closed = False
        self.forget()

    def take(self, timeout: float) -> Process:
        with self._changed:
            if not self._idle and not self._changed.wait_for(lambda: self._idle or self._closed, timeout):
                raise StoppedError("was not run: no jq process became free in time", guilty=False)
            if self._closed:
                raise StoppedError("was not run: the jq processes are closed", guilty=False)
            return self._idle.pop()  # the one used last: its programs are compiled

    def give(self, process: Process) -> None:
        with self._changed:
            if self._closed:
                process.kill()
            else:
                self._idle.append(process)
                self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            for process in self.all:
                if process in self._idle:
                    process.kill()
                else:
                    process.interrupt()  # its thread sees the end, and clears up
            self._idle.clear()
            self._changed.notify_all()

    def forget(self) -> None:
        """Also the locks are made anew: at the fork another thread may have held them."""
        for process in self.all:
            process.forget()
        self._changed = threading.Condition()
        self._idle = list(self.all)


_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()
_shared: Pool | None = None
_shared_lock = threading.Lock()


def shared_pool() -> Pool:
    """For callers without a pool of their own, such as a command that ends soon; it is closed as the program ends."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Pool(binding="jq" if find_spec("jq") else "pyjq")
            atexit.register(_shared.close)
        return _shared


def _after_fork() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for pool in list(_POOLS):
        pool.forget()


os.register_at_fork(after_in_child=_after_fork)
