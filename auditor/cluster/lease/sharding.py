"""A share of a set of keys for this process, which changes as members come and go."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from auditor.cluster.callback import FAULTS
from auditor.cluster.lease.calls import Leases, Steps
from auditor.cluster.lease.clock import make_identity, since_boot, wall
from auditor.cluster.lease.durations import Durations
from auditor.cluster.lease.loop import LAST_CALL, Loop, up_to_a_fifth_more
from auditor.cluster.lease.membership import Membership
from auditor.cluster.lease.ownership import NOTHING, Ownership
from auditor.cluster.lease.permits import Permit, Permits
from auditor.cluster.lease.record import LONGEST_LABEL, check_name
from auditor.errors import LeaseLostError

log = logging.getLogger(__name__)

DEFAULTS = Durations()


@dataclass(frozen=True, slots=True)
class ShardingStatus:
    member: str
    """The name of our lease."""
    members: tuple[str, ...]
    """Those that we reckon with; empty while we own nothing."""
    error: str
    """Why the last round failed; empty if it did not."""


class Sharding:
    """`membership` has the protocol, and why it is safe. Each round is two calls: one update, one list.

    `changed(before, after)` is called in the sharding's thread and must be quick; `ownership.moved` tells which of the
    caller's keys came and went. It is not called when time alone ends everything (the process was frozen, the server
    is away) before the next round notices: `owns` and permits look at the clock.

    A member that comes takes part after the time of one lease. One that goes gives its keys up at once if it is
    stopped, and loses them after the time of one lease if it is killed. A handover takes about two retry periods.
    """

    def __init__(
        self,
        leases: Leases,
        group: str,
        *,
        identity: str = "",
        durations: Durations = DEFAULTS,
        changed: Callable[[Ownership, Ownership], None] = lambda _before, _after: None,
        clock: Callable[[], float] = since_boot,
        wall: Callable[[], datetime] = wall,
    ) -> None:
        check_name("the group of a sharding", group, longest=LONGEST_LABEL)
        self.group, self.identity = group, identity or make_identity()
        self._clock, self._changed = clock, changed
        self._durations = durations
        self._permits = Permits(self._returned)
        self._membership = Membership(
            namespace=leases.namespace,
            group=group,
            identity=self.identity,
            durations=durations,
            clock=clock,
            wall=wall,
            in_use=self._permits.in_use,
            changed=self._tell,
        )
        self._loop = Loop(
            leases,
            title=f"sharding {leases.namespace}/{group}",
            rounds=self._membership.round,
            pause=self._pause,
            limit=lambda: durations.call,
            farewell=self._farewell,
        )

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        """Owns nothing from now on. The others hear of it at once if that can be done within a second."""
        if not self._loop.stop():
            log.warning("sharding %s: stopped while a call to the API server hangs; the lease will run out", self.group)

    @property
    def status(self) -> ShardingStatus:
        members = self._membership.members if self._lasts else ()
        return ShardingStatus(self._membership.name, members, self._loop.error)

    @property
    def ownership(self) -> Ownership:
        """As of now. It does not change by itself: for one decision about many keys."""
        return self._membership.ownership if self._lasts else NOTHING

    def owns(self, key: str) -> bool:
        return self.ownership.owns(key)

    @contextlib.contextmanager
    def guard(self, key: str) -> Iterator[Permit]:
        """For writes on behalf of one key; its next owner waits until they have ended. See `Election.guard`."""
        self._permits.take(key)
        try:
            if not self.owns(key):
                raise self._refusal(key)
            yield Permit(lambda: self._left(key))
        finally:
            self._permits.give_back(key)

    @property
    def _lasts(self) -> bool:
        return not self._loop.stopping and self._membership.trusted()

    def _left(self, key: str) -> float:
        """A permit holds although its key is to go to somebody else: that one waits, as do we to join anew."""
        left = self._membership.until - self._clock()
        if left <= 0 or self._loop.stopping:
            raise self._refusal(key)
        return left

    def _refusal(self, key: str) -> LeaseLostError:
        return LeaseLostError(f"{self.identity} does not own {key} in the group {self.group}: nothing may be written")

    def _pause(self) -> float:
        """A new view is published at once, unless a write under an old one has to end first."""
        if self._membership.unsettled and not self._permits.in_use() and not self._loop.error:
            return 0.0
        return up_to_a_fifth_more(self._durations.retry)

    def _returned(self) -> None:
        if self._membership.unsettled:
            self._loop.wake()

    def _farewell(self) -> Steps:
        self._membership.leave()
        if self._permits.wait_until_none(LAST_CALL):
            yield from self._membership.release()

    def _tell(self, before: Ownership, after: Ownership) -> None:
        log.info("sharding %s: %s reckons with %s", self.group, self._membership.name, after.views or "nobody")
        try:
            self._changed(before, after)
        except FAULTS:
            log.exception("sharding %s: a callback failed", self.group)
