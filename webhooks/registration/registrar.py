"""Keeps what is registered right: when policies, conversions or authorities change, and when others change it.

It watches our two configurations and hears of every CRD. What differs is written within a second, by server-side apply
and with force for our own fields; what does not is never written. If somebody fights back, corrections get slower
(`rivalry`), and log, status and metrics say who it is. One replica does it at a time: the leader starts it, and stops
it when it leads no more. Two that want the same would write nothing more either, but during an update they do not.

Between the moment that a new CRD is served and that API servers know of its webhook, objects of the new kind are
admitted without us: the watcher judges them when it first sees them. On one idle API server it is registered before it
is served. A policy that names a kind by group and plural is registered before the CRD comes, and leaves no such gap.

Nothing here can deadlock a cluster: API servers call no webhook for webhook configurations; our own namespace and
kube-system are excluded; the webhook for our own policies, and what policies say of those, is Ignore; and where the
owner is gone or an uninstall has been there, nothing is put back.
"""

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import orjson
from prometheus_client import CollectorRegistry

from auditor.cluster import Client, WriteOptions
from auditor.cluster.conditions import Condition, apply_condition
from auditor.cluster.discovery import KindChange
from auditor.cluster.informer import Informers, Notice
from auditor.cluster.lease import Permit
from auditor.cluster.listwatch import Scope
from auditor.cluster.queue import WorkQueue
from auditor.cluster.resource import Resource
from auditor.cluster.workers import Workers
from auditor.errors import AuditorError, InvalidError, LeaseLostError, NotFoundError
from auditor.json import Json
from auditor.webhooks.registration.cells import Side
from auditor.webhooks.registration.configurations import webhook_name
from auditor.webhooks.registration.meters import RegistrationMeters
from auditor.webhooks.registration.owner import Owner, Standing, read_standing
from auditor.webhooks.registration.plan import Plan, make_plan
from auditor.webhooks.registration.rivalry import QUIET, Rivalry
from auditor.webhooks.registration.sections import Decision, Turn, leads_to_us
from auditor.webhooks.registration.target import Memory, State, Target
from auditor.webhooks.registration.wanted import Wanted
from auditor.webhooks.registration.writing import (
    CONFIGURATIONS,
    OPTIONS,
    Leave,
    read_configuration,
    read_section,
    write_configuration,
    write_section,
)

log = logging.getLogger(__name__)

CONVERSIONS = Resource("auditor.dev", "v1", "conversions", "Conversion", namespaced=False)
CONDITION = "Registered"
VALIDATING = "ValidatingWebhookConfiguration"
MAX_DELAY = 30.0
"""Seconds between two attempts that fail: it goes on as long as it runs, since nobody else will do it."""
NEVER = 1 << 30
"""Attempts before it gives up."""
STOP_TIMEOUT = 5.0


