"""Our objects in a cluster, followed: after each change there is a new view, some milliseconds later.

Watches only note what has changed. One thread, the builder, reads and compiles it, and hands the view on: so a burst of
changes makes one view, and nobody ever sees half of one.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from auditor.cluster import Client, Resource
from auditor.cluster.discovery import Discovery, KindChange, Kinds
from auditor.cluster.informer import Informer, Informers, InformerStatus, Notice
from auditor.cluster.resource import NAMESPACES
from auditor.cluster.stores import WHOLE
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.typos import choose_schemas
from auditor.errors import ClusterError, UnknownKindError
from auditor.intake.live.objects import LiveObjects, Pointers
from auditor.intake.live.reading import read_live_conversion, read_live_exception, read_live_policy
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import Shelf
from auditor.intake.live.view import View
from auditor.json import JsonObject
from auditor.languages.jq.process import StoppedError
from auditor.model.exception import PolicyException

log = logging.getLogger(__name__)

POLICIES = Resource("auditor.dev", "v1", "policies", "Policy", namespaced=False)
EXCEPTIONS = Resource("auditor.dev", "v1", "policyexceptions", "PolicyException", namespaced=True)
CONVERSIONS = Resource("auditor.dev", "v1", "conversions", "Conversion", namespaced=False)

SETTLE = 0.02
"""Seconds that the builder waits for more changes: a hundred policies that are applied together come within some of
these, and a change is to be in force within a second."""
RETRY = 5.0
"""Seconds after which a kind that could not be found, for a lookup, is looked for again; when a CRD comes, at once."""
STOP_TIMEOUT = 5.0


@dataclass(slots=True)
class _Source:
    """One of our kinds: where it is followed, and what becomes of it."""

    informer: Informer
    shelf: Shelf[CompiledPolicy] | Shelf[PolicyException] | Shelf[Conversion]


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
    ) -> None:
        """`touched` hears group and resource of every looked-up object that changes, and `noted` of each object of
        ours by kind and key, also where only its status has changed. Both are called by watches, and have to be quick.
        """
        self._publish = publish
        self._tell_noted = noted
        self._discovery = Discovery(client)
        self._informers = Informers(client)
        self.kinds = Kinds(client)
        self.objects = LiveObjects(self._informers, told=touched)
        self._schemas = LiveSchemas({})
        self._policies: Shelf[CompiledPolicy] = Shelf(lambda thing: read_live_policy(thing, self._schemas), keep=True)
        self._exceptions: Shelf[PolicyException] = Shelf(read_live_exception)
        self._conversions: Shelf[Conversion] = Shelf(read_live_conversion)
        self._changed = threading.Condition()
        self._noted: set[tuple[Resource, str]] = set()
        self._kinds_changed = True
        self._stopping = False
        self._missing: set[str] = set()
        self._sources: dict[Resource, _Source] = {}
        self._thread = threading.Thread(target=self._build, name="live policies", daemon=True)
        self._view: View | None = None

    def start(self) -> None:
        self.kinds.__enter__()
        self.kinds.subscribe(self._note_kind)
        for resource, shelf in (
            (POLICIES, self._policies),
            (EXCEPTIONS, self._exceptions),
            (CONVERSIONS, self._conversions),
        ):
            informer = self._informers.open(resource, keep=WHOLE, handler=self._noting(resource))
            self._sources[resource] = _Source(informer, shelf)
        self._namespaces = self._informers.open(NAMESPACES, keep=WHOLE)
        self.namespaces = Namespaces(self._namespaces)
        self._thread.start()

    def stop(self) -> bool:
        """False if something was still under way after 5 s."""
        deadline = time.monotonic() + STOP_TIMEOUT
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self.kinds.__exit__(None, None, None)
        done = self._informers.stop(max(0.0, deadline - time.monotonic()))
        if self._thread.ident is not None:  # it may be stopped before it has begun
            self._thread.join(max(0.0, deadline - time.monotonic()))
        return done and not self._thread.is_alive()

    @property
    def view(self) -> View | None:
        return self._view

    def find(self, resource: Resource, key: str) -> JsonObject | None:
        """An object of ours as it is now, status included, which may be newer than the view."""
        return self._sources[resource].informer.get_key(key)

    def followed(self) -> Sequence[InformerStatus]:
        """What is followed, and how old that is."""
        return self._informers.status()

    def unready(self) -> str:
        """Why there is not all to judge by, as a sentence; empty: there is."""
        missing = [each.informer for each in self._sources.values() if not each.informer.synced]
        if missing:
            told = [f"{each.resource.name}{_why(each)}" for each in missing]
            return f"not read yet: {', '.join(told)}"
        if not self.kinds.synced:
            return "not read yet: customresourcedefinitions.apiextensions.k8s.io"
        if not self._namespaces.synced:
            return f"not read yet: namespaces{_why(self._namespaces)}"
        if self._view is None:
            return "the policies are being compiled"
        unsynced = self.objects.unsynced
        return f"objects that policies look up are not read yet: {', '.join(unsynced)}" if unsynced else ""

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
        waited = [self.kinds.wait_synced, self._namespaces.wait_synced]
        waited += [source.informer.wait_synced for source in self._sources.values()]
        for wait in waited:
            while not wait(1.0):
                if self._stopping:
                    return
        while True:
            with self._changed:
                timeout = RETRY if self._missing else None
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
            self._take_kinds()
        for resource, key in sorted(noted, key=lambda each: each[1]):
            source = self._sources[resource]
            thing = source.informer.get_key(key)
            try:
                different |= source.shelf.remove(key) if thing is None else source.shelf.put(key, thing)
            except StoppedError as error:
                if self._view is None:
                    raise  # the first one has all in it
                log.warning("%s %s could not be compiled now, and is tried again: %s", resource.kind, key, error)
                with self._changed:
                    self._noted.add((resource, key))
        if different or self._missing:
            self.objects.follow(self._wishes())
        self.objects.settle()
        if different:
            self._view = View(
                policies=dict(self._policies.states),
                exceptions=dict(self._exceptions.states),
                conversions=dict(self._conversions.states),
                kinds=self.kinds.kinds(),
                schemas=self._schemas,
            )
            self._publish(self._view)

    def _take_kinds(self) -> None:
        """Policies that name a kind whose schema is another now are read again; the others do not notice."""
        old, self._schemas = self._schemas, LiveSchemas(self.kinds.kinds(), self._schemas)
        try:
            for key, state in list(self._policies.states.items()):
                if state.good is not None and state.right:
                    before = choose_schemas(state.good.policy, old)
                    after = choose_schemas(state.good.policy, self._schemas)
                    if before.keys() == after.keys() and all(before[each] is after[each] for each in after):
                        continue
                self._policies.read_again(key)
        except Exception:
            self._schemas = old  # all of it is done again
            raise

    def _wishes(self) -> Iterator[tuple[Resource, Pointers]]:
        """What the policies in force look up, each kind once."""
        wanted: dict[Resource, set[str]] = {}
        missing = set()
        for policy in self._policies.good():
            for lookup in policy.policy.lookups:
                resource = self._find(lookup.group, lookup.resource)
                if resource is None:
                    missing.add(f"{lookup.resource}.{lookup.group}")
                else:
                    wanted.setdefault(resource, set()).update({lookup.indexed_by} - {""})
            kind = policy.policy.param_kind
            if kind is not None:
                try:
                    wanted.setdefault(self._discovery.find_exact(kind.api_version, kind.kind), set())
                except ClusterError:
                    missing.add(f"{kind.kind} of {kind.api_version}")
        for name in sorted(missing - self._missing):
            log.warning("%s: looked up by a policy, and not to be found: its rules are errors until it comes", name)
        self._missing = missing
        return ((resource, frozenset(pointers)) for resource, pointers in wanted.items())

    def _find(self, group: str, plural: str) -> Resource | None:
        """In the version in which its objects are stored, for a CRD."""
        custom = self.kinds.get(f"{plural}.{group}")
        if custom is not None and custom.established:
            return custom.resource(custom.storage_version) or custom.resource()
        try:
            return self._discovery.find(f"{plural}.{group}" if group else plural)
        except UnknownKindError:
            return None
        except ClusterError as error:
            log.warning("%s.%s cannot be looked for now: %s", plural, group, error)
            return None


def _why(informer: Informer) -> str:
    error = informer.status.last_error
    return f" ({error})" if error else ""
