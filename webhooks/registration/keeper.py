"""Keeps one object right: reads it, writes what differs, and remembers how it stands. `registrar` says when."""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from auditor.cluster import Client
from auditor.cluster.conditions import Condition, apply_condition
from auditor.cluster.lease import Permit
from auditor.errors import InvalidError, NotFoundError
from auditor.intake.kinds import CONVERSIONS
from auditor.json import Json
from auditor.webhooks.registration.cells import Side
from auditor.webhooks.registration.configurations import webhook_name
from auditor.webhooks.registration.meters import RegistrationMeters
from auditor.webhooks.registration.owner import Owner, Standing, read_standing
from auditor.webhooks.registration.rivalry import QUIET
from auditor.webhooks.registration.sections import Decision, Turn
from auditor.webhooks.registration.target import Memories, Memory, State
from auditor.webhooks.registration.wanted import Wanted
from auditor.webhooks.registration.writing import (
    OPTIONS,
    Leave,
    at_will,
    read_configuration,
    read_section,
    write_configuration,
    write_section,
)

log = logging.getLogger(__name__)

CONDITION = "Registered"
VALIDATING = "ValidatingWebhookConfiguration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    client: Client
    owner: Owner | None
    guard: Callable[[], contextlib.AbstractContextManager[Permit]] | None
    """That of the election: what is written, is written within the term. None: there is no other who could write."""
    meters: RegistrationMeters
    memories: Memories
    again: Callable[[str, float], None]
    """Asks for another look at an object, after so many seconds."""

    def keep_configuration(self, kind: str, wanted: Wanted, memory: Memory) -> None:
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
            self._wrote(memory, digest, found.drift)
        memory.digest = digest
        self._note_policies(memory, wanted, frozenset(each["name"] for each in memory.accepted["webhooks"]))
        lost = len(thing["webhooks"]) - len(memory.accepted["webhooks"])
        if lost:
            self.memories.note(memory, State.FAILED, f"{lost} webhooks were refused: {'; '.join(faults)}", faults)
        else:
            self._stand(memory, found.rivals, faults)

    def _note_policies(self, memory: Memory, wanted: Wanted, webhooks: frozenset[str]) -> None:
        side = Side.VALIDATE if memory.target.name == VALIDATING else Side.MUTATE
        entries = [entry for entry in wanted.entries if entry.side is side]
        lacking = frozenset(p for each in entries if webhook_name(each) not in webhooks for p in each.policies)
        policies = frozenset(policy for each in entries for policy in each.policies) - lacking
        self.memories.note_policies(memory, policies, lacking=lacking)

    def keep_section(self, name: str, wanted: Wanted, memory: Memory) -> None:
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
                self._wrote(memory, digest, found.drift)
                memory.digest = digest
            except InvalidError as error:  # it will say so again until the CRD or the Conversion changes
                decision = Decision(Turn.LEAVE, "Refused", str(error), good=False)
        elif found is not None and decision.turn is Turn.SET:
            memory.digest = _digest([found.section, decision.turn])
        asked_for = conversion is not None or broken
        if not asked_for and (decision.good or found is None):
            self.memories.forget(name)
            return
        if decision.good:
            self._stand(memory, found.rivals if found is not None else [])
        else:
            self.memories.note(memory, State.LEFT, decision.message)
        if asked_for:
            self._tell(name, memory, decision)

    def _may_write(self, memory: Memory, digest: str, drift: list[str], rivals: list[str]) -> bool:
        target = memory.target
        standing = read_standing(self.client, self.owner)
        if standing is not Standing.PRESENT:
            owner = f"{self.owner.resource.kind} {self.owner.name}" if self.owner else ""
            self.memories.note(memory, State.UNINSTALLED, f"the owner of what is registered, {owner}, is {standing}")
            return False
        if memory.digest != digest:
            return True
        delay = memory.rivalry.delay()
        if not delay:
            log.warning("%s was changed by others (%s): %s", target.name, _join(rivals), _join(drift))
            return True
        self.again(target.name, delay)
        self.memories.note(memory, State.CONTESTED, f"wrong now, {_contest(rivals)}: {_join(drift)}", target.faults)
        return False

    def _wrote(self, memory: Memory, digest: str, drift: list[str]) -> None:
        target = memory.target
        was_drift = memory.digest == digest
        if was_drift:
            memory.rivalry.correct()
        self.meters.wrote(target.name, "drift" if was_drift else "change")
        log.info("%s was written: %s", target.name, _join(drift))
        memory.target = replace(target, writes=target.writes + 1)

    def _stand(self, memory: Memory, rivals: list[str], faults: tuple[str, ...] = ()) -> None:
        if memory.rivalry.contested:
            self.again(memory.target.name, QUIET)
            self.memories.note(memory, State.CONTESTED, f"right now, {_contest(rivals)}", faults)
        else:
            self.memories.note(memory, State.IN_FORCE, "", faults)

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
            yield at_will
            return
        with self.guard() as permit:
            yield lambda: replace(OPTIONS, timeout=permit.left())


_ABSENT = Decision(Turn.LEAVE, "CrdAbsent", "there is no such CRD in this cluster", good=False)


def _digest(value: Json) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _join(texts: Sequence[str]) -> str:
    """In a log or a status: the first few say enough."""
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "") if texts else "unknown"


def _contest(rivals: Sequence[str]) -> str:
    return f"and changed back again and again by one of: {_join(rivals or ['another auditor'])}"
