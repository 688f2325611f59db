"""A cluster in which things happen all the time: objects that are made, changed and deleted, so many a second."""

import random
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from auditor.cluster import Resource
from tests.cluster.audit.conftest import THINGS, Stage


class Churn:
    """Until its end. `count` is how many changes there were."""

    def __init__(
        self, stage: Stage, *, seed: int = 1, rate: float = 20.0, names: int = 12, resources: Sequence[Resource] = ()
    ) -> None:
        self.count = 0
        self._stage, self._rate, self._names = stage, rate, names
        self._resources = resources or (THINGS,)
        self._draw = random.Random(seed)  # noqa: S311 to be repeated
        self._stopping = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(10)
        if self._error is not None and error is None:
            raise self._error

    def rest(self, seconds: float) -> None:
        """It goes on that long."""
        threading.Event().wait(seconds)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due += 1 / self._rate
            try:
                self._change()
            except Exception as error:  # told where somebody waits for the end
                self._error = error
                return
            self.count += 1

    def _change(self) -> None:
        resource, name = self._draw.choice(self._resources), f"c{self._draw.randrange(self._names)}"
        if self._draw.random() < 0.2:
            self._stage.delete(resource, name, namespace="shop")
        else:
            self._stage.write(name, resource=resource, replicas=self._draw.randrange(12))
