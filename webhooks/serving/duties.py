"""What one of the replicas does for all of them: it registers the webhooks, and says in status what is in force."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.access import dig, dig_object, dig_text, split_key
from auditor.cluster.lease import Election
from auditor.cluster.queue import WorkQueue
from auditor.cluster.workers import Workers
from auditor.errors import LeaseLostError, NotFoundError
from auditor.intake.kinds import CONVERSIONS, EXCEPTIONS, POLICIES
from auditor.intake.live.live import Live
from auditor.intake.live.view import View
from auditor.json import JsonObject
from auditor.webhooks.registration import Registrar
from auditor.webhooks.serving.standin import find_working
from auditor.webhooks.serving.status import (
    Marks,
    mark,
    render,
    wish_for_conversion,
    wish_for_exception,
    wish_for_policy,
)

log = logging.getLogger(__name__)

MANAGER: Final = "auditor-webhook"
"""Who wrote it, in managedFields."""
GENERATIONS: Final = 8
"""Of each policy that are remembered: a leader that starts finds in status the last, or the one before."""
NEVER: Final = 1 << 30
"""Attempts before it gives up: nobody else writes what is true of an object."""
MAX_DELAY: Final = 30.0
PAUSE: Final = 0.2
PATIENCE: Final = 5.0
"""Seconds that a policy may take to be registered before its status says that it is not: some tenths are usual."""

Key = tuple[Resource, str]


def _now() -> datetime:
    return datetime.now(UTC)


class Duties:
    """All replicas look on (`take_over`, `note`), so that each can go on when the leader ends."""

    def __init__(
        self,
        client: Client,
        live: Live,
        *,
        register: Callable[[], Registrar] | None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """`register` makes a registrar, for one term."""
        self._client, self._live, self._register, self._clock = client, live, register, clock
        self._queue: WorkQueue[Key] = WorkQueue(max_retries=NEVER, max_delay=MAX_DELAY)
        self._workers = Workers("status", self._queue, self._work)
        self._lock = threading.Lock()
        self._view: View | None = None
        self._seen: dict[str, OrderedDict[int, Marks]] = {}
        """By uid of the policy and generation."""
        self._waiting: dict[str, float] = {}
        """Since when policies wait to be registered. For the one thread that writes status."""
        self._registrar: Registrar | None = None
        self._election: Election | None = None
        self._terms: WorkQueue[str] = WorkQueue(max_retries=NEVER, max_delay=MAX_DELAY)
        self._termer = Workers("registration term", self._terms, self._follow_term)

    def start(self, election: Election) -> None:
        self._election = election
        self._workers.start()
        self._termer.start()

    def stop(self) -> None:
        """What is under way is finished, and nothing more is begun."""
        self._termer.stop(1.0)
        self._workers.stop(1.0)
        registrar, self._registrar = self._registrar, None
        if registrar is not None:
            registrar.stop(1.0)

    @property
    def registrar(self) -> Registrar | None:
        """Of this term; None where this replica does not lead."""
        return self._registrar

    # -- quick, from other threads -------------------------------------------------------------------------------------

    def change_term(self, *_: object) -> None:
        """It was gained, or lost."""
        self._terms.add("term")
        self._add_all()

    def take_over(self, view: View) -> None:
        before, self._view = self._view, view
        for _, state in sorted(view.policies.items()):
            with self._lock:
                seen = self._seen.setdefault(dig_text(state.thing, "metadata", "uid"), OrderedDict())
                seen[state.generation] = mark(find_working(state))
                while len(seen) > GENERATIONS:
                    seen.popitem(last=False)
        with self._lock:
            uids = {dig_text(state.thing, "metadata", "uid") for state in view.policies.values()}
            self._seen = {uid: seen for uid, seen in self._seen.items() if uid in uids}
        if before is None:
            self._add_all()
        else:
            self._add_changed(before, view)
        registrar = self._registrar
        if registrar is not None:
            registrar.refresh()

    def note(self, resource: Resource, key: str) -> None:
        """An object has changed, perhaps only its status: somebody may have made it say what is not true."""
        if self._leads and self._view is not None:
            self._queue.add((resource, key))

    # -- work ----------------------------------------------------------------------------------------------------------

    @property
    def _leads(self) -> bool:
        return self._election is not None and self._election.leading

    def _add_all(self) -> None:
        view = self._view
        if view is not None and self._leads:
            for resource, states in _shelves(view):
                for key in states:
                    self._queue.add((resource, key))

    def _add_changed(self, before: View, after: View) -> None:
        if self._leads:
            for (resource, old), (_, new) in zip(_shelves(before), _shelves(after), strict=True):
                for key, state in new.items():
                    if old.get(key) is not state:
                        self._queue.add((resource, key))
            for key in before.too_long ^ after.too_long:
                self._queue.add((EXCEPTIONS, key))

    def _follow_term(self, _: str) -> None:
        if self._leads and self._registrar is None and self._register is not None:
            self._registrar = self._register()
            self._registrar.start()
        elif not self._leads and self._registrar is not None:
            registrar, self._registrar = self._registrar, None
            registrar.stop()

    def _work(self, key: Key) -> None:
        resource, name = key
        thing = self._live.find(resource, name)
        view, election = self._view, self._election
        if view is None or election is None or thing is None or not election.leading:
            return
        written = self._render(view, resource, name, thing, self._clock())
        if written is None:
            return
        namespace, plain = split_key(name)
        metadata = {"name": plain, "uid": dig_text(thing, "metadata", "uid")}
        if namespace:
            metadata["namespace"] = namespace
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "status": written}
        try:
            with election.guard() as permit:
                options = WriteOptions(field_manager=MANAGER, timeout=permit.left())
                self._client.apply(resource, body, force=True, subresource="status", options=options)
        except LeaseLostError:
            return  # whoever leads now sees to it
        except NotFoundError:
            return  # it was deleted, and we hear of that

    def _render(self, view: View, resource: Resource, name: str, thing: JsonObject, now: datetime) -> JsonObject | None:
        generation, status = dig(thing, "metadata", "generation"), dig_object(thing, "status")
        if resource == POLICIES:
            policy = view.policies.get(name)
            if policy is None or policy.generation != generation:
                return None  # the next view has it, and brings us here again
            called = self._is_called(name)
            if called:
                self._waiting.pop(name, None)
            if not called and not self._waited(name):
                return None
            with self._lock:
                seen = dict(self._seen.get(dig_text(thing, "metadata", "uid"), {}))
            return render(wish_for_policy(policy, status, seen, now, called=called), status, now)
        if resource == CONVERSIONS:
            conversion = view.conversions.get(name)
            if conversion is None or conversion.generation != generation:
                return None
            return render(wish_for_conversion(conversion), status, now)
        exception = view.exceptions.get(name)
        if exception is None or exception.generation != generation:
            return None
        if exception.good is not None and exception.good.expires > now:
            self._queue.add((resource, name), delay=(exception.good.expires - now).total_seconds() + 1.0)
        return render(wish_for_exception(exception, view.settings, now), status, now)

    def _is_called(self, name: str) -> bool:
        """Whether API servers ask for this policy, or have no kind for which they could."""
        if self._register is None:
            return True
        registrar = self._registrar
        wanted = None if registrar is None else registrar.source()
        if registrar is None or wanted is None:
            return False
        asked = any(name in entry.policies for entry in wanted.entries)
        return not asked or name in registrar.registered()

    def _waited(self, name: str) -> bool:
        """For its registration, which usually takes a moment. It is looked at again in either case."""
        begun = self._waiting.setdefault(name, time.monotonic())
        done = time.monotonic() - begun > PATIENCE
        self._queue.add((POLICIES, name), delay=PATIENCE if done else PAUSE)
        return done


def _shelves(view: View) -> list[tuple[Resource, dict[str, object]]]:
    return [
        (POLICIES, dict(view.policies)),
        (CONVERSIONS, dict(view.conversions)),
        (EXCEPTIONS, dict(view.exceptions)),
    ]
