"""The watcher: which kinds are followed, by what their objects are judged, and what of them is judged again, and when.

Watches judge what they bring, in their own threads. All else is decided by one thread, the steering: it hears of
changes, and looks around a few times a second for what time alone has changed.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from auditor.audit.follower import Follower
from auditor.audit.kinds import CRDS_PAIR, Chosen, choose
from auditor.audit.ledger import Diff, widen
from auditor.audit.lookups import Lookups, Values
from auditor.audit.rechecks import Rechecks
from auditor.audit.rejudge import Rejudger
from auditor.audit.setting import ON_POLICIES, Consequence, Setting, asks_namespace, compare
from auditor.audit.turf import Turf
from auditor.checks import check_crd
from auditor.cluster import Client, Resource
from auditor.cluster.discovery import Discovery, KindChange, read_crd
from auditor.cluster.informer import Notice
from auditor.cluster.resource import NAMESPACES
from auditor.cluster.stores import Keep
from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.errors import ClusterError
from auditor.intake.live.facts import find_facts
from auditor.intake.live.live import POLICIES, Live
from auditor.intake.live.objects import index_by
from auditor.intake.live.view import View
from auditor.intake.live.ways import LiveWays, match_stored_kinds
from auditor.json import JsonObject
from auditor.model.finding import Finding
from auditor.model.policy import Policy
from auditor.model.request import GroupVersionKind, GroupVersionResource
from auditor.model.settings import ReportApi
from auditor.model.world import SYSTEM_USERS, World

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
COLLECTED: Final = timedelta(minutes=1)
"""Within which the garbage collector deletes what belonged to an object that has gone; it takes some seconds."""
MISSING: Final = 10_000
"""Owners that are remembered: a cluster without garbage collection has many."""


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
        self.left: Sequence[Chosen] = ()
        """Kinds that are there, or that policies name, and are not followed."""
        self.chosen: Mapping[str, Chosen] = {}
        self.evaluations: Counter[tuple[str, str]] = Counter()
        """Rules that were asked, by kind and the reason for it."""
        self.judged: Counter[tuple[str, str]] = Counter()
        """Objects, in the same way."""
        self.rejudger = Rejudger(client, lambda name: self.followers.get(name), ready=self._knows, passed=self._pass)
        self._rechecks = Rechecks(self.rejudger.ask)
        self._lookups = Lookups(self.live.informers, self._touch)
        self._readers: Mapping[tuple[str, str], Sequence[tuple[str, str]]] = {}
        """By looked-up group and resource: (source, pointer) of those who read it; without a pointer all of it."""
        self._missing: dict[str, datetime] = {}
        """By the uid of an owner that is not there, when that is certain."""
        self._retry_at = self._unsure_until = 0.0
        """Discovery may show a kind for a moment that is gone, or not yet one that has come."""
        self._resync = resync
        self._resynced: dict[str, float] = {}
        self._thread = threading.Thread(target=self._steer, name="steering", daemon=True)

    # -- its life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.turf.subscribe(self._wake)
        self.live.kinds.subscribe(self._hear_kind)
        self.live.start()
        self.live.informers.open(NAMESPACES, keep=WITH_MANAGERS, handler=self._hear_namespace)
        self.rejudger.start()
        self._thread.start()

    def stop_judging(self) -> bool:
        """What is being judged is finished, and nothing more is begun. False if that took longer than 5 s."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        done = self.rejudger.stop()
        if self._thread.ident is not None:
            self._thread.join(5.0)
        for follower in self.followers.values():
            follower.close()
        return done and not self._thread.is_alive()

    def stop(self) -> bool:
        return self.stop_judging() and self.live.stop()

    def unready(self) -> str:
        """Why not all can be judged yet, as a sentence; empty: it can."""
        return self.live.unready() or ("" if self._view is not None else "the policies are being compiled")

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
        old, new = notice.old, notice.object
        if notice.resync or notice.initial or new is None or _labels(old) == _labels(new):
            return
        for name, follower in list(self.followers.items()):
            if follower.setting.namespaced or name == "namespaces":
                asking = [key for key, each in follower.setting.policies.items() if asks_namespace(each)]
                if asking:
                    self.rejudger.ask(name, "namespace", frozenset(asking), namespaces=[notice.key])

    def _touch(self, resource: Resource, key: str, values: Values) -> None:
        for source, pointer in self._readers.get((resource.group, resource.plural), ()):
            for name, follower in list(self.followers.items()):
                if source not in follower.setting.policies:
                    continue
                if not pointer:
                    self.rejudger.ask(name, "lookup", frozenset({source}), delay=CROWD)
                    continue
                itself = (follower.resource.group, follower.resource.plural) == (resource.group, resource.plural)
                keys = {each for value in values.get(pointer, ()) for each in follower.keys_by_index(pointer, value)}
                if keys := keys - ({key} if itself else set()):
                    self.rejudger.ask(name, "lookup", frozenset({source}), keys=keys)

    # -- the audience of the followers ---------------------------------------------------------------------------------

    def tell(self, follower: Follower, diff: Diff, *, initial: bool) -> None:
        self.outlet.tell(follower, diff, initial=initial)

    def recheck(self, follower: Follower, key: str, at: datetime | None) -> None:
        self._rechecks.note(follower.name, key, at)

    def count(self, follower: Follower, reason: str, evaluations: int) -> None:
        self.judged[follower.name, reason] += 1
        self.evaluations[follower.name, reason] += evaluations

    def _pass(self, follower: Follower) -> None:
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
        if view is None or (self._view is None and self.live.unready()):
            return  # rules would get errors for what is merely not known yet
        if self._since_due:
            self._since_due = False
            self._take_since()
        if due or view is not self._view or self._lost_some():
            self._arrange(view)
        moved = False
        for follower in self.followers.values():
            if follower.settle():
                moved = True
                self._resynced[follower.name] = time.monotonic()
                self.outlet.passed(follower)
        for resource in self._lookups.settle():
            self._ask_readers(resource)
        self._rechecks.ask_due(datetime.now(UTC))
        self._resync_one()
        if moved:
            self.outlet.moved()

    def _lost_some(self) -> bool:
        """By time alone nobody is told."""
        return any(not self.turf.owns(name) for name in self.followers)

    def _arrange(self, view: View) -> None:
        policies = view.compiled()
        chosen, left = choose(view.kinds, policies, view.settings, self._discovery)
        unsure = time.monotonic() < self._unsure_until or any(each.crd is None for each in left)
        self._retry_at = time.monotonic() + (RETRY if unsure else NEVER)
        self._read_lookups(view)
        followers = dict(self.followers)
        for name in [name for name in followers if name not in chosen]:
            self._end(followers.pop(name), gone=True)
        for name in [name for name in followers if not self.turf.owns(name)]:
            self._end(followers.pop(name), gone=False)
        shared = _Shared(view, self)
        new: list[tuple[Follower, Resource]] = []
        for name, each in sorted(chosen.items()):
            if each.resource is None or not self.turf.owns(name):
                continue  # one that cannot be read now and was followed goes on: its watch tells when it can be again
            setting = shared.make(each, each.resource)
            follower = followers.get(name)
            if follower is None:
                followers[name] = follower = Follower(name, each.resource, setting, self)
                new.append((follower, each.resource))
            else:
                self._change(follower, setting, each.resource)
        different = view is not self._view
        self.chosen, self.left, self._view = chosen, left, view
        self.followers = followers
        for follower, resource in new:
            follower.open(self.live.informers, resource, self._indexes(follower.setting))
        if different:
            self.outlet.arranged(view)
        self.outlet.moved()

    def _change(self, follower: Follower, setting: Setting, resource: Resource) -> None:
        before = follower.setting
        consequence = compare(before, setting)
        follower.set(setting, widen(consequence.gone, ON_POLICIES) if consequence.gone else ())
        indexes = self._indexes(setting)
        if _same_watch(follower.resource, resource) and indexes.keys() <= follower.pointers:
            self._ask(follower, consequence)
        else:
            log.info("%s is followed in version %s from now on", follower.name, resource.version)
            follower.open(self.live.informers, resource, indexes)

    def _ask(self, follower: Follower, consequence: Consequence) -> None:
        if consequence.all:
            self.rejudger.ask(follower.name, "kind")
        elif consequence.changed:
            self.rejudger.ask(follower.name, "policy", consequence.changed)

    def _end(self, follower: Follower, *, gone: bool) -> None:
        follower.close()
        self._rechecks.forget(follower.name)
        self._resynced.pop(follower.name, None)
        if gone:
            log.info("%s is not followed any more", follower.name)
            with follower.lock:
                for diff in list(follower.ledger.retain(())):
                    self.outlet.tell(follower, diff, initial=False)
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

    def _read_lookups(self, view: View) -> None:
        readers: dict[tuple[str, str], list[tuple[str, str]]] = {}
        wishes: dict[Resource, set[str]] = {}
        for each in view.compiled():
            for resource, pointer in self._reads(each.policy):
                readers.setdefault((resource.group, resource.plural), []).append((each.policy.key, pointer))
                wishes.setdefault(resource, set()).update({pointer} - {""})
        self._readers = readers
        self._lookups.follow({resource: frozenset(pointers) for resource, pointers in wishes.items()})

    def _reads(self, policy: Policy) -> list[tuple[Resource, str]]:
        found = []
        for lookup in policy.lookups:
            resource = self.live.find_kind(lookup.group, lookup.resource)
            if resource is not None:
                found.append((resource, lookup.indexed_by))
        if policy.param_kind is not None:
            try:
                exact = self._discovery.find_exact(policy.param_kind.api_version, policy.param_kind.kind)
                found.append((exact, ""))
            except ClusterError:
                log.debug("%s: the kind of its params is not there", policy.key)
        return found

    def _ask_readers(self, resource: Resource) -> None:
        sources = frozenset(source for source, _ in self._readers.get((resource.group, resource.plural), ()))
        for name, follower in self.followers.items():
            if asking := sources & follower.setting.policies.keys():
                self.rejudger.ask(name, "lookup", asking)

    def _knows(self) -> bool:
        """Of what cannot be looked up for long, rules say so themselves."""
        return not self.live.objects.unsynced or any(self.rejudger.troubles)

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
        """One kind at a time, so that it is spread."""
        now = time.monotonic()
        for name, follower in self.followers.items():
            begun = self._resynced.get(name)
            if follower.settled and begun is not None and now - begun > self._resync.total_seconds():
                self._resynced[name] = now
                self.rejudger.ask(name, "resync")
                return

    def since(self) -> Mapping[tuple[str, str], datetime]:
        return self._since

    def pardons(self, group: str, kind: str, key: str) -> Sequence[datetime]:
        return self._pardons(group, kind, key)

    def hear_pardons(self, objects: Iterable[tuple[str, str, str]]) -> None:
        """Somebody broke the glass for these, by group, kind and key: what they look like is no bypass."""
        for group, kind, key in objects:
            follower = self._find_kind(group, kind)
            if follower is not None:
                self.rejudger.ask(follower.name, "pardon", keys=[key])

    def _find_kind(self, group: str, kind: str) -> Follower | None:
        found = (each for each in self.followers.values() if (each.resource.group, each.resource.kind) == (group, kind))
        return next(found, None)

    def owner_exists(self, owner: JsonObject, namespace: str) -> bool | datetime | None:
        """None: its kind is not followed, or not known as a whole. A time: it is missing, for how long will tell."""
        group = str(owner.get("apiVersion") or "").rpartition("/")[0]
        follower = self._find_kind(group, str(owner.get("kind")))
        uid = str(owner.get("uid"))
        found = None if follower is None else follower.exists(str(owner.get("name")), namespace, uid)
        if found is not False:
            self._missing.pop(uid, None)
            return found
        now = datetime.now(UTC)
        certain = self._missing.setdefault(uid, now + COLLECTED)
        while len(self._missing) > MISSING:
            self._missing.pop(next(iter(self._missing)), None)
        return certain if now < certain else False


