"""The CRDs of the reports that are wanted, created where they are absent, beside everything else."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from auditor.errors import ClusterError
from auditor.model.settings import ReportApi

log = logging.getLogger(__name__)

RETRY: Final = 5.0
MAX_RETRY: Final = 60.0
"""Seconds between two attempts: doubled, as a right that is missing is not given by asking for it."""


class ReportCrds:
    """`install` may fail as often as it likes. The last API that was wanted counts."""

    def __init__(
        self, install: Callable[[ReportApi], bool], *, created: Callable[[], None] = lambda: None, retry: float = RETRY
    ) -> None:
        self._install, self._created, self._retry = install, created, retry
        self._changed = threading.Condition()
        self._wanted: ReportApi | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="report CRDs", daemon=True)

    def want(self, api: ReportApi) -> None:
        """Quick; the same again is nothing new."""
        with self._changed:
            self._wanted = api
            if self._thread.ident is None and not self._stopping:
                self._thread.start()
            self._changed.notify_all()

    def stop(self) -> None:
        """Does not wait: a CRD that comes or does not come is the same to everybody."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _run(self) -> None:
        done: ReportApi | None = None
        said, delay = "", self._retry
        while (api := self._next(done)) is not None:
            why = self._try(api)
            if why == "":
                done, said, delay = api, "", self._retry
                continue
            if why != said:
                said = why
                log.warning("the CRDs of the reports (%s) could not be created, it is tried again: %s", api, why)
            with self._changed:
                self._changed.wait_for(lambda tried=api: self._stopping or self._wanted is not tried, delay)  # type: ignore[misc]
            delay = min(2 * delay, MAX_RETRY)

    def _next(self, done: ReportApi | None) -> ReportApi | None:
        """None: it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._wanted is not done)
            return None if self._stopping else self._wanted

    def _try(self, api: ReportApi) -> str:
        try:
            if self._install(api):
                log.info("the CRDs of the reports (%s) were created", api)
                self._created()
        except ClusterError as error:
            return str(error)
        except Exception as error:
            log.exception("the CRDs of the reports: a defect of auditor")
            return type(error).__name__
        return ""
