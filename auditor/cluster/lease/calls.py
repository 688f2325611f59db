"""What an election asks of the API server, as values.

The logic yields a call and is sent the answer, or is thrown the error: it never waits for anything itself. So a test
decides what happens between any two of its steps, and what becomes of each call.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from auditor.errors import ClusterError
from auditor.json import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Get:
    name: str


@dataclass(frozen=True, slots=True)
class List:
    labels: str


@dataclass(frozen=True, slots=True)
class Create:
    lease: JsonObject


@dataclass(frozen=True, slots=True)
class Update:
    lease: JsonObject


@dataclass(frozen=True, slots=True)
class Delete:
    name: str
    uid: str
    version: str


Call: TypeAlias = Get | List | Create | Update | Delete
Steps: TypeAlias = Generator[Call, Json, None]


class Leases(Protocol):
    """The Leases of one namespace. Reads are of the newest state, never of a cache (no resourceVersion is named).

    Errors are those of auditor.errors; a call that got no answer in time is an UnreachableError, and may yet be done.
    """

    @property
    def namespace(self) -> str: ...
    def get(self, name: str, *, timeout: float) -> JsonObject: ...
    def list(self, labels: str, *, timeout: float) -> list[JsonObject]: ...
    def create(self, lease: JsonObject, *, timeout: float) -> JsonObject: ...
    def update(self, lease: JsonObject, *, timeout: float) -> JsonObject: ...
    def delete(self, name: str, *, uid: str, version: str, timeout: float) -> None: ...


def perform(leases: Leases, call: Call, *, timeout: float) -> Json:
    match call:
        case Get(name):
            return leases.get(name, timeout=timeout)
        case List(labels):
            return leases.list(labels, timeout=timeout)
        case Create(lease):
            return leases.create(lease, timeout=timeout)
        case Update(lease):
            return leases.update(lease, timeout=timeout)
        case Delete(name, uid, version):
            return leases.delete(name, uid=uid, version=version, timeout=timeout)


def drive(steps: Steps, ask: Callable[[Call], Json]) -> None:
    """Raises what the logic does not handle."""
    try:
        call = next(steps)
        while True:
            try:
                answer = ask(call)
            except ClusterError as error:
                call = steps.throw(error)
            else:
                call = steps.send(answer)
    except StopIteration:
        return
