"""What the history knows of broken glass, brought back at the start: an object may be judged again months later."""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from auditor.audit.doors import MOST, Pardon, Pardons, make_key
from auditor.audit.doors.pardons import Key
from auditor.errors import AuditorError
from auditor.report.history import History

log = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that the start waits. A large file takes longer to be opened or searched, a server may be away."""
RETRY: Final = 5.0
"""Seconds between two attempts; that the history is away, others say."""


class Recall:
    """`hear` is told of the objects: those that were judged meanwhile are judged again."""

    def __init__(
        self,
        open_history: Callable[[], History],
        pardons: Pardons,
        hear: Callable[[Sequence[Key]], None],
        *,
        retry: float = RETRY,
    ) -> None:
        self._open, self._pardons, self._hear, self._retry = open_history, pardons, hear, retry
        self._tried, self._stopping = threading.Event(), threading.Event()
        # A daemon: nobody has to wait for a database that does not answer.
        self._thread = threading.Thread(target=self._run, name="recall", daemon=True)

    def start(self, patience: float = PATIENCE) -> None:
        """Waits for the first attempt, and for no other."""
        if self._thread.ident is None:
            self._thread.start()
        self._tried.wait(patience)

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._try():
            self._tried.set()
            if self._stopping.wait(self._retry):
                return
        self._tried.set()

    def _try(self) -> bool:
        try:
            with contextlib.closing(self._open()) as history:
                found = history.broken_glass(MOST)
        except AuditorError as error:
            log.debug("for which objects the glass was broken is not known yet: %s", error)
            return False
        except Exception:
            log.exception("for which objects the glass was broken is not known: a defect of auditor")
            return True
        news = self._pardons.remember(
            Pardon(each.at, make_key(each.group, each.kind, each.namespace, each.name), each.id) for each in found
        )
        if news and not self._stopping.is_set():
            log.info("the glass was broken for %d objects, as the history says", len(news))
            self._hear(news)
        return True
