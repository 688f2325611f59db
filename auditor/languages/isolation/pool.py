"""The worker processes of one program, shared by its threads."""

import atexit
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, Self, TypeVar

from auditor.languages.isolation.penalties import Penalties
from auditor.languages.isolation.process import Answer, Command, Limits, Process, StoppedError

STOPS: Final[Counter[tuple[str, str]]] = Counter()
"""Questions of this process that got no answer, for metrics: by language, and whether the rule or something else (rule,
outside) was the cause."""


class Pool:
    """Its owner closes it. `processes` bounds the rules that run at once; one more, `suspect`, runs those that were
    stopped before. All start when they are needed. After a fork the child starts processes of its own.
    """

    def __init__(
        self,
        command: Command,
        *,
        limits: Limits,
        processes: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self._name = command.name.lower()
        self.penalties = Penalties(clock)
        self._many = _Shelf(command.name, [Process(command, limits) for _ in range(processes)])
        self._one = _Shelf(command.name, [Process(command, limits)])
        _POOLS.add(self)

    def ask(
        self, kind: bytes, text: bytes, data: bytes = b"", *, timeout: float, suspect: bool = False
    ) -> tuple[bytes, bytes]:
        """One question to one process; StoppedError if none answers in `timeout` seconds, waiting included."""
        try:
            return self._ask(kind, text, data, timeout, suspect=suspect)
        except StoppedError as error:
            STOPS[self._name, "rule" if error.guilty else "outside"] += 1
            raise

    def _ask(self, kind: bytes, text: bytes, data: bytes, timeout: float, *, suspect: bool) -> tuple[bytes, bytes]:
        until = time.monotonic() + timeout
        if timeout <= 0:
            raise StoppedError("was not run: no time was left", guilty=False)
        shelf = self._one if suspect else self._many
        process = shelf.take(timeout)
        try:
            return process.ask(kind, text, data, until=until)
        finally:
            shelf.give(process)

    def ask_all(self, kind: bytes, questions: Sequence[tuple[bytes, bytes]], *, seconds: float) -> list[Answer]:
        """The answers to the first of the questions, in one round trip: who asks the next of them by itself hears why
        there is none. So many seconds are for each."""
        try:
            process = self._many.take(seconds)
        except StoppedError:
            return []
        try:
            return process.ask_all(kind, questions, seconds=seconds)
        finally:
            self._many.give(process)

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

    def __init__(self, name: str, processes: Iterable[Process]) -> None:
        self._name = name
        self.all = tuple(processes)
        self._closed = False
        self.forget()

    def take(self, timeout: float) -> Process:
        with self._changed:
            if not self._idle and not self._changed.wait_for(lambda: self._idle or self._closed, timeout):
                raise StoppedError(f"was not run: no {self._name} process became free in time", guilty=False)
            if self._closed:
                raise StoppedError(f"was not run: the {self._name} processes are closed", guilty=False)
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
_P = TypeVar("_P", bound=Pool)


class Shared(Generic[_P]):
    """For callers without a pool of their own: made when it is first needed, closed as the program ends."""

    def __init__(self, make: Callable[[], _P]) -> None:
        self._make = make
        self._pool: _P | None = None
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._after_fork)

    def __call__(self) -> _P:
        with self._lock:
            if self._pool is None:
                self._pool = self._make()
                atexit.register(self._pool.close)
            return self._pool

    def forget(self) -> None:
        """The next caller gets another one."""
        self._pool = None

    def _after_fork(self) -> None:
        self._lock = threading.Lock()


def _after_fork() -> None:
    for pool in list(_POOLS):
        pool.forget()


os.register_at_fork(after_in_child=_after_fork)
