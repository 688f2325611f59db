"""The watcher: which kinds are followed, by what their objects are judged, and what of them is judged again, and when.

Watches judge what they bring, in their own threads. All else is decided by one thread, the steering: it hears of
changes, and looks around a few times a second for what time alone has changed.
"""

import functools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from auditor.audit.follower import Follower
from auditor.audit.inforce import Around, InForce
from auditor.audit.kinds import Chosen, choose
from auditor.audit.ledger import Diff, widen
from auditor.audit.lookups import Lookups, Pair, Values
from auditor.audit.owners import Owners
from auditor.audit.rechecks import Rechecks
from auditor.audit.rejudge import Rejudger
from auditor.audit.setting import ON_POLICIES, Consequence, Setting, asks_labels, asks_namespace, compare
from auditor.audit.turf import Turf
from auditor.cluster import Client, Resource
from auditor.cluster.discovery import Discovery, KindChange
from auditor.cluster.informer import Change, Informer, Notice
from auditor.cluster.resource import NAMESPACES
from auditor.cluster.stores import Keep
from auditor.errors import ClusterError
from auditor.intake.live.live import POLICIES, Live
from auditor.intake.live.objects import index_by
from auditor.intake.live.view import View
from auditor.json import JsonObject
from auditor.model.policy import Policy
from auditor.model.resource import name_kind

log = logging.getLogger(__name__)

