"""Threads that take keys from a queue and work on them, until they are stopped."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from auditor.cluster import metrics
from auditor.cluster.callback import FAULTS
from auditor.cluster.queue import WorkQueue
from auditor.errors import ApiError, AuditorError

log = logging.getLogger(__name__)

Key = TypeVar("Key")

STOP_TIMEOUT = 5.0
"""Seconds that work under way may take to end: one call to an API server, which has much less to do than that."""


class Workers(Generic[Key]):
    """`work` gets a key and does whatever its object needs now. What it raises brings the key back, later each time.

    A wish of the server to wait (Retry-After) is granted. A key that has failed too often is logged and left until it
    is added again.
    """

    def __init__(self, name: str, queue: WorkQueue[Key], work: Callable[[Key], object], *, count: int = 1) -> None:
        self.name, self.queue = name, queue
        self._work = work
        self._threads = [threading.Thread(target=self._run, name=f"{name} {i}", daemon=True) for i in range(count)]
        if count < 1:
            raise ValueError(f"{name}: {count} workers would leave everything undone: 1 at least")
        metrics.QUEUED.labels(name).set_function(lambda: len(queue))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """No more keys are taken; False if work was still under way at the end of the timeout. Not to be called by the
        work itself, which it waits for."""
        done = self.queue.close(timeout)
        metrics.QUEUED.labels(self.name).set_function(lambda: 0.0)  # what it holds waits for nobody any more
        if not done:
            log.error("%s: work was still under way after %g s", self.name, timeout)
        return done

    def _run(self) -> None:
        while (key := self.queue.take()) is not None:
            begun = time.monotonic()
            result = "done"
            try:
                self._work(key)
            except FAULTS as error:
                if not isinstance(error, AuditorError):  # those say all in one line; anything else is a defect
                    log.exception("%s: work on %s failed", self.name, key)
                wish = error.retry_after if isinstance(error, ApiError) else None
                again = self.queue.fail(key, f"{type(error).__name__}: {error}", after=wish)
                result = "failed" if again else "given_up"
            else:
                self.queue.finish(key)
            metrics.WORK_SECONDS.labels(self.name, result).observe(time.monotonic() - begun)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
