"""One door: asked again and again in a thread of its own, so that one that hangs holds up no other."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from auditor.audit.doors.asking import Line
from auditor.audit.doors.books import Books
from auditor.audit.doors.page import Page
from auditor.cluster.callback import FAULTS
from auditor.errors import ClusterError
from auditor.json import JsonObject

log = logging.getLogger(__name__)

MOST_PAGES: Final = 40
"""In one round: twice of what a door keeps. One that decides faster than it is read is read on in the next round."""


@dataclass(frozen=True, slots=True)
class DoorStatus:
    url: str
    instance: str = ""
    """Of the process that answered last; empty: none has yet."""
    answered: datetime | None = None
    """When the last round went well."""
    error: str = ""
    """Why the last round did not; empty if it did, or if there was none yet."""


class Follower:
    def __init__(
        self,
        line: Line,
        books: Books,
        *,
        hear: Callable[[Sequence[JsonObject]], None],
        interval: float,
        now: Callable[[], datetime],
    ) -> None:
        """`hear` is told of decisions before the books are, and also of some that these have already."""
        self.status = DoorStatus(line.url)
        self._line, self._books, self._hear = line, books, hear
        self._interval, self._now = interval, now
        self._wake, self._stopping = threading.Event(), threading.Event()
        # A daemon: the name of its door may be looked up when the process ends, and nothing cuts that off.
        self._thread = threading.Thread(target=self._run, name=f"door {line.url}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hurry(self) -> None:
        """The next round is due now."""
        self._wake.set()

    def stop(self) -> None:
        """Does not wait; `join` does."""
        self._stopping.set()
        self._wake.set()
        self._line.cut()

    def join(self, timeout: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(max(0.0, timeout))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            error = self._try()
            if self._stopping.is_set():
                return
            if error != self.status.error:
                log.warning("door %s", error) if error else log.info("door %s: it answers again", self._line.url)
            answered = self.status.answered if error else self._now()
            self.status = replace(self.status, answered=answered, error=error)
            self._wake.wait(self._interval)

    def _try(self) -> str:
        try:
            self._collect()
        except ClusterError as error:
            return str(error)
        except FAULTS as error:  # of those who take: they are told the same again in the next round
            log.exception("door %s: what it told could not be taken", self._line.url)
            return f"{self._line.url}: what it told could not be taken: {type(error).__name__}: {error}"
        return ""

    def _collect(self) -> None:
        for _ in range(MOST_PAGES):
            asked = self._books.since(self.status.instance)
            page = self._line.ask(asked)
            if page.instance != self.status.instance:
                self.status = replace(self.status, instance=page.instance)
                if self._books.since(page.instance) != asked:
                    continue  # the number was that of another process
            if self._stopping.is_set() or self._enter(page, asked):
                return

    def _enter(self, page: Page, asked: int) -> bool:
        """Whether that was all."""
        self._hear(page.decisions)
        self._books.enter(self._line.url, page, asked=asked)
        return not page.decisions or self._books.since(page.instance) >= page.last