TICK: Final = 0.2
"""Seconds between two looks at what time changes."""
RETRY: Final = 5.0
"""Seconds after which kinds that could not be found are looked for again; when a CRD comes, at once."""
NEVER: Final = 3600.0
CROWD: Final = 1.0
"""Seconds that a pass waits which any change of a looked-up kind asks for: a hundred changes are one pass."""
RESYNC: Final = timedelta(hours=6)
"""In which every object is judged again though nothing has changed, kind by kind: for what we have overlooked."""
WITH_MANAGERS: Final = Keep(whole=True, managed_fields=True)
"""Of namespaces: when their labels were written says since when a rule can have been in force there."""
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
        self.rejudger = Rejudger(client, lambda name: self.followers.get(name), ready=self._knows, passed=self._pass)
        self._rechecks = Rechecks(self.rejudger.ask)
        self._lookups = Lookups(self.live.informers, self._touch, known=lambda: self.live.objects.known)
        self._readers: Mapping[Pair, Sequence[tuple[str, str]]] = {}
        """By looked-up group and resource: (source, pointer) of those who read it; without a pointer all of it."""
        self._params: dict[tuple[str, str], Pair] = {}
        """By version and name of a kind of params, where it was when it was last found."""
        self.owners = Owners(lambda group, kind: self._by_kind.get((group, kind)))
        self._namespaces: Informer | None = None
        self._retry_at = self._unsure_until = 0.0
        """Discovery may show a kind for a moment that is gone, or not yet one that has come."""
        self._resync = resync
        self._resynced: dict[str, float] = {}
        """Of kinds that are known whole, when the last pass over all began."""
        self._last_resync = time.monotonic()
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
        """A new one, too, also by a list after a break: its objects may have come before it. At the start nobody
        follows anything yet. An object that is a namespace changes itself."""
        old, new = notice.old, notice.object
        if notice.resync or notice.change is Change.DELETED or new is None:
            return
        relabelled, rewritten = old is None or _labels(old) != _labels(new), _content(old) != _content(new)
        if not relabelled and not rewritten:
            return
        asks = functools.cache(lambda policy: (relabelled and asks_labels(policy)) or asks_namespace(policy))
        for name, follower in list(self.followers.items()):
            if follower.setting.namespaced:
                asking = [key for key, each in follower.setting.policies.items() if asks(each)]
                if asking:
                    self.rejudger.ask(name, "namespace", frozenset(asking), namespaces=[notice.key])

    def _touch(self, resource: Resource, key: str, values: Values) -> None:
        pair = (resource.group, resource.plural)
        for source, pointer in self._readers.get(pair, ()):
            for name, follower in list(self.followers.items()):
                if source not in follower.setting.policies:
                    continue
                keys = follower.keys_with(pointer, values.get(pointer, ())) if pointer else None
                if keys is None:
                    self.rejudger.ask(name, "lookup", frozenset({source}), delay=CROWD)
                    continue
                if (follower.resource.group, follower.resource.plural) == pair:
                    keys.discard(key)
                if keys:
                    self.rejudger.ask(name, "lookup", frozenset({source}), keys=keys)

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
                self._resynced[follower.name] = time.monotonic()
                self._pass(follower)
        for pair in self._lookups.settle():
            self._ask_readers(pair)
        self._rechecks.ask_due(datetime.now(UTC))
        self._resync_one()
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
        missing = self._read_lookups(view)
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
                follower.open(self.live.informers, resource, self._indexes(setting))
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
        indexes = self._indexes(setting)
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
        self._resynced.pop(name, None)
        for counts in (self.judged, self.evaluations):
            for key in [key for key in list(counts) if key[0] == name]:
                counts["", key[1]] += counts.pop(key)  # kinds that come and go are no reason to grow
        if gone:
            log.info("%s is not followed any more", name)
            follower.clear()
            self.outlet.gone(follower)
        else:
            self.outlet.lost(follower)

    def _indexes(self, setting: Setting) -> dict[str, Callable[[JsonObject], Sequence[str]]]:
        pointers = {
            lookup.indexed_by
            for each in setting.policies.values()
            for lookup in each.policy.lookups
            if lookup.indexed_by
        }
        return {pointer: _index(pointer) for pointer in pointers}

    # -- lookups -------------------------------------------------------------------------------------------------------

    def _read_lookups(self, view: View) -> bool:
        """Whether something is missing of what policies read. Who reads it is noted all the same: a kind that goes, or
        comes again, concerns them."""
        readers: dict[Pair, list[tuple[str, str]]] = {}
        wishes: dict[Resource, set[str]] = {}
        missing = False
        for each in view.compiled():
            for pair, resource, pointer in self._reads(each.policy):
                readers.setdefault(pair, []).append((each.policy.key, pointer))
                missing |= resource is None
                if resource is not None:
                    wishes.setdefault(resource, set()).update({pointer} - {""})
        self._readers = readers
        self._lookups.follow({resource: frozenset(pointers) for resource, pointers in wishes.items()})
        return missing

    def _reads(self, policy: Policy) -> Iterator[tuple[Pair, Resource | None, str]]:
        """None: there is no such kind now."""
        for lookup in policy.lookups:
            resource = self.live.find_kind(lookup.group, lookup.resource)
            yield (lookup.group, lookup.resource), resource, lookup.indexed_by
        if (kind := policy.param_kind) is None:
            return
        name, found = (kind.api_version, kind.kind), None
        try:
            found = self._discovery.find_exact(*name)
            self._params[name] = (found.group, found.plural)
        except ClusterError:
            log.debug("%s: the kind of its params is not there", policy.key)
        yield self._params.get(name, ("", "")), found, ""

    def _ask_readers(self, pair: Pair) -> None:
        sources = frozenset(source for source, _ in self._readers.get(pair, ()))
        for name, follower in self.followers.items():
            if asking := sources & follower.setting.policies.keys():
                self.rejudger.ask(name, "lookup", asking)

    def _knows(self, follower: Follower) -> bool:
        """What its policies look up, but for what cannot be read: of that they say so themselves."""
        pending = self.live.objects.pending
        if not pending:
            return True
        reading = {source for pair in pending for source, _ in self._readers.get(pair, ())}
        return reading.isdisjoint(follower.setting.policies)

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

    def _resync_one(self) -> None:
        """Kind by kind, spread over the interval."""
        if not self._resynced:
            return
        now, pause = time.monotonic(), self._resync.total_seconds() / len(self._resynced)
        if now - self._last_resync < pause:
            return
        name = min(self._resynced, key=lambda name: self._resynced[name])
        if now - self._resynced[name] >= pause:
            self._last_resync = self._resynced[name] = now
            self.rejudger.ask(name, "resync")

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


def _labels(namespace: JsonObject | None) -> object:
    return None if namespace is None else (namespace.get("metadata") or {}).get("labels")


def _content(namespace: JsonObject | None) -> object:
    """What a rule may read of it, but for what the server notes at each write."""
    if namespace is None:
        return None
    noted = ("managedFields", "resourceVersion", "generation")
    metadata = {name: each for name, each in (namespace.get("metadata") or {}).items() if name not in noted}
    return {**namespace, "metadata": metadata}


@functools.lru_cache(maxsize=1024)
def _index(pointer: str) -> Callable[[JsonObject], Sequence[str]]:
    """The same function for the same pointer: by that, informers know that an index can be shared."""
    by = index_by(pointer)
    return lambda thing: tuple(by(thing))