@dataclass(slots=True, kw_only=True)
class Registrar:
    """`refresh` when anything that `source` gives has changed; `hear` of every change of a CRD."""

    client: Client
    source: Callable[[], Wanted | None]
    """None as long as not all is known: then nothing is written, and nothing taken away. Asked often, in the threads of
    watches, too: it gives what was made before, and makes nothing."""
    name: str
    """Of both configurations: that of the installation."""
    owner: Owner | None = None
    guard: Callable[[], contextlib.AbstractContextManager[Permit]] | None = None
    """That of the election: what is written, is written within the term. None: there is no other who could write."""
    options: WriteOptions = OPTIONS
    meters: RegistrationMeters = field(default_factory=lambda: RegistrationMeters(CollectorRegistry()))
    clock: Callable[[], float] = time.monotonic
    _queue: WorkQueue[str] = field(init=False)
    _workers: Workers[str] = field(init=False)
    _informers: Informers = field(init=False)
    _memories: dict[str, Memory] = field(init=False, default_factory=dict)
    _changed: threading.Condition = field(init=False, default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._queue = WorkQueue(max_delay=MAX_DELAY, max_retries=NEVER)
        self._workers = Workers("registration", self._queue, self._work)
        self._informers = Informers(self.client)

    # -- from outside --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        for kind, resource in CONFIGURATIONS.items():
            self._informers.open(resource, scope=Scope(fields=f"metadata.name={self.name}"), handler=self._note(kind))
        self._workers.start()
        self.refresh()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """What is registered stays. False if a write was still under way."""
        deadline = time.monotonic() + timeout
        done = self._workers.stop(timeout)
        return self._informers.stop(max(0.1, deadline - time.monotonic())) and done

    def refresh(self) -> None:
        """Looks at everything again. Cheap: one read for each object, and no write where all is right."""
        wanted = self.source()
        if wanted is None:
            return
        names = {*CONFIGURATIONS, *wanted.conversions, *wanted.broken, *self._sections()}
        address = wanted.installation.address
        names |= {kind.name for kind in wanted.kinds.values() if leads_to_us(kind, address)}
        for name in sorted(names):
            self._queue.add(name)

    def hear(self, change: KindChange) -> None:
        """For `Kinds.subscribe`."""
        wanted = self.source()
        name = change.kind.name
        if wanted is not None and (
            name in wanted.conversions
            or name in wanted.broken
            or name in self._sections()
            or leads_to_us(change.kind, wanted.installation.address)
        ):
            self._queue.add(name)

    def status(self) -> list[Target]:
        with self._changed:
            return [memory.target for _, memory in sorted(self._memories.items())]

    def plan(self) -> Plan | None:
        """What would be written now; None as long as not all is known."""
        wanted = self.source()
        return None if wanted is None else make_plan(self.client, wanted)

    def registered(self) -> frozenset[str]:
        """The policies that API servers call us for, on each side on which they have something to say."""
        with self._changed:
            memories = list(self._memories.values())
        lacking = frozenset(name for memory in memories for name in memory.lacking)
        return frozenset(name for memory in memories for name in memory.policies) - lacking

    def wait(self, fits: Callable[[dict[str, Target]], bool], timeout: float) -> bool:
        """Until the status is as it should be, by name; False after the timeout."""
        with self._changed:
            return self._changed.wait_for(
                lambda: fits({name: memory.target for name, memory in self._memories.items()}), timeout
            )

    def wait_in_force(self, timeout: float) -> bool:
        """Until both configurations are as they have to be, for the first time or again."""
        return self.wait(
            lambda found: all(kind in found and found[kind].state is State.IN_FORCE for kind in CONFIGURATIONS), timeout
        )

    # -- work ----------------------------------------------------------------------------------------------------------

    def _note(self, kind: str) -> Callable[[Notice], None]:
        return lambda _: self._queue.add(kind)

    def _sections(self) -> set[str]:
        with self._changed:
            return self._memories.keys() - CONFIGURATIONS.keys()

    def _work(self, name: str) -> None:
        wanted = self.source()
        if wanted is None:
            return
        with self._changed:
            memory = self._memories.setdefault(name, Memory(Target(name), Rivalry(self.clock)))
        try:
            if name in CONFIGURATIONS:
                self._keep_configuration(name, wanted, memory)
            else:
                self._keep_section(name, wanted, memory)
        except LeaseLostError as error:
            log.info("%s: left to who leads next: %s", name, error)
            self._queue.add(name, delay=STOP_TIMEOUT)  # it may be this one, without having been stopped in between
        except Exception as error:
            self.meters.failed(name)
            text = str(error) if isinstance(error, AuditorError) else f"{type(error).__name__}: {error}"
            self._set(memory, State.FAILED, text)
            raise

    def _keep_configuration(self, kind: str, wanted: Wanted, memory: Memory) -> None:
        thing = next(each for each in wanted.configurations() if each["kind"] == kind)
        digest = _digest(thing)
        if digest != memory.digest or memory.accepted is None:
            memory.accepted = thing
            faults: tuple[str, ...] = ()
        else:
            faults = memory.target.faults
        found = read_configuration(self.client, memory.accepted)
        if found.drift:
            self._note_policies(memory, wanted, frozenset())
            if not self._may_write(memory, digest, found.drift, found.rivals):
                return
            with self._term() as leave:
                written = write_configuration(self.client, memory.accepted, leave)
            memory.accepted = written.accepted
            faults = (*faults, *(f"{name}: {text}" for name, text in written.faults.items()))
            self._wrote(memory, digest, found.drift, found.rivals)
        memory.digest = digest
        self._note_policies(memory, wanted, frozenset(each["name"] for each in memory.accepted["webhooks"]))
        lost = len(thing["webhooks"]) - len(memory.accepted["webhooks"])
        if lost:
            self._set(memory, State.FAILED, f"{lost} webhooks were refused: {'; '.join(faults)}", faults)
        else:
            self._stand(memory, found.rivals, faults)

    def _note_policies(self, memory: Memory, wanted: Wanted, webhooks: frozenset[str]) -> None:
        side = Side.VALIDATE if memory.target.name == VALIDATING else Side.MUTATE
        entries = [entry for entry in wanted.entries if entry.side is side]
        lacking = frozenset(p for each in entries if webhook_name(each) not in webhooks for p in each.policies)
        with self._changed:
            memory.lacking = lacking
            memory.policies = frozenset(policy for each in entries for policy in each.policies) - lacking

    def _keep_section(self, name: str, wanted: Wanted, memory: Memory) -> None:
        conversion, broken = wanted.conversions.get(name), name in wanted.broken
        found = read_section(self.client, name, conversion, wanted.installation.address, broken=broken)
        decision = _ABSENT if found is None else found.decision
        if found is not None and found.drift:
            digest = _digest([found.section, decision.turn])
            if not self._may_write(memory, digest, found.drift, found.rivals):
                return
            try:
                with self._term() as leave:
                    write_section(self.client, found, leave)
                self._wrote(memory, digest, found.drift, found.rivals)
                memory.digest = digest
            except InvalidError as error:  # it will say so again until the CRD or the Conversion changes
                decision = Decision(Turn.LEAVE, "Refused", str(error), good=False)
        elif found is not None and decision.turn is Turn.SET:
            memory.digest = _digest([found.section, decision.turn])
        asked_for = conversion is not None or broken
        if not asked_for and (decision.good or found is None):
            self._forget(name)
            return
        if decision.good:
            self._stand(memory, found.rivals if found is not None else [])
        else:
            self._set(memory, State.LEFT, decision.message)
        if asked_for:
            self._tell(name, memory, decision)

    def _may_write(self, memory: Memory, digest: str, drift: list[str], rivals: list[str]) -> bool:
        target = memory.target
        standing = read_standing(self.client, self.owner)
        if standing is not Standing.PRESENT:
            owner = f"{self.owner.resource.kind} {self.owner.name}" if self.owner else ""
            self._set(memory, State.UNINSTALLED, f"the owner of what is registered, {owner}, is {standing}")
            return False
        if memory.digest != digest:
            return True
        delay = memory.rivalry.delay()
        if not delay:
            log.warning("%s was changed by others (%s): %s", target.name, _join(rivals), _join(drift))
            return True
        self._queue.add(target.name, delay=delay)
        self._set(memory, State.CONTESTED, f"wrong now, {_contest(rivals)}: {_join(drift)}", target.faults)
        return False

    def _wrote(self, memory: Memory, digest: str, drift: list[str], rivals: list[str]) -> None:
        target = memory.target
        was_drift = memory.digest == digest
        if was_drift:
            memory.rivalry.correct()
        self.meters.wrote(target.name, "drift" if was_drift else "change")
        log.info("%s was written: %s", target.name, _join(drift))
        memory.target = replace(target, writes=target.writes + 1)

    def _stand(self, memory: Memory, rivals: list[str], faults: tuple[str, ...] = ()) -> None:
        if memory.rivalry.contested:
            self._queue.add(memory.target.name, delay=QUIET)
            self._set(memory, State.CONTESTED, f"right now, {_contest(rivals)}", faults)
        else:
            self._set(memory, State.IN_FORCE, "", faults)

    def _tell(self, name: str, memory: Memory, decision: Decision) -> None:
        """In the status of the Conversion."""
        contested = memory.target.state is State.CONTESTED
        condition = Condition(
            CONDITION,
            "True" if decision.good and not contested else "False",
            "Contested" if contested else decision.reason,
            memory.target.message if contested else decision.message,
        )
        with contextlib.suppress(NotFoundError), self._term() as leave:  # deleted meanwhile, and we will hear of it
            apply_condition(self.client, CONVERSIONS, name, condition, timeout=leave().timeout)

    @contextlib.contextmanager
    def _term(self) -> Iterator[Leave]:
        """For the writes of one object."""
        if self.guard is None:
            yield lambda: self.options
            return
        with self.guard() as permit:
            yield lambda: replace(self.options, timeout=permit.left())

    def _set(self, memory: Memory, state: State, message: str, faults: tuple[str, ...] = ()) -> None:
        old = memory.target
        if state is not old.state and state not in (State.IN_FORCE, State.PENDING):
            log.warning("%s: %s: %s", old.name, state, message)
        elif faults != old.faults and faults:
            log.warning("%s: the API server refuses %s", old.name, "; ".join(faults))
        with self._changed:
            memory.target = replace(old, state=state, message=message, faults=faults)
            self._changed.notify_all()
        self.meters.stands(old.name, in_force=state is State.IN_FORCE, contested=state is State.CONTESTED)

    def _forget(self, name: str) -> None:
        with self._changed:
            self._memories.pop(name, None)
            self._changed.notify_all()
        self.meters.forget(name)


_ABSENT = Decision(Turn.LEAVE, "CrdAbsent", "there is no such CRD in this cluster", good=False)


def _digest(value: Json) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _join(texts: Sequence[str]) -> str:
    """In a log or a status: the first few say enough."""
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "") if texts else "unknown"


def _contest(rivals: Sequence[str]) -> str:
    return f"and changed back again and again by one of: {_join(rivals or ['another auditor'])}"
