"""Which of several watchers judges and writes for which kind: one leads, or they share the kinds among them.

A kind is named `plural.group` (`configmaps` in the core group), without a version: one that comes or goes moves
nothing. The protocols behind, and why no kind has two owners, are in `cluster/lease`.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from auditor.cluster.callback import FAULTS
from auditor.cluster.lease import Durations, Election, Leases, Permit, Sharding

log = logging.getLogger(__name__)

NAME: Final = "auditor-watch"
"""Of the Lease by which one leads, and of the group of those that share."""
DEFAULTS: Final = Durations()

Listener = Callable[[], None]


@dataclass(frozen=True, slots=True)
class TurfStatus:
    leading: bool
    """Whether anything may be ours now: it leads, or takes part in the sharing."""
    holder: str
    """Who leads as far as is known; of those that share, ourselves. Empty: nobody."""
    members: tuple[str, ...]
    """The names of the Leases of those that share; empty where they do not, or where we take no part."""
    error: str
    """Why the last round of the lease failed; empty if it did not."""


class Turf(Protocol):
    """Safe to use from many threads. Begins once and ends once; before and after nothing is owned.

    Whether a kind is ours may change by time alone, without a word to anybody (the process was frozen, the API server
    is away): `owns` and permits look at the clock. So `owns` is for what to begin; each write is made under a guard.
    """

    def owns(self, kind_name: str) -> bool: ...

    def guard(self, kind_name: str) -> AbstractContextManager[Permit]:
        """For writes on behalf of a kind: `permit.left()` right before each request bounds it. Entering it raises
        LeaseLostError where the kind is not ours; its next owner waits until we have left."""

    def subscribe(self, changed: Listener) -> None:
        """To be called before `start`. `changed` is called when what we own may have changed, in the thread of the
        lease or in that of `start` and `stop`; it must be quick, as renewals wait for it."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """Owns nothing from now on. The others hear of it at once if that can be done within a second."""

    @property
    def status(self) -> TurfStatus: ...


class _Listeners:
    def __init__(self) -> None:
        self._all: list[Listener] = []

    def add(self, changed: Listener) -> None:
        self._all.append(changed)

    def tell(self, *_: object) -> None:
        for each in self._all:
            try:
                each()
            except FAULTS:
                log.exception("turf: a callback failed")


class Leading:
    """One watcher leads and owns every kind; the others look on, and one of them takes over when it ends."""

    def __init__(
        self, leases: Leases, name: str = NAME, *, identity: str = "", durations: Durations = DEFAULTS
    ) -> None:
        self._listeners = _Listeners()
        tell = self._listeners.tell
        self._election = Election(leases, name, identity=identity, durations=durations, gained=tell, lost=tell)

    def owns(self, kind_name: str) -> bool:
        return self._election.leading

    def guard(self, kind_name: str) -> AbstractContextManager[Permit]:
        return self._election.guard()

    def subscribe(self, changed: Listener) -> None:
        self._listeners.add(changed)

    def start(self) -> None:
        self._election.start()

    def stop(self) -> None:
        self._election.stop()

    @property
    def status(self) -> TurfStatus:
        status = self._election.status
        return TurfStatus(status.leading, status.leader, (), status.error)


class Shared:
    """Each kind has one owner among the watchers that run. One that comes takes part after the time of a lease."""

    def __init__(
        self, leases: Leases, group: str = NAME, *, identity: str = "", durations: Durations = DEFAULTS
    ) -> None:
        self._listeners = _Listeners()
        tell = self._listeners.tell
        self._sharding = Sharding(leases, group, identity=identity, durations=durations, changed=tell)

    def owns(self, kind_name: str) -> bool:
        return self._sharding.owns(kind_name)

    def guard(self, kind_name: str) -> AbstractContextManager[Permit]:
        return self._sharding.guard(kind_name)

    def subscribe(self, changed: Listener) -> None:
        self._listeners.add(changed)

    def start(self) -> None:
        self._sharding.start()

    def stop(self) -> None:
        self._sharding.stop()

    @property
    def status(self) -> TurfStatus:
        status = self._sharding.status
        return TurfStatus(bool(status.members), status.member if status.members else "", status.members, status.error)
