"""What a list-watch needs of the transport, so that a test can stand in for it, and the questions that it asks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from auditor.cluster.listwatch.event import Scope
from auditor.cluster.pace import Urgency

Query = list[tuple[str, str]]


class Answer(Protocol):
    """Nothing is sent before it is read."""

    def lines(self) -> Iterator[bytes]: ...

    def read(self) -> bytes: ...

    def close(self) -> None: ...


class Transport(Protocol):
    def stream(
        self,
        path: str,
        *,
        what: str,
        query: Iterable[tuple[str, str]] = (),
        urgency: Urgency = ...,
        read_timeout: float | None = None,
        begun: Callable[[], None] = ...,
    ) -> Answer: ...


class Client(Protocol):
    @property
    def transport(self) -> Transport: ...


def select(scope: Scope) -> Query:
    """The namespace is in the path."""
    pairs = (("labelSelector", scope.labels), ("fieldSelector", scope.fields))
    return [(name, text) for name, text in pairs if text]


def ask_page(scope: Scope, *, limit: int, token: str) -> Query:
    """No resourceVersion: what is listed is the newest there is, never what some cache had."""
    return [*select(scope), ("limit", str(limit)), *([("continue", token)] if token else [])]


def ask_watch(scope: Scope, *, since: str, seconds: int) -> Query:
    query = [*select(scope), ("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", str(seconds))]
    return [*query, ("resourceVersion", since)] if since else query


def ask_streamed_list(scope: Scope, *, seconds: int) -> Query:
    """A watch that begins with all objects there are, and says when it has told them (KEP-3157)."""
    return [
        *ask_watch(scope, since="", seconds=seconds),
        ("sendInitialEvents", "true"),
        ("resourceVersionMatch", "NotOlderThan"),
    ]
