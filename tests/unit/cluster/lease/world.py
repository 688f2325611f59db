"""A world in which hypothesis decides everything: when who takes a step, what becomes of each call, what time it is.

One true time; each member has a clock that runs at its own rate. The server locks optimistically, as the real one.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from auditor.cluster.lease.calls import Call, Create, Delete, Get, List, Steps, Update
from auditor.errors import AlreadyExistsError, ClusterError, ConflictError, NotFoundError, UnreachableError
from auditor.json import Json, JsonObject

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(slots=True)
class Server:
    leases: dict[str, JsonObject] = field(default_factory=dict)
    version: int = 100

    def perform(self, call: Call) -> Json:
        match call:
            case Get(name):
                return copy.deepcopy(self._find(name))
            case List():
                return [copy.deepcopy(lease) for lease in self.leases.values()]
            case Create(lease):
                if lease["metadata"]["name"] in self.leases:
                    raise AlreadyExistsError("create", code=409)
                return self.put(lease, uid=f"uid-{self.version}")
            case Update(lease):
                wanted, name = lease["metadata"], lease["metadata"]["name"]
                found = self.leases.get(name, {}).get("metadata", {})
                if (wanted["uid"], wanted["resourceVersion"]) != (found.get("uid"), found.get("resourceVersion")):
                    raise ConflictError("update", code=409)  # for one that is not there, too: so the real one
                return self.put(lease, uid=wanted["uid"])
            case Delete(name, uid, version):
                found = self._find(name)["metadata"]
                if (uid, version) != (found["uid"], found["resourceVersion"]):
                    raise ConflictError("delete", code=409)
                del self.leases[name]
                return {}

    def _find(self, name: str) -> JsonObject:
        if name not in self.leases:
            raise NotFoundError("get", code=404)
        return self.leases[name]

    def put(self, lease: JsonObject, *, uid: str) -> JsonObject:
        self.version += 1
        stored = copy.deepcopy(lease)
        stored["metadata"] |= {"uid": uid, "resourceVersion": str(self.version)}
        self.leases[lease["metadata"]["name"]] = stored
        return copy.deepcopy(stored)

    def edit(self, name: str, change: Callable[[JsonObject], None]) -> None:
        """By somebody with kubectl."""
        if name in self.leases:
            lease = copy.deepcopy(self.leases[name])
            change(lease)
            self.put(lease, uid=lease["metadata"]["uid"])


@dataclass(slots=True)
class Clock:
    rate: float = 1.0
    offset: float = 0.0
    world: "World | None" = None

    def __call__(self) -> float:
        assert self.world is not None
        return self.offset + self.world.now * self.rate

    def wall(self) -> datetime:
        """Wrong by hours, and not the same way twice."""
        return EPOCH + timedelta(seconds=self() * 1000)


@dataclass(slots=True)
class Runner:
    """One thread of one member, at most one call of which is under way."""

    world: "World"
    clock: Clock
    rounds: Callable[[], Steps]
    pause: Callable[[], float]
    frozen: bool = False
    stopped: bool = False
    _steps: Iterator[Call] | None = None
    _call: Call | None = None
    _answer: Json = None
    _error: ClusterError | None = None
    _answered: bool = False
    _due: float = 0.0
    errors: list[str] = field(default_factory=list)

    @property
    def idle(self) -> bool:
        return self._steps is None

    def begin(self, steps: Steps | None = None) -> None:
        self._steps = steps = self.rounds() if steps is None else steps
        self._go(lambda: next(steps))

    def step(self) -> None:
        """What this thread would do now, if it is not frozen: begin a round, or take the answer that has come."""
        if self.frozen or self.stopped:
            return
        if self.idle:
            if self.clock() >= self._due:
                self.begin()
        elif self._answered:
            self.deliver()

    def deliver(self) -> None:
        steps, answer, error = self._steps, self._answer, self._error
        self._call, self._answer, self._error, self._answered = None, None, None, False
        assert steps is not None
        self._go(lambda: steps.throw(error) if error is not None else steps.send(answer))  # type: ignore[attr-defined]

    def _go(self, advance: Callable[[], Call]) -> None:
        try:
            self._call = advance()
        except StopIteration:
            self._rest()
        except ClusterError as error:
            self.errors.append(str(error))
            self._rest()

    def _rest(self) -> None:
        self._steps, self._due = None, self.clock() + self.pause()

    # What becomes of the call, which does not need the member to be awake.

    @property
    def calling(self) -> bool:
        return self._call is not None and not self._answered

    def arrive(self) -> None:
        """The server does it, and the answer waits to be read."""
        assert self._call is not None
        try:
            self._answer = self.world.server.perform(self._call)
        except ClusterError as error:
            self._error = error
        self._answered = True

    def fail(self, *, done: bool = False, later: bool = False) -> None:
        """No answer: never sent, done all the same, or still in the network and done some time later."""
        assert self._call is not None
        if done:
            self.arrive()
        elif later:
            self.world.stray.append(self._call)
        self._answer, self._error, self._answered = None, UnreachableError("no answer"), True


@dataclass(slots=True)
class World:
    now: float = 1000.0
    server: Server = field(default_factory=Server)
    stray: list[Call] = field(default_factory=list)
    """Calls whose callers have given up, and which arrive all the same."""

    def clock(self, rate: float, offset: float = 0.0) -> Clock:
        return Clock(rate, offset, self)

    def land(self, index: int) -> None:
        if self.stray:
            call = self.stray.pop(index % len(self.stray))
            try:
                self.server.perform(call)
            except ClusterError:
                return
