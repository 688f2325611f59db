"""Sharding without a clock or network of its own: who takes part, and which keys are whose at any moment.

Each member has a Lease of its own and renews it each round, and with it publishes its **view**: the members that it
reckons with. A member *claims* the keys that fall to it in the view that it has published. The rules:
1. It owns a key only after its claim was published, and a list taken after that showed that nobody else claims the key.
2. Before it publishes a view in which a key does not fall to it, it has stopped to own the key, and every write under
   a permit for that key has ended. So its published claim is the acknowledgement that the next owner waits for.
3. It owns anything only until (begin of its last complete round + renew deadline). A round is complete when renewal and
   list were both answered by the end of the last one's trust. If one is not, the member owns nothing, and joins anew.
4. The claim of another one is void when its lease has not changed for the whole lease by the observer's own clock. A
   lease that has gone before that may have claimed anything, and is reckoned with so for the time that a lease lasts.
   Who leaves publishes an empty view, which claims nothing.
5. Who joins publishes an empty view, and renews for the time that a lease lasts before it takes part. By then whoever
   it could not see, because somebody had deleted that lease, has stopped to own anything.

Why no two own a key: say M and N both do. Each has published its claim and then listed. The API server puts all four
in one order, and one of the two publications was later, say M's. M's list is later still, so it showed N's claim,
and N holds that claim up as long as it owns the key (rule 2). So for M it was void (rule 4), which means that N's
trust had run out, since the lease is longer than the trust (rule 3); N owns nothing without publishing anew.

Why each key gets an owner: when nobody comes or goes, all members see the same leases and so publish the same view, in
which each key falls to one; all other claims are void, or gone, after the time of one lease.
"""

import contextlib
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime

from auditor.cluster.access import dig
from auditor.cluster.lease.calls import Call, Create, Delete, Get, List, Steps, Update
from auditor.cluster.lease.clock import micro_time
from auditor.cluster.lease.durations import Durations
from auditor.cluster.lease.ownership import NOTHING, Ownership, View, make_ownership
from auditor.cluster.lease.record import Record, annotated, held, new_lease, read, released
from auditor.errors import AlreadyExistsError, ConflictError, NotFoundError
from auditor.json import Json, JsonObject

GROUP = "auditor.dev/shard-group"
"""The label by which the members of one group find each other."""
VIEW = "auditor.dev/shard-view"
"""The annotation with the names of the leases of those that a member reckons with."""


@dataclass(slots=True)
class Peer:
    """Another member as it was last seen."""

    record: Record
    view: View | None
    since: float
    """It has been so since then, by our clock."""
    listed: float
    """When the last list that showed it like this was asked for."""
    gone: bool = False

    def void(self, listed: float, lease: int) -> bool:
        """Whether it had certainly stopped when the list that showed it like this was asked for."""
        return listed >= self.since + self.record.patience(lease)


