"""A turf on which everything is ours, by nobody's leave, for tests of what is done there."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from auditor.audit.turf import TurfStatus
from auditor.cluster.lease import Permit
from auditor.errors import LeaseLostError

ALONE: Final = 60.0
"""Seconds for one write: how long an API server lets a request take."""


class Sole:
    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []
        self._owning = threading.Event()

    def owns(self, kind_name: str) -> bool:
        return self._owning.is_set()

    @contextmanager
    def guard(self, kind_name: str) -> Iterator[Permit]:
        self._left()
        yield Permit(self._left)

    def subscribe(self, changed: Callable[[], None]) -> None:
        self._listeners.append(changed)

    def start(self) -> None:
        self._owning.set()
        self._tell()

    def stop(self) -> None:
        if self._owning.is_set():
            self._owning.clear()
            self._tell()

    @property
    def status(self) -> TurfStatus:
        return TurfStatus(self._owning.is_set(), "", (), "")

    def _tell(self) -> None:
        for each in self._listeners:
            each()

    def _left(self) -> float:
        if not self._owning.is_set():
            raise LeaseLostError("it has not begun, or is ending: nothing may be written")
        return ALONE
