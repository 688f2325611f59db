"""The thread that drives rounds of calls, and ends within a second."""

import logging
import random
import threading
from collections.abc import Callable

from auditor.cluster.lease.calls import Call, Leases, Steps, drive, perform
from auditor.errors import ClusterError
from auditor.json import Json

log = logging.getLogger(__name__)

STOP = 1.0
"""Seconds that `stop` takes at most."""
LAST_CALL = 0.4
"""Of these, for each of the two that may take time: writes that are under way, and giving the lease back."""


class Loop:
    """Rounds with pauses in between, in a thread of its own, until it is stopped; then a farewell, if there is time."""

    def __init__(
        self,
        leases: Leases,
        *,
        title: str,
        rounds: Callable[[], Steps],
        pause: Callable[[], float],
        limit: Callable[[], float],
        farewell: Callable[[], Steps],
    ) -> None:
        self.error = ""
        """Why the last round failed; empty if it did not."""
        self._leases, self._title = leases, title
        self._rounds, self._pause, self._limit, self._farewell = rounds, pause, limit, farewell
        self._wake = threading.Event()
        self._stopping = threading.Event()
        # A daemon: it may still hang in a call to a server that does not answer when the process ends.
        self._thread = threading.Thread(target=self._run, name=title, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def wake(self) -> None:
        """The next round is due now."""
        self._wake.set()

    def stop(self) -> bool:
        """True if the thread has ended. If not, it is in a call without an answer, and ends with that."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is None:
            return True
        if self._thread is not threading.current_thread():
            self._thread.join(STOP)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopping:
            self._play(self._rounds(), self._limit)
            self._wake.wait(self._pause())
            self._wake.clear()
        self._play(self._farewell(), lambda: LAST_CALL)

    def _play(self, steps: Steps, limit: Callable[[], float]) -> None:
        begun_stopping = self.stopping

        def ask(call: Call) -> Json:
            if self.stopping and not begun_stopping:
                raise ClusterError("stopping")
            return perform(self._leases, call, timeout=limit())

        try:
            drive(steps, ask)
        except ClusterError as error:
            if not self.stopping and self.error != str(error):
                log.warning("%s: %s", self._title, error)
            self.error = str(error)
        except Exception as error:
            # Whatever it was: the lease is not renewed, so nothing is written, and the next round may go well.
            log.exception("%s: a round failed", self._title)
            self.error = repr(error)
        else:
            self.error = ""


def up_to_a_fifth_more(seconds: float) -> float:
    return seconds * random.uniform(1.0, 1.2)  # noqa: S311 - so that not all ask at once