@dataclass(slots=True)
class Membership:
    """One member of one group. Not safe to use from many threads, but for reading `ownership` and `until`."""

    namespace: str
    group: str
    identity: str
    durations: Durations
    clock: Callable[[], float]
    wall: Callable[[], datetime]
    in_use: Callable[[], list[str]]
    """The keys of permits that have not ended."""
    changed: Callable[[Ownership, Ownership], None] = lambda _before, _after: None
    name: str = ""
    """Of our lease; never used again once that is gone."""
    ownership: Ownership = NOTHING
    until: float = 0.0
    """How long we trust in our lease; 0 before the first complete round."""
    _lease: JsonObject | None = None
    _joined_at: float = 0.0
    _published: View = ()
    _wanted: View = ()
    _peers: dict[str, Peer] = field(default_factory=dict)

    def trusted(self) -> bool:
        return self.clock() < self.until

    @property
    def members(self) -> View:
        return self._wanted

    @property
    def unsettled(self) -> bool:
        """A view is to be published as soon as may be."""
        return self._wanted != self._published

    def leave(self) -> None:
        """Owns nothing from now on. Also what happens to a member that could not renew in time."""
        self.until, self._published, self._wanted = 0.0, (), ()
        self._own(NOTHING)

    def round(self) -> Steps:
        if self.until and not self.trusted():
            self.leave()
        first = not self.until
        view = self._next_view()
        if view is None:
            return
        started = self.clock()
        if self._lease is None:
            yield from self._join()
        else:
            yield from self._publish(self._lease, view)
        if self._lease is None:
            return
        listed = self.clock()
        leases = yield List(f"{GROUP}={self.group}")
        now = self.clock()
        if now >= (started + self.durations.renew if first else self.until):
            return  # too late: the next round joins anew
        if first:
            self._joined_at = now
        self.until, self._published = started + self.durations.renew, view
        self._look([lease for lease in leases if read(lease).name != self.name], listed)
        claims = [(n, p.view) for n, p in self._peers.items() if not p.void(listed, self.durations.lease)]
        self._wanted = self._view(listed)
        self._own(make_ownership(self.name, view, claims).narrowed(self._wanted))
        yield from self._sweep(listed)

    def release(self) -> Steps:
        """After `leave`, and when nothing is being written any more: the others need not wait for the lease to end."""
        if self._lease is not None:
            lease, self._lease = self._lease, None
            yield Update(annotated(released(lease, now=self.wall()), {VIEW: ""}))

    def _next_view(self) -> View | None:
        """The view to publish now; None while we may not say that we have stopped, as a write is still under way.

        We stopped to own what falls to others in it when we came to want it; so a permit that was taken before that
        is found here, and all later ones were refused.
        """
        busy = self.in_use()
        if not self.until:
            return None if busy else ()
        return self._published if any(not self.ownership.owns(key) for key in busy) else self._wanted

    def _join(self) -> Steps:
        self.name = f"{self.group}-{secrets.token_hex(5)}"
        lease = new_lease(self.namespace, self.name, labels={GROUP: self.group})
        # None if somebody has that name: the next round takes another one.
        try:
            self._lease = yield Create(self._write(lease, (), joined=micro_time(self.wall())))
        except AlreadyExistsError:
            self._lease = None

    def _publish(self, lease: JsonObject, view: View) -> Steps:
        for _ in range(2):  # once more, with the version that somebody has made who edited something else
            try:
                self._lease = yield Update(self._write(lease, view, joined=read(lease).acquired))
                return
            except (ConflictError, NotFoundError):
                current = yield from self._find(read(lease))
            if current is None:
                self._lease = None
                self.leave()
                return
            lease = self._lease = current
        raise ConflictError(f"renew the lease {self.name}", code=409, message="it is being edited again and again")

    def _find(self, record: Record) -> Generator[Call, Json, JsonObject | None]:
        try:
            found: JsonObject = yield Get(record.name)
        except NotFoundError:
            return None
        return found if read(found).uid == record.uid else None

    def _write(self, lease: JsonObject, view: View, *, joined: str) -> JsonObject:
        wanted = held(
            lease,
            holder=self.identity,
            seconds=self.durations.lease,
            now=self.wall(),
            acquired=joined,
            transitions=0,
        )
        return annotated(wanted, {VIEW: ",".join(view)})

    def _look(self, leases: list[JsonObject], listed: float) -> None:
        present = {read(lease).name: lease for lease in leases}
        for name, lease in present.items():
            record, peer = read(lease), self._peers.get(name)
            if peer is None or peer.gone or (peer.record.uid, peer.record.version) != (record.uid, record.version):
                self._peers[name] = Peer(record, _view_of(lease), since=self.clock(), listed=listed)
            else:
                peer.listed = listed
        for name in self._peers.keys() - present.keys():
            peer = self._peers[name]
            # Of one that has just gone, what counts is how it was when it was there for the last time.
            if peer.void(listed if peer.gone else peer.listed, self.durations.lease):
                del self._peers[name]
            elif not peer.gone:
                self._peers[name] = Peer(peer.record, None, since=self.clock(), listed=listed, gone=True)

    def _view(self, listed: float) -> View:
        """Who takes part: those that say so and whose leases last, and we, after our time of joining."""
        lease = self.durations.lease
        if self.clock() < self._joined_at + lease:
            return ()
        others = (n for n, p in self._peers.items() if p.view and not p.gone and not p.void(listed, lease))
        return tuple(sorted([*others, self.name]))

    def _own(self, after: Ownership) -> None:
        before, self.ownership = self.ownership, after
        if before != after:
            self.changed(before, after)

    def _sweep(self, listed: float) -> Steps:
        """The first of the members deletes a lease that ended long ago, when everybody has seen that it had."""
        if not self._wanted or self._wanted[0] != self.name:
            return
        for name, peer in self._peers.items():
            if not peer.gone and listed >= peer.since + 2 * peer.record.patience(self.durations.lease):
                with contextlib.suppress(ConflictError, NotFoundError):  # it has changed, or somebody was faster
                    yield Delete(name, peer.record.uid, peer.record.version)
                return


def _view_of(lease: JsonObject) -> View | None:
    """None for what no member of ours has written."""
    text = dig(lease, "metadata", "annotations", VIEW)
    return tuple(filter(None, text.split(","))) if isinstance(text, str) else None
