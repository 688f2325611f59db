"""Our objects in a cluster, followed: after each change there is a new view, some milliseconds later.

Watches only note what has changed. One thread, the builder, reads and compiles it, and hands the view on: so a burst of
changes makes one view, and nobody ever sees half of one.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain

from auditor.cluster import Client, Resource
from auditor.cluster.discovery import Discovery, KindChange, Kinds
from auditor.cluster.informer import Informer, Informers, InformerStatus, Notice
from auditor.cluster.resource import NAMESPACES
from auditor.cluster.stores import WHOLE
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.typos import choose_schemas
from auditor.intake.kinds import CONFIGS, CONVERSIONS, EXCEPTIONS, POLICIES
from auditor.intake.live.config import NAME, too_long_by
from auditor.intake.live.enforced import EnforcedSince
from auditor.intake.live.native import BINDINGS, NATIVE, NativePairs
from auditor.intake.live.objects import LiveObjects
from auditor.intake.live.reading import (
    read_live_conversion,
    read_live_exception,
    read_live_native,
    read_live_policy,
    read_live_settings,
)
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import Shelf
from auditor.intake.live.source import Source
from auditor.intake.live.view import View
from auditor.intake.live.wishes import Wishes
from auditor.json import JsonObject
from auditor.languages.jq.process import StoppedError
from auditor.model.exception import PolicyException
from auditor.model.settings import AuditSettings

log = logging.getLogger(__name__)


SETTLE = 0.02
"""Seconds that the builder waits for more changes: a hundred policies that are applied together come within some of
these, and a change is to be in force within a second."""
RETRY = 5.0
"""Seconds after which a kind that could not be found, for a lookup, is looked for again; when a CRD comes, at once."""
LONGEST_WAIT = 3600.0
"""Seconds, because a thread cannot be told to wait for centuries; what is due then is asked for again."""
STOP_TIMEOUT = 5.0


def _now() -> datetime:
    return datetime.now(UTC)


class Namespaces:
    """Namespace objects, for namespaceSelectors and for rules that read them."""

    def __init__(self, informer: Informer) -> None:
        self._informer = informer

    def get(self, name: str, /) -> JsonObject | None:
        return self._informer.get(name)


class Live:
    """`publish` gets each view, in the builder's thread; the first when all that is ours has been read."""

    def __init__(
        self,
        client: Client,
        publish: Callable[[View], None],
        *,
        touched: Callable[[str, str], None] = lambda *_: None,
        noted: Callable[[Resource, str], None] = lambda *_: None,
        native: bool = False,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`touched` hears group and resource of every looked-up object that changes, and `noted` of each object of
        ours by kind and key, also where only its status has changed. Both are called by watches, and have to be quick.
        With `native` the policies of Kubernetes itself are followed, too.
        """
        self._publish = publish
        self._tell_noted = noted
        self._now = now
        self._discovery = Discovery(client)
        self.informers = Informers(client)
        self.kinds = Kinds(client)
        self._wishes = Wishes(self.kinds, self._discovery)
        self.objects = LiveObjects(self.informers, told=touched)
        self._schemas = LiveSchemas({})
        self._policies: Shelf[CompiledPolicy] = Shelf(lambda thing: read_live_policy(thing, self._schemas), keep=True)
        self._exceptions: Shelf[PolicyException] = Shelf(read_live_exception)
        self._conversions: Shelf[Conversion] = Shelf(read_live_conversion)
        self._configs: Shelf[AuditSettings] = Shelf(read_live_settings, keep=True)
        self._native = NativePairs(lambda pair: read_live_native(pair, self._schemas))
        self._sources = {each.resource: each for each in self._list_sources(native=native)}
        self._enforced = EnforcedSince()
        self._wake: float | None = None
        self._changed = threading.Condition()
        self._noted: set[tuple[Resource, str]] = set()
        self._kinds_changed = True
        self._stopping = False
        self._thread = threading.Thread(target=self._build, name="live policies", daemon=True)
        self._view: View | None = None

    def _list_sources(self, *, native: bool) -> Iterator[Source]:
        yield Source(resource=POLICIES, take=self._policies.take)
        yield Source(resource=EXCEPTIONS, take=self._exceptions.take)
        yield Source(resource=CONVERSIONS, take=self._conversions.take)
        yield Source(resource=CONFIGS, take=self._configs.take)
        if native:
            for resource, kind in NATIVE.items():
                yield Source(resource=resource, take=partial(self._native.take_policy, kind), forgoable=True)
            for resource, kind in BINDINGS.items():
                yield Source(resource=resource, take=partial(self._native.take_binding, kind), forgoable=True)

    def start(self) -> None:
        self.kinds.start()
        self.kinds.subscribe(self._note_kind)
        for source in self._sources.values():
            if source.resource != CONFIGS:  # which the builder opens when its CRD is there
                source.open(self.informers, self._noting(source.resource))
        self._namespaces = self.informers.open(NAMESPACES, keep=WHOLE)
        self.namespaces = Namespaces(self._namespaces)
        self._thread.start()

    def stop(self) -> bool:
        """False if something was still under way after 5 s."""
        deadline = time.monotonic() + STOP_TIMEOUT
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        done = self.kinds.stop(max(0.0, deadline - time.monotonic()))
        done &= self.informers.stop(max(0.0, deadline - time.monotonic()))
        if self._thread.ident is not None:  # it may be stopped before it has begun
            self._thread.join(max(0.0, deadline - time.monotonic()))
        return done and not self._thread.is_alive()

    @property
    def view(self) -> View | None:
        return self._view

    def find(self, resource: Resource, key: str) -> JsonObject | None:
        """An object of ours as it is now, status included, which may be newer than the view."""
        return self._sources[resource].find(key)

    def enforced_since(self) -> Mapping[tuple[str, str], datetime]:
        """Since when rules deny without a break, by policy and rule, as the door says it in status by now."""
        informer = self._sources[POLICIES].informer
        return {} if informer is None else self._enforced.read(informer)

    def find_kind(self, group: str, plural: str) -> Resource | None:
        """In the version in which its objects are stored, for a CRD. None: there is no such kind now."""
        return self._wishes.find(group, plural)

    def followed(self) -> Sequence[InformerStatus]:
        """What is followed, and how old that is."""
        return self.informers.status()

    def unready(self) -> str:
        """Why there is not all to judge by, as a sentence; empty: there is."""
        if self._view is None:  # once read, they stay read
            missing = [source for source in self._sources.values() if not source.settled]
            if missing:
                told = [f"{each.resource.name}{_why(each.informer)}" for each in missing]
                return f"not read yet: {', '.join(told)}"
            if not self.kinds.synced:
                return "not read yet: customresourcedefinitions.apiextensions.k8s.io"
            if not self._namespaces.synced:
                return f"not read yet: namespaces{_why(self._namespaces)}"
            return "the policies are being compiled"
        unsynced = self.objects.unsynced
        return f"objects that policies look up are not read yet: {', '.join(unsynced)}" if unsynced else ""

    def troubles(self) -> Sequence[str]:
        """What of ours and of native policies cannot be read now, and why: what is in force may be old, or a part."""
        return [trouble for source in self._sources.values() if (trouble := source.trouble)]

    # -- noting, in the threads of the watches ---------------------------------------------------------------------

    def _noting(self, resource: Resource) -> Callable[[Notice], None]:
        def note(notice: Notice) -> None:
            with self._changed:
                self._noted.add((resource, notice.key))
                self._changed.notify_all()
            self._tell_noted(resource, notice.key)

        return note

    def _note_kind(self, _: KindChange) -> None:
        with self._changed:
            self._kinds_changed = True
            self._changed.notify_all()

    # -- building, in its own thread -------------------------------------------------------------------------------

    def _build(self) -> None:
        for wait in (self.kinds.wait_synced, self._namespaces.wait_synced):
            while not wait(1.0):
                if self._stopping:
                    return
        self._follow_config()
        for source in self._sources.values():
            while not source.settled:
                if self._stopping or source.informer is None:
                    return
                source.informer.wait_synced(0.1)  # in which it may be refused, too
        while True:
            with self._changed:
                timeout = RETRY if self._wishes.missing else self._wake
                if self._view is not None:
                    self._changed.wait_for(lambda: self._noted or self._kinds_changed or self._stopping, timeout)
                    if not self._stopping:
                        self._changed.wait_for(lambda: self._stopping, SETTLE)
                if self._stopping:
                    return
                noted, self._noted = self._noted, set()
                kinds_changed, self._kinds_changed = self._kinds_changed, False
            try:
                self._rebuild(noted, kinds_changed=kinds_changed)
            except Exception:
                log.exception("the policies could not be taken over; the last ones stay in force till then")
                with self._changed:
                    self._noted |= noted
                    self._kinds_changed |= kinds_changed
                    self._changed.wait_for(lambda: self._stopping, RETRY)

    def _rebuild(self, noted: set[tuple[Resource, str]], *, kinds_changed: bool) -> None:
        different = kinds_changed or self._view is None
        if kinds_changed:
            self._discovery.invalidate()
            self._follow_config()
            self._take_kinds()
        for resource, key in sorted(noted, key=lambda each: each[1]):
            source = self._sources[resource]
            try:
                different |= source.take(key, source.find(key))
            except StoppedError as error:
                if self._view is None:
                    raise  # the first one has all in it
                log.warning("%s %s could not be compiled now, and is tried again: %s", resource.kind, key, error)
                with self._changed:
                    self._noted.add((resource, key))
        if different or self._wishes.missing:
            policies = chain(self._policies.good(), self._native.shelf.good())
            self.objects.follow(self._wishes.collect(policies).items())
        self.objects.settle()
        too_long = self._find_too_long()
        if different or self._view is None or too_long != self._view.too_long:
            self._view = View(
                policies=dict(self._policies.states),
                exceptions=dict(self._exceptions.states),
                too_long=too_long,
                conversions=dict(self._conversions.states),
                native=dict(self._native.shelf.states),
                config=self._configs.states.get(NAME),
                kinds=self.kinds.kinds(),
                schemas=self._schemas,
            )
            self._publish(self._view)

    def _follow_config(self) -> None:
        """An installation may be older than this kind: then there is none, and nobody waits for it."""
        source, kind = self._sources[CONFIGS], self.kinds.get(CONFIGS.name)
        if kind is None and source.informer is not None:
            source.close()
            self._configs.states.clear()
        elif kind is not None and kind.established and source.informer is None:
            source.open(self.informers, self._noting(CONFIGS))

    def _find_too_long(self) -> frozenset[str]:
        """And when the first of them begins to excuse."""
        config, now = self._configs.states.get(NAME), self._now()
        settings = AuditSettings() if config is None or config.good is None else config.good
        by = {
            key: too_long_by(state.good, settings, now)
            for key, state in self._exceptions.states.items()
            if state.good is not None
        }
        too_long = {key: seconds for key, seconds in by.items() if seconds > 0}
        self._wake = min(*too_long.values(), LONGEST_WAIT) if too_long else None
        return frozenset(too_long)

    def _take_kinds(self) -> None:
        """Policies that name a kind whose schema is another now are read again; the others do not notice."""
        old, self._schemas = self._schemas, LiveSchemas(self.kinds.kinds(), self._schemas)
        try:
            for shelf in (self._policies, self._native.shelf):
                for key, state in list(shelf.states.items()):
                    if state.good is not None and state.right:
                        before = choose_schemas(state.good.policy, old)
                        after = choose_schemas(state.good.policy, self._schemas)
                        if before.keys() == after.keys() and all(before[each] is after[each] for each in after):
                            continue
                    shelf.read_again(key)
        except Exception:
            self._schemas = old  # all of it is done again
            raise


def _why(informer: Informer | None) -> str:
    error = None if informer is None else informer.status.last_error
    return f" ({error})" if error else ""