class _Shared:
    """What the settings of all kinds have in common, of one view."""

    def __init__(self, view: View, watcher: Watcher) -> None:
        self._view, self._watcher = view, watcher
        self._settings = view.settings
        self._engine = Engine.of(view.compiled(), schemas=view.schemas)
        self._ways = LiveWays(
            view.kinds, [s.good for s in view.conversions.values() if s.good is not None], view.schemas
        )
        self._world = World(
            objects=watcher.live.objects,
            kinds=match_stored_kinds(view.kinds),
            exceptions=tuple(view.excusing()),
            own_namespace=watcher._own_namespace,
            excluded_users=SYSTEM_USERS | self._settings.excluded_users,
        )

    def make(self, chosen: Chosen, resource: Resource) -> Setting:
        watcher, settings = self._watcher, self._settings
        where = GroupVersionResource(chosen.group, resource.version, chosen.plural)
        policies = [policy for _, policy in self._engine.index.find(where, self._world.kinds)]
        kind = GroupVersionKind(chosen.group, resource.version, resource.kind)
        return Setting(
            resource=where,
            namespaced=resource.namespaced,
            engine=Engine.of(policies, schemas=self._view.schemas),
            world=self._world,
            namespace=watcher.live.namespaces.get,
            ways=self._ways,
            convertible=self._ways.reachable(kind) if chosen.crd is not None else (),
            conversion=self._conversion(chosen),
            facts=find_facts(chosen.crd) if chosen.crd is not None else None,
            schema=self._view.schemas.get(where),
            kind=settings.of(chosen.group, chosen.plural),
            excluded_namespaces=settings.excluded_namespaces,
            passes=settings.reports.passes and settings.reports.api is not ReportApi.NONE,
            enforced_since=watcher.since,
            pardons=lambda key: watcher.pardons(chosen.group, resource.kind, key),
            owners=watcher.owner_exists,
            debts=self._find_debts if (chosen.group, chosen.plural) == CRDS_PAIR else None,
        )

    def _find_debts(self, crd: JsonObject) -> Sequence[Finding]:
        kind = read_crd(crd)
        return check_crd(crd, find_facts(kind), self._settings.of(kind.group, kind.plural))

    def _conversion(self, chosen: Chosen) -> Conversion | None:
        state = self._view.conversions.get(chosen.name)  # its name is that of the CRD
        return None if state is None else state.good


def _same_watch(one: Resource, other: Resource) -> bool:
    return (one.group, one.version, one.plural) == (other.group, other.version, other.plural)


def _labels(namespace: JsonObject | None) -> object:
    return None if namespace is None else (namespace.get("metadata") or {}).get("labels")


_INDEXES: dict[str, Callable[[JsonObject], Sequence[str]]] = {}


def _index(pointer: str) -> Callable[[JsonObject], Sequence[str]]:
    """The same function for the same pointer: by that, informers know that an index can be shared."""
    function = _INDEXES.get(pointer)
    if function is None:
        by = index_by(pointer)
        function = _INDEXES[pointer] = lambda thing: tuple(by(thing))
    return function
