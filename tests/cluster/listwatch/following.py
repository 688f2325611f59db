"""A list-watch in its thread, and somebody who listens and waits for what should come."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from auditor.cluster import Client, Resource
from auditor.cluster.access import key_of
from auditor.cluster.listwatch import Change, Event, ListWatch, Scope, Status, Versions, version_of
from auditor.json import JsonObject

PATIENCE = 50.0
"""Seconds that a busy machine may need for what takes one."""
STOPPED_WITHIN = 2.0
"""Seconds: one is the goal, and one is for the machine."""


class Following:
    def __init__(
        self,
        client: Client,
        resource: Resource,
        scope: Scope = Scope(),  # noqa: B008 frozen
        *,
        streamed: bool = True,
        page_size: int = 3,
        stall_after: float = 150.0,
        heard: Callable[[Event], None] | None = None,
        stopped_within: float = STOPPED_WITHIN,
    ) -> None:
        self.store = Versions()
        self.list_watch = ListWatch(
            client,
            resource,
            self.store,
            sink=self.take,
            scope=scope,
            streamed=streamed,
            page_size=page_size,
            stall_after=stall_after,
            draw=lambda: 0.1,  # the tenth of every wait
        )
        self._client, self._resource, self._scope = client, resource, scope
        self._heard, self._stopped_within = heard, stopped_within
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self.list_watch.run, daemon=True)
        self.state: dict[str, JsonObject] = {}
        self.events: list[Event] = []
        self.problems: list[str] = []

    @property
    def status(self) -> Status:
        return self.list_watch.status

    def take(self, event: Event) -> None:
        if self._heard is not None:
            self._heard(event)
        with self._changed:
            if event.change is not Change.SYNCED and (event.key in self.state) == (event.change is Change.ADDED):
                self.problems.append(f"out of order: {event}")
            self.events.append(event)
            if event.change is Change.DELETED:
                self.state.pop(event.key, None)
            elif event.object is not None:
                self.state[event.key] = event.object
            self._changed.notify_all()

    def changes(self) -> list[tuple[str, str]]:
        """What was told so far, shortly."""
        with self._changed:
            return [(event.change.value, event.key) for event in self.events]

    def await_event(self, change: Change, key: str = "") -> Event:
        """The next or an earlier one."""
        found: list[Event] = []

        def is_there() -> bool:
            found[:] = [event for event in self.events if event.change is change and key in ("", event.key)]
            return bool(found)

        self.await_that(is_there, f"{change} {key}")
        return found[-1]

    def await_that(self, holds: Callable[[], bool], what: str) -> None:
        """Looked at after each event, and now and then: a status changes without one."""
        with self._changed:
            for _ in range(int(PATIENCE / 0.05)):
                if holds():
                    return
                self._changed.wait(0.05)
        raise AssertionError(f"{what} did not come; status: {self.status}")

    def await_equal(self, truth: Client) -> None:
        """What was told is what a fresh list has, object by object, and so is the store."""
        scope = self._scope
        listed = truth.list(self._resource, namespace=scope.namespace, labels=scope.labels, fields=scope.fields)
        wanted = {key_of(obj): obj for obj in listed}
        self.await_that(lambda: self.state == wanted, f"the state {sorted(wanted)} instead of {sorted(self.state)}")
        versions = {key: self.store.version(key) for key in self.store.keys()}  # noqa: SIM118 it is no dict
        assert versions == {key: version_of(obj) for key, obj in wanted.items()}
        assert self.problems == []
        assert self.status.counts.sink_errors == 0

    def stop(self) -> None:
        self.list_watch.stop()
        self._thread.join(self._stopped_within)
        assert not self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
