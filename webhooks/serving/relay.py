"""Kept connections, served by one thread at a time: no change of threads, no fight for the interpreter.

Threads of one interpreter that all have work make each other slower: each gives the interpreter away whenever it reads
or writes, and then waits for it again. So one thread waits for all kept connections and answers them one after another.
If it is held up (by a client, a rule that takes long, a lookup), another one goes on with the other connections, and
the first one ends with what it has in hand.
"""

import logging
import selectors
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from math import inf
from typing import Final, Generic, Protocol, TypeVar

log = logging.getLogger(__name__)

HELD_UP: Final = 0.005
"""Seconds with one request after which somebody else goes on: more than ten times what a usual one takes."""
IDLE: Final = 0.05
"""Seconds between two looks while nothing is served: so long may the first one hold up the others."""
BUSY: Final = 4
"""Requests between two looks that make it worth while to look often."""
SWEEP: Final = 0.25
"""Seconds between two looks for connections whose time is over."""


class Kept(Protocol):
    """A connection."""

    timeout: float
    """When it ends if nothing comes."""

    def fileno(self) -> int: ...

    def set_timeout(self) -> None:
        """Its time begins anew."""


Connection = TypeVar("Connection", bound=Kept)


class Relay(Generic[Connection]):
    """`submit` has a thread do something. There `serve` answers what came, and tells whether the connection is kept;
    `end` ends one that is not. Somebody else has to call `look`, again and again."""

    def __init__(
        self,
        serve: Callable[[Connection], bool],
        *,
        end: Callable[[Connection], None],
        submit: Callable[[Callable[[], None]], "Future[None]"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._serve, self._end, self._submit, self._clock = serve, end, submit, clock
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._kept: set[Connection] = set()
        self._server: Future[None] | None = None
        self._hand: Connection | None = None
        """What whoever serves has in hand; still among the kept ones."""
        self._since = 0.0
        self._turn: object = None
        """Of whoever serves. Who holds another one has been relieved."""
        self._served = self._seen = 0
        self._deadline = inf
        self._sweep_at = 0.0

    def start(self) -> None:
        turn = self._turn = object()
        self._server = self._submit(lambda: self._go_on(turn))

    def stop(self) -> None:
        """Whoever serves ends a moment later, with what is in hand. What is kept is not closed."""
        self._turn = None

    def add(self, connection: Connection) -> None:
        """One of which all that came has been answered."""
        connection.set_timeout()
        with self._lock:
            self._kept.add(connection)
            self._selector.register(connection.fileno(), selectors.EVENT_READ, connection)

    def _remove(self, connection: Connection) -> None:
        self._kept.discard(connection)
        self._selector.unregister(connection.fileno())

    def drop_oldest(self) -> Connection | None:
        """The one that has been idle for longest is no longer kept; whoever asked is to close it."""
        with self._lock:
            oldest = min(self._kept - {self._hand}, key=lambda each: each.timeout, default=None)
            if oldest is not None:
                self._remove(oldest)
            return oldest

    def cap(self, deadline: float) -> None:
        """No connection stays idle beyond that."""
        self._deadline = min(self._deadline, deadline)
        self._sweep_at = 0.0

    # -- whoever serves ------------------------------------------------------------------------------------------------

    def _go_on(self, turn: object) -> None:
        while self._turn is turn:
            for key, _ in self._selector.select(SWEEP):
                if not self._take(turn, key.data):
                    return
            if self._clock() >= self._sweep_at:
                self._sweep()

    def _take(self, turn: object, connection: Connection) -> bool:
        """Whether it is still our turn."""
        with self._lock:
            if self._turn is not turn:
                return False
            if connection not in self._kept:
                return True
            self._hand, self._since = connection, self._clock()
        stays = self._try(connection)
        with self._lock:
            relieved = self._turn is not turn
            self._served += 1
            if not relieved:
                self._hand = None
                if stays:
                    connection.set_timeout()
                else:
                    self._remove(connection)
        if not stays:
            self._end(connection)
        elif relieved:
            self.add(connection)
        return not relieved

    def _try(self, connection: Connection) -> bool:
        try:
            return self._serve(connection)
        except Exception:
            log.exception("a connection ends: a defect of auditor")
            return False

    def _sweep(self) -> None:
        now = self._clock()
        self._sweep_at = now + SWEEP
        with self._lock:
            over = [each for each in self._kept if min(each.timeout, self._deadline) <= now]
            for each in over:
                self._remove(each)
        for each in over:
            self._end(each)

    # -- whoever looks after it ----------------------------------------------------------------------------------------

    def look(self) -> float:
        """Relieves whoever is held up. The seconds until it has to be called again."""
        failed = self._has_failed()
        with self._lock:
            if failed:
                self._hand = None
            connection, busy = self._hand, self._served - self._seen >= BUSY
            self._seen = self._served
            held_up = connection is not None and self._clock() - self._since >= HELD_UP
            if connection is not None and held_up:
                self._hand = None
                self._remove(connection)
                self._turn = object()
        if held_up or failed:
            with suppress(RuntimeError):  # there are no threads any more: all ends
                self.start()
        return HELD_UP if busy or connection is not None else IDLE

    def _has_failed(self) -> bool:
        if self._turn is None or self._server is None or not self._server.done():
            return False
        error = self._server.exception()
        why = "there was no memory" if isinstance(error, MemoryError) else "a defect of auditor"
        log.critical("whoever serves has failed: %s", why, exc_info=error)
        return True
