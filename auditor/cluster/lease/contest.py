"""Leader election without a clock or network of its own: which call is next, and who leads as long as what.

Why no two lead at one time:
- A record is only ever changed by an update that names its uid and version, so whoever changes it has seen its newest
  state, and nobody else has changed it in between.
- Who does not hold it takes over when the record was given back, or has not changed for the whole lease by the
  taker's own clock since it was first seen so. The clocks of two machines are never compared.
- Who holds it leads until (when the last successful renewal was asked for + renew deadline), which is shorter than
  the lease. A renewal that is answered later than that has come too late: the term has ended. So has that of a process
  which was frozen, before it does anything else.
- A lease that is not there tells nothing: somebody may have deleted it while its holder leads. Who creates it waits
  for the time that a lease lasts before it leads; who led when it was deleted creates it again and goes on.
  To spare a first installation that wait, ship the Lease as one that was given back (`holderIdentity: ""`,
  `leaseDurationSeconds: 1`).

Whoever stops leading, for whatever reason, leads again only in a new term, with a new token.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime

from auditor.cluster.lease.calls import Call, Create, Get, Steps, Update
from auditor.cluster.lease.clock import micro_time
from auditor.cluster.lease.durations import Durations
from auditor.cluster.lease.record import Record, held, new_lease, read, released
from auditor.errors import AlreadyExistsError, ConflictError, NotFoundError
from auditor.json import Json, JsonObject

SHORTEST_PAUSE = 0.05
"""Seconds. A lease that has run out but is not to be had (the server refuses, say) is not asked for without a pause."""


@dataclass(frozen=True, slots=True)
class Token:
    """One term of one leader. A later term has a higher version and, unless the Lease was deleted, more transitions.

    Versions of objects are numbers that grow through the whole cluster: who gets a write with a token lower than one
    that it has seen can refuse it.
    """

    version: int
    transitions: int
    holder: str


@dataclass(frozen=True, slots=True)
class Term:
    token: Token
    until: float
    """By the clock of who leads."""


@dataclass(slots=True)
class Contest:
    """One who competes for one lease. Not safe to use from many threads, but for reading `term`."""

    namespace: str
    name: str
    identity: str
    durations: Durations
    clock: Callable[[], float]
    wall: Callable[[], datetime]
    gained: Callable[[Token], None] = lambda _: None
    lost: Callable[[str], None] = lambda _: None
    term: Term | None = None
    leader: str = ""
    """Who holds the lease, as far as is known; it may be over."""
    _held: JsonObject | None = None
    """The lease as the server has it, while it is ours."""
    _ready_at: float = 0.0
    """Ours, but not to lead before this: we have created it."""
    _attempted: Record | None = None
    """A term of ours whose answer did not come: if the server has it, we were the next."""
    _seen: tuple[str, str] = ("", "")
    _seen_at: float = 0.0
    _patience: float = 0.0
    _transitions: int = 0

    def leading(self) -> Term | None:
        term = self.term
        return term if term is not None and self.clock() < term.until else None

    def expire(self) -> None:
        """To be called before anything else, as time has passed. It may have been long."""
        if self.term is not None and self.leading() is None:
            self.lose("it could not be renewed in time")

    def lose(self, reason: str) -> None:
        if self.term is not None:
            self.term = None
            self.lost(reason)

    def pause(self) -> float:
        """Seconds until the next round makes sense; a retry period at most."""
        if self.term is not None:
            return min(self.durations.retry, max(self.term.until - self.clock(), 0.0))
        if self._held is None and self._seen_at:
            return min(self.durations.retry, max(self._seen_at + self._patience - self.clock(), SHORTEST_PAUSE))
        return self.durations.retry

    def round(self) -> Steps:
        self.expire()
        if self._held is None:
            yield from self._compete()
        else:
            yield from self._renew(self._held)

    def release(self) -> Steps:
        """Gives it back, for the next to take at once. Only after `lose`, when nothing is being written any more."""
        if self._held is not None and self.clock() >= self._ready_at and self.term is None:
            lease, self._held = self._held, None
            yield Update(released(lease, now=self.wall()))

    def _compete(self) -> Steps:
        current = yield from self._look()
        if current is None:
            yield from self._create()
            return
        record = read(current)
        if self._attempted is not None and record.same_hold(self._attempted):
            self._hold(current, ready_at=0.0)
            yield from self._renew(current)
            return
        if record.released or self.clock() >= self._seen_at + self._patience:
            try:
                yield from self._begin(current)
            except (ConflictError, NotFoundError):
                self._attempted = None  # somebody was faster

    def _renew(self, lease: JsonObject) -> Steps:
        for _ in range(2):  # once more, with the version that somebody has made who edited something else
            try:
                if self.term is None and self.clock() >= self._ready_at:
                    yield from self._begin(lease)
                else:
                    yield from self._extend(lease)
                return
            except (ConflictError, NotFoundError):
                current = yield from self._look()
            if current is None:
                yield from self._create()
                return
            if not self._is_ours(lease, current):
                self._let_go(f"{read(current).holder or 'nobody'} holds it now")
                return
            # A lease that was deleted and that we created again without hearing of it has another uid.
            again = read(current).uid != read(lease).uid and self.leading() is None
            self._hold(current, ready_at=self._from_now() if again else self._ready_at)
            lease = current

    def _is_ours(self, lease: JsonObject, current: JsonObject) -> bool:
        record = read(current)
        return record.same_hold(read(lease)) or (self._attempted is not None and record.same_hold(self._attempted))

    def _begin(self, lease: JsonObject) -> Steps:
        """A new term: on a lease that is free, or on ours, which nobody has taken since our last term."""
        wanted = self._write(lease, transitions=max(read(lease).transitions, self._transitions) + 1)
        self._attempted = read(wanted)
        started = self.clock()
        self._hold((yield Update(wanted)), ready_at=0.0)
        until = started + self.durations.renew
        if self.clock() < until:
            record = read(wanted if self._held is None else self._held)
            self.term = Term(Token(_number(record.version), record.transitions, self.identity), until)
            self.gained(self.term.token)

    def _extend(self, lease: JsonObject) -> Steps:
        started = self.clock()
        record = read(lease)
        answer = yield Update(self._write(lease, acquired=record.acquired, transitions=record.transitions))
        self._confirm(answer, started, ready_at=self._ready_at)

    def _create(self) -> Steps:
        """There is no lease. Who leads goes on in a new one; who does not has to wait until nobody else does."""
        started = self.clock()
        last = None if self._held is None else read(self._held)
        wanted = self._write(
            new_lease(self.namespace, self.name),
            acquired="" if last is None else last.acquired,
            transitions=self._transitions if last is None else last.transitions,
        )
        try:
            answer = yield Create(wanted)
        except AlreadyExistsError:
            return  # the next round finds whose it is
        self._confirm(answer, started, ready_at=self._from_now())

    def _confirm(self, answer: JsonObject, started: float, *, ready_at: float) -> None:
        """Only what was confirmed while it lasted goes on."""
        self.expire()
        self._hold(answer, ready_at=0.0 if self.term is not None else ready_at)
        if self.term is not None:
            self.term = Term(self.term.token, started + self.durations.renew)

    def _look(self) -> Generator[Call, Json, JsonObject | None]:
        """The lease as it is, and since when it has been so."""
        try:
            current: JsonObject = yield Get(self.name)
        except NotFoundError:
            self._seen, self.leader = ("", ""), ""
            return None
        record = read(current)
        self.leader, self._patience = record.holder, record.patience(self.durations.lease)
        self._transitions = max(self._transitions, record.transitions)
        if self._seen != (record.uid, record.version):
            self._seen, self._seen_at = (record.uid, record.version), self.clock()
        return current

    def _write(self, lease: JsonObject, *, transitions: int, acquired: str = "") -> JsonObject:
        now = self.wall()
        return held(
            lease,
            holder=self.identity,
            seconds=self.durations.lease,
            now=now,
            acquired=acquired or micro_time(now),
            transitions=transitions,
        )

    def _hold(self, lease: JsonObject, *, ready_at: float) -> None:
        self._held, self._ready_at, self.leader = lease, ready_at, self.identity
        self._transitions = max(self._transitions, read(lease).transitions)

    def _let_go(self, reason: str) -> None:
        self.lose(reason)
        self._held = self._attempted = None

    def _from_now(self) -> float:
        return self.clock() + self.durations.lease


def _number(version: str) -> int:
    return int(version) if version.isascii() and version.isdigit() else 0
