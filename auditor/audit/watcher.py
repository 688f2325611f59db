"""The watcher: which kinds are followed, by what their objects are judged, and what of them is judged again, and when.

Watches judge what they bring, in their own threads. All else is decided by one thread, the steering: it hears of
changes, and looks around a few times a second for what time alone has changed.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from auditor.audit.follower import Follower
from auditor.audit.inforce import Around, InForce
from auditor.audit.kinds import Chosen, choose
from auditor.audit.ledger import Diff, widen
from auditor.audit.namespaces import WITH_MANAGERS, find_askers
from auditor.audit.owners import Owners
from auditor.audit.readers import Readers, find_indexes
from auditor.audit.rechecks import Rechecks
from auditor.audit.rejudge import Rejudger
from auditor.audit.rounds import RESYNC, Rounds
from auditor.audit.setting import ON_POLICIES, Consequence, Setting, compare
from auditor.audit.turf import Turf
from auditor.cluster import Client, Resource
from auditor.cluster.discovery import Discovery, KindChange
from auditor.cluster.informer import Informer, Notice
from auditor.cluster.resource import NAMESPACES
from auditor.errors import ClusterError
from auditor.intake.kinds import POLICIES
from auditor.intake.live.live import Live
from auditor.intake.live.view import View
from auditor.model.resource import name_kind

log = logging.getLogger(__name__)

TICK: Final = 0.2
"""Seconds between two looks at what time changes."""
RETRY: Final = 5.0
"""Seconds after which kinds that could not be found are looked for again; when a CRD comes, at once."""
NEVER: Final = 3600.0
LAST: Final = 2.0
"""Seconds that what is under way gets at the end: objects are judged in milliseconds, and a call is not worth more."""


class Outlet(Protocol):
    """What becomes of what is found. Called under locks, by watches: has to be quick."""

    def tell(self, follower: Follower, diff: Diff, *, initial: bool) -> None: ...

    def passed(self, follower: Follower) -> None:
        """All objects of the kind have been judged: what is known of others is out of date."""

    def gone(self, follower: Follower) -> None:
        """There is no such kind any more."""

    def lost(self, follower: Follower) -> None:
        """It is the turf of somebody else now, who knows what is to be known of it."""

    @property
    def moved(self) -> Callable[[], None]:
        """To be told that coverage may be another."""

    @property
    def noted(self) -> Callable[[Resource, str], None]:
        """To be told of each of our own objects that changes, by kind and key."""

    @property
    def arranged(self) -> Callable[[View], None]:
        """To be told of each view that is in force from now on."""


class Watcher:
    def __init__(
        self,
        client: Client,
        *,
        turf: Turf,
        outlet: Outlet,
        own_namespace: str,
        pardons: Callable[[str, str, str], Sequence[datetime]] = lambda _group, _kind, _key: (),
        resync: timedelta = RESYNC,
    ) -> None:
        self.turf, self.outlet = turf, outlet
        self._client, self._own_namespace, self._pardons = client, own_namespace, pardons
        self.live = Live(client, self._publish, noted=self._note, native=True)
        self._discovery = Discovery(client)
        self._changed = threading.Condition()
        self._due = False
        """Something has changed by which it is decided what is followed, and how."""
        self._stopping = False
        self._view: View | None = None
        self._since: Mapping[tuple[str, str], datetime] = {}
        self._since_due = True
        self.followers: dict[str, Follower] = {}
        """Replaced as a whole, by the steering alone."""
        self._by_kind: Mapping[tuple[str, str], Follower] = {}
        """The same by group and name of the kind."""
        self._failing = False
        """Some kind could not be followed as it should, by a defect."""
        self.left: Sequence[Chosen] = ()
        """Kinds that are there, or that policies name, and are not followed."""
        self.chosen: Mapping[str, Chosen] = {}
        self.evaluations: Counter[tuple[str, str]] = Counter()
        """Rules that were asked, by kind and the reason for it."""
        self.judged: Counter[tuple[str, str]] = Counter()
        """Objects, in the same way."""
        self.rejudger = Rejudger(
            client,
            lambda name: self.followers.get(name),
            ready=lambda follower: self._readers.knows(follower),
            passed=self._pass,
        )
        self._rechecks = Rechecks(self.rejudger.ask)
        self._rounds = Rounds(resync, self.rejudger.ask)
        self._readers = Readers(self.live, self._discovery, followers=lambda: self.followers, ask=self.rejudger.ask)
        self.owners = Owners(lambda group, kind: self._by_kind.get((group, kind)))
        self._namespaces: Informer | None = None
        self._retry_at = self._unsure_until = 0.0
        """Discovery may show a kind for a moment that is gone, or not yet one that has come."""
        self._thread = threading.Thread(target=self._steer, name="steering", daemon=True)

    # -- its life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.turf.subscribe(self._wake)
        self.live.kinds.subscribe(self._hear_kind)
        self.live.start()
        self._namespaces = self.live.informers.open(NAMESPACES, keep=WITH_MANAGERS, handler=self._hear_namespace)
        self.rejudger.start()
        self._thread.start()

    def stop_judging(self) -> bool:
        """What is being judged is finished, and nothing more is begun. False if that took too long, as where a call to
        the API server hangs."""
        with self._changed:
            patience = 0.0 if self._stopping else LAST  # who asks again has waited already
            self._stopping = True
            self._changed.notify_all()
        done = self.rejudger.stop(patience)
        if self._thread.ident is not None:
            self._thread.join(patience)
        for follower in self.followers.values():
            follower.close()
        return done and not self._thread.is_alive()

    def stop(self) -> bool:
        return self.stop_judging() and self.live.stop()

    def unready(self) -> str:
        """Why judging has not begun, as a sentence; empty: it has. What cannot be read later the coverage tells."""
        return "" if self._view is not None else self._unknown() or "the policies are being compiled"

    def _unknown(self) -> str:
        """What is read for the first time, so that rules would get errors for what is known in a moment. A kind that
        they look up and that cannot be read is none of that: nobody waits for it."""
        if self.live.view is None:
            return self.live.unready()
        if self._namespaces is None or not self._namespaces.synced:
            return "not read yet: namespaces"
        pending = sorted(self.live.objects.pending)
        named = ", ".join(name_kind(*each) for each in pending)
        return f"objects that policies look up are not read yet: {named}" if named else ""

    @property
    def view(self) -> View | None:
        return self._view

    # -- hearing, in the threads of others -----------------------------------------------------------------------------

    def _wake(self) -> None:
        with self._changed:
            self._due = True
            self._changed.notify_all()

    def _publish(self, _: View) -> None:
        self._wake()

    def _hear_kind(self, _: KindChange) -> None:
        """The builder of the view hears of it, too; but some changes make no other view."""
        self._discovery.invalidate()
        self._unsure_until = time.monotonic() + RETRY
        self._wake()

    def _note(self, resource: Resource, key: str) -> None:
        if resource == POLICIES:
            self._since_due = True
        self.outlet.noted(resource, key)

    def _hear_namespace(self, notice: Notice) -> None:
        """At the start nobody follows anything yet."""
        asks = find_askers(notice)
        if asks is None:
            return
        for name, follower in list(self.followers.items()):
            if follower.setting.namespaced:
                asking = frozenset(key for key, each in follower.setting.policies.items() if asks(each))
                if asking:
                    self.rejudger.ask(name, "namespace", asking, namespaces=[notice.key])

    # -- the audience of the followers ---------------------------------------------------------------------------------

    def tell(self, follower: Follower, diff: Diff, *, initial: bool) -> None:
        if self.turf.owns(follower.name):
            self.outlet.tell(follower, diff, initial=initial)
        else:  # the process was frozen, or the API server is away: by now it may be somebody else's
            follower.lapsed = True

    def recheck(self, follower: Follower, key: str, at: datetime | None, *, part: bool = False) -> None:
        self._rechecks.note(follower.name, key, at, part=part)

    def count(self, follower: Follower, reason: str, evaluations: int) -> None:
        self.judged[follower.name, reason] += 1
        self.evaluations[follower.name, reason] += evaluations

    def _pass(self, follower: Follower) -> None:
        """Of one that is not known whole, or not ours any more, nobody is to think that the rest is over."""
        if follower.settled and not follower.closed and self.turf.owns(follower.name):
            self.outlet.passed(follower)

    # -- steering ------------------------------------------------------------------------------------------------------

    def _steer(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due or self._stopping, TICK)
                if self._stopping:
                    return
                due, self._due = self._due or time.monotonic() > self._retry_at, False
            try:
                self._look_around(due=due)
            except Exception as error:
                if not isinstance(error, ClusterError):
                    log.exception("the steering failed, and goes on: a defect of auditor")
                else:
                    log.warning("the kinds could not be looked at, and are again in a moment: %s", error)
                with self._changed:
                    self._due = True
                    self._changed.wait_for(lambda: self._stopping, 1.0)

    def _look_around(self, *, due: bool) -> None:
        view = self.live.view
        if view is None or (self._view is None and self._unknown()):
            return
        if self._since_due:
            self._since_due = False
            self._take_since()
        if due or view is not self._view or self._moved():
            self._arrange(view)
        moved = False
        for follower in self.followers.values():
            if follower.settle():
                moved = True
                self._rounds.note(follower.name)
                self._pass(follower)
        self._readers.settle()
        self._rechecks.ask_due(datetime.now(UTC))
        self._rounds.ask_due()
        if moved:
            self.outlet.moved()

    def _moved(self) -> bool:
        """By time alone nobody is told."""
        owns, followed = self.turf.owns, self.followers
        if any(each.lapsed or not owns(name) for name, each in followed.items()):
            return True
        left = (name for name, each in self.chosen.items() if each.resource is not None and name not in followed)
        return any(owns(name) for name in left)

    def _arrange(self, view: View) -> None:
        policies = view.compiled()
        chosen, left = choose(view.kinds, policies, view.settings, self._discovery)
        missing = self._readers.follow(view)
        doubtful = [*left, *(each for each in chosen.values() if each.resource is None)]
        in_force = InForce(
            view,
            Around(
                own_namespace=self._own_namespace,
                objects=self.live.objects,
                namespace=self.live.namespaces.get,
                enforced_since=lambda: self._since,
                pardons=self._pardons,
                owners=self.owners.exists,
            ),
        )
        different = view is not self._view
        self.chosen, self.left, self._view = chosen, left, view
        self._failing = False
        for name, follower in list(self.followers.items()):
            if follower.lapsed or not self.turf.owns(name):
                self._end(follower, gone=False)
            elif name not in chosen:
                self._end(follower, gone=True)
        for name, each in sorted(chosen.items()):
            if self._stopping:
                return
            # One that cannot be read now and was followed goes on: its watch tells when it can be again.
            if each.resource is not None and self.turf.owns(name):
                self._follow(each, each.resource, in_force)
        unsure = time.monotonic() < self._unsure_until or any(each.crd is None for each in doubtful)
        self._retry_at = time.monotonic() + (RETRY if unsure or missing or self._failing else NEVER)
        if different:
            self.outlet.arranged(view)
        self.outlet.moved()

    def _follow(self, chosen: Chosen, resource: Resource, in_force: InForce) -> None:
        """A kind on which we fail does not keep the others from being followed."""
        name = chosen.name
        try:
            setting = in_force.make(chosen, resource)
            follower = self.followers.get(name)
            if follower is not None:
                self._change(follower, setting, resource)
                return
            follower = Follower(name, resource, setting, self)
            self._publish_followers({**self.followers, name: follower})  # before it judges, as others ask for it
            try:
                follower.open(self.live.informers, resource, find_indexes(setting))
            except BaseException:
                self._end(follower, gone=False)
                raise
        except Exception as error:
            self._failing = True
            told = f"it cannot be followed as it should, a defect of auditor: {type(error).__name__}: {error}"
            self.chosen = {**self.chosen, name: replace(chosen, resource=None, trouble=told)}
            log.exception("%s: %s", name, told)

    def _publish_followers(self, followers: dict[str, Follower]) -> None:
        self._by_kind = {(each.resource.group, each.resource.kind): each for each in followers.values()}
        self.followers = followers

    def _change(self, follower: Follower, setting: Setting, resource: Resource) -> None:
        before = follower.setting
        consequence = compare(before, setting)
        # What checks say of a policy with another binding that stays, stays.
        gone = widen(consequence.gone, ON_POLICIES) - widen(setting.policies, ON_POLICIES) if consequence.gone else ()
        follower.set(setting, gone)
        indexes = find_indexes(setting)
        if _same_watch(follower.resource, resource) and indexes.keys() <= follower.pointers:
            self._ask(follower, consequence)
        else:
            log.info("%s is followed in version %s from now on", follower.name, resource.version)
            follower.open(self.live.informers, resource, indexes)
            self._publish_followers(dict(self.followers))

    def _ask(self, follower: Follower, consequence: Consequence) -> None:
        if consequence.all:
            self.rejudger.ask(follower.name, "kind")
        elif consequence.changed:
            self.rejudger.ask(follower.name, "policy", consequence.changed)

    def _end(self, follower: Follower, *, gone: bool) -> None:
        name = follower.name
        follower.close()
        self._publish_followers({each: other for each, other in self.followers.items() if each != name})
        self._rechecks.forget(name)
        self._rounds.forget(name)
        for counts in (self.judged, self.evaluations):
            for key in [key for key in list(counts) if key[0] == name]:
                counts["", key[1]] += counts.pop(key)  # kinds that come and go are no reason to grow
        if gone:
            log.info("%s is not followed any more", name)
            follower.clear()
            self.outlet.gone(follower)
        else:
            self.outlet.lost(follower)

    # -- what time changes ---------------------------------------------------------------------------------------------

    def _take_since(self) -> None:
        before, self._since = self._since, self.live.enforced_since()
        different = {policy for policy, _ in dict(self._since.items() ^ before.items())}
        for name, follower in self.followers.items():
            if asking := different & follower.setting.policies.keys():
                with follower.lock:
                    keys = follower.ledger.keys_of(asking)
                if keys:
                    self.rejudger.ask(name, "status", frozenset(asking), keys=keys)

    def hear_pardons(self, objects: Iterable[tuple[str, str, str]]) -> None:
        """Somebody broke the glass for these, by group, kind and key: what they look like is no bypass."""
        for group, kind, key in objects:
            follower = self._by_kind.get((group, kind))
            if follower is not None:
                self.rejudger.ask(follower.name, "pardon", keys=[key])


def _same_watch(one: Resource, other: Resource) -> bool:
    """A CRD that is made anew may have given its kind another name or scope."""
    return (one.api_version, one.plural, one.kind, one.namespaced) == (
        other.api_version,
        other.plural,
        other.kind,
        other.namespaced,
    )
