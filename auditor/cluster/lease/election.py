"""Leader election over one Lease, for a process: who leads may write, all others wait."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from auditor.cluster import metrics
from auditor.cluster.callback import FAULTS
from auditor.cluster.lease.calls import Leases, Steps
from auditor.cluster.lease.clock import make_identity, since_boot, wall
from auditor.cluster.lease.contest import Contest, Token
from auditor.cluster.lease.durations import Durations
from auditor.cluster.lease.loop import LAST_CALL, Loop, up_to_a_fifth_more
from auditor.cluster.lease.permits import Permit, Permits
from auditor.cluster.lease.record import LONGEST_NAME, check_name
from auditor.errors import LeaseLostError

log = logging.getLogger(__name__)

DEFAULTS = Durations()


@dataclass(frozen=True, slots=True)
class ElectionStatus:
    leading: bool
    leader: str
    """Who holds the lease as far as is known."""
    token: Token | None
    error: str
    """Why the last round failed; empty if it did not."""


class Election:
    """`gained` and `lost` are called in the election's thread and must be quick: renewals wait for them.

    In steady state the leader makes one update each retry period, everybody else one get. Writes go through `guard`:

        with election.guard() as permit:
            client.update(resource, obj, options=WriteOptions(timeout=permit.left()))

    `left` is asked right before each request and bounds it, so that no write begins after the term, and none is waited
    for beyond it. What remains: a request that left in time may be carried out late. It has (lease - renew deadline)
    for that, 5 s by default, before anybody else leads; beyond that only an update that names the resourceVersion
    which it has read is safe, since it fails once the next leader has written. The same goes for a process that is
    frozen in the microseconds between `left` and the system call that sends the request.
    """

    def __init__(
        self,
        leases: Leases,
        name: str,
        *,
        identity: str = "",
        durations: Durations = DEFAULTS,
        gained: Callable[[Token], None] = lambda _: None,
        lost: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = since_boot,
        wall: Callable[[], datetime] = wall,
    ) -> None:
        check_name("the lease of an election", name, longest=LONGEST_NAME)
        self.name, self.identity = name, identity or make_identity()
        self._durations, self._clock = durations, clock
        self._gained, self._lost = gained, lost
        self._permits = Permits()
        self._contest = Contest(
            namespace=leases.namespace,
            name=name,
            identity=self.identity,
            durations=durations,
            clock=clock,
            wall=wall,
            gained=self._tell_gained,
            lost=self._tell_lost,
        )
        self._loop = Loop(
            leases,
            title=f"election {leases.namespace}/{name}",
            rounds=self._contest.round,
            pause=self._pause,
            limit=self._limit,
            farewell=self._farewell,
        )

    def start(self) -> None:
        metrics.LEADING.labels(self.name).set_function(lambda: float(self.leading))
        self._loop.start()

    def stop(self) -> None:
        """From now on nothing more may be written. The lease is given back if that can be done within a second."""
        ended = self._loop.stop()
        metrics.LEADING.labels(self.name).set_function(lambda: 0.0)  # and nothing of this one is kept
        if not ended:
            log.warning("election %s: stopped while a call to the API server hangs; the lease will run out", self.name)

    @property
    def leading(self) -> bool:
        return not self._loop.stopping and self._contest.leading() is not None

    @property
    def status(self) -> ElectionStatus:
        term = None if self._loop.stopping else self._contest.leading()
        token = None if term is None else term.token
        return ElectionStatus(term is not None, self._contest.leader, token, self._loop.error)

    def check(self) -> Token:
        """The token of the term that lasts now; LeaseLostError if there is none."""
        return self._check(None)[0]

    def left(self) -> float:
        """Seconds that this term lasts if it is not renewed; LeaseLostError if there is none."""
        return self._check(None)[1]

    @contextlib.contextmanager
    def guard(self) -> Iterator[Permit]:
        """For one write, or some that belong together: all of one term. The lease is not given back under them."""
        self._permits.take("")
        try:
            token = self.check()
            yield Permit(lambda: self._check(token)[1], token)
        finally:
            self._permits.give_back("")

    def _check(self, expected: Token | None) -> tuple[Token, float]:
        term = self._contest.term
        left = 0.0 if term is None else term.until - self._clock()
        if term is None or left <= 0 or self._loop.stopping or (expected is not None and term.token != expected):
            raise LeaseLostError(
                f"{self.identity} does not lead by the lease {self.name}"
                f"{' any more' if expected else ''}: nothing may be written. "
                f"The last leader known is {self._contest.leader or 'nobody'}"
            )
        return term.token, left

    def _pause(self) -> float:
        pause = self._contest.pause()
        return pause if self._contest.leading() else up_to_a_fifth_more(pause)

    def _limit(self) -> float:
        """No call of a leader outlives its term, so that it hears of the end in time."""
        term = self._contest.leading()
        limit = self._durations.call
        return limit if term is None else min(limit, max(term.until - self._clock(), 0.001))

    def _farewell(self) -> Steps:
        self._contest.lose("it was stopped")
        if self._permits.wait_until_none(LAST_CALL):
            yield from self._contest.release()

    def _tell_gained(self, token: Token) -> None:
        log.info("election %s: %s leads now, %s", self.name, self.identity, token)
        self._tell(lambda: self._gained(token))

    def _tell_lost(self, reason: str) -> None:
        level = logging.INFO if self._loop.stopping else logging.WARNING
        log.log(level, "election %s: %s does not lead any more: %s", self.name, self.identity, reason)
        self._tell(lambda: self._lost(reason))

    def _tell(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except FAULTS:
            log.exception("election %s: a callback failed", self.name)
