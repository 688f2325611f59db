"""The objects that are kept right, one by one: how each of them stands, and what is remembered of it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from auditor.json import JsonObject
from auditor.webhooks.registration.meters import RegistrationMeters
from auditor.webhooks.registration.rivalry import Rivalry

log = logging.getLogger(__name__)


class State(StrEnum):
    IN_FORCE = "in force"
    CONTESTED = "contested"
    """Somebody changes it back again and again: it may be right or wrong at this moment."""
    PENDING = "pending"
    FAILED = "failed"
    """It could not be read or written, or not in whole; it is tried again."""
    LEFT = "left"
    """Not as it was asked for, on purpose: the message says why."""
    UNINSTALLED = "uninstalled"


@dataclass(frozen=True, slots=True)
class Target:
    """One object that we keep right. `name` is a CRD's, or the kind of a configuration."""

    name: str
    state: State = State.PENDING
    message: str = ""
    faults: tuple[str, ...] = ()
    """Webhooks that the API server refuses, with its reasons."""
    writes: int = 0


@dataclass(slots=True)
class Memory:
    target: Target
    rivalry: Rivalry
    digest: str = ""
    """Of what we wanted when we last saw it in force: what differs afterwards, without a change of this, is drift."""
    accepted: JsonObject | None = None
    """What the API server took of that."""
    policies: frozenset[str] = frozenset()
    """Of a configuration: those that it calls us for, when we last looked."""
    lacking: frozenset[str] = frozenset()
    """Those that it should call us for, and does not."""


class Memories:
    """Of all objects, by their names. Threads may wait for how they stand."""

    def __init__(self, meters: RegistrationMeters) -> None:
        self._meters = meters
        self._memories: dict[str, Memory] = {}
        self._changed = threading.Condition()

    def of(self, name: str) -> Memory:
        with self._changed:
            return self._memories.setdefault(name, Memory(Target(name), Rivalry(time.monotonic)))

    def names(self) -> set[str]:
        with self._changed:
            return set(self._memories)

    def targets(self) -> dict[str, Target]:
        with self._changed:
            return {name: memory.target for name, memory in sorted(self._memories.items())}

    def registered(self) -> frozenset[str]:
        """The policies that API servers call us for, on each side on which they have something to say."""
        with self._changed:
            memories = list(self._memories.values())
            lacking = frozenset(name for memory in memories for name in memory.lacking)
            return frozenset(name for memory in memories for name in memory.policies) - lacking

    def wait(self, fits: Callable[[dict[str, Target]], bool], timeout: float) -> bool:
        """Until they stand as they should; False after the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: fits(self.targets()), timeout)

    def note_policies(self, memory: Memory, policies: frozenset[str], *, lacking: frozenset[str]) -> None:
        with self._changed:
            memory.policies, memory.lacking = policies, lacking

    def note(self, memory: Memory, state: State, message: str, faults: tuple[str, ...] = ()) -> None:
        old = memory.target
        if state is not old.state and state not in (State.IN_FORCE, State.PENDING):
            log.warning("%s: %s: %s", old.name, state, message)
        elif faults != old.faults and faults:
            log.warning("%s: the API server refuses %s", old.name, "; ".join(faults))
        with self._changed:
            memory.target = replace(old, state=state, message=message, faults=faults)
            self._changed.notify_all()
        self._meters.stands(old.name, in_force=state is State.IN_FORCE, contested=state is State.CONTESTED)

    def forget(self, name: str) -> None:
        with self._changed:
            self._memories.pop(name, None)
            self._changed.notify_all()
        self._meters.forget(name)
