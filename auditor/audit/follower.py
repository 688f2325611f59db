"""One kind, followed: each of its objects is judged as it streams by, and nothing is kept but what came out."""

import functools
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from auditor.audit.judge import JUDGING, judge
from auditor.audit.ledger import Diff, Held, KindLedger, widen
from auditor.audit.setting import ON_POLICIES, Setting
from auditor.cluster import Resource
from auditor.cluster.access import key_of
from auditor.cluster.callback import FAULTS
from auditor.cluster.informer import Informer, Informers, Notice
from auditor.cluster.informer.index import IndexFunction
from auditor.cluster.listwatch import Change, Version, resource_version_of, uid_of, version_of
from auditor.cluster.stores import IDENTITY
from auditor.errors import ClusterError
from auditor.json import JsonObject
from auditor.model.subject import Subject
from auditor.tracing import begin, is_on, span

log = logging.getLogger(__name__)


class Audience(Protocol):
    """Who is told of what a follower finds. Called under its lock, by watches: has to be quick."""

    def tell(self, follower: "Follower", diff: Diff, *, initial: bool) -> None: ...

    def recheck(self, follower: "Follower", key: str, at: datetime | None, *, part: bool = False) -> None:
        """That object is to be judged again then, though nothing changes; None: it is not. `part`: so say some, and
        what the others said before stands."""

    def count(self, follower: "Follower", reason: str, evaluations: int) -> None: ...


@dataclass(frozen=True, slots=True)
class State:
    """How a kind is doing, for coverage."""

    synced: bool
    present: int | None
    """None: it has never been listed."""
    failed: int
    """Objects of which something could not be evaluated."""
    trouble: str
    """Why it cannot be read now."""
    last_complete_pass: datetime | None


def _now() -> datetime:
    return datetime.now(UTC)


class Follower:
    """The lock makes an order of all that is said of the kind's objects: a judgement that begins after `set` has
    returned is by the new setting, and what it is about is what the informer knows."""

    def __init__(
        self,
        name: str,
        resource: Resource,
        setting: Setting,
        audience: Audience,
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """`name` is plural.group, whatever the version."""
        self.name, self.resource = name, resource
        self.ledger = KindLedger()
        self.lock = threading.RLock()
        self._setting, self._audience, self._clock = setting, audience, clock
        self._informer: Informer | None = None
        self._pointers: frozenset[str] = frozenset()
        self._settled = False
        """All that was there has been judged since the informer was opened."""
        self._passed: datetime | None = None
        self.closed = False
        """Nothing is judged any more."""
        self.lapsed = False
        """Something was found while the kind was not ours, and was told nobody: it has to be begun anew."""
        self._turn = 0
        """Counts how often it was opened: what an informer of before still tells is of no interest."""
        self._last_part: tuple[Setting, frozenset[str], Setting] = (setting, frozenset(), setting)

    # -- its life ------------------------------------------------------------------------------------------------------

    def open(self, informers: Informers, resource: Resource, indexes: Mapping[str, IndexFunction]) -> None:
        """From now on; again, if the version or what is looked up has changed: what is known meanwhile is kept."""
        before = self._informer
        with self.lock:
            former = self.resource, self._settled, self._turn
            self.resource, self._settled = resource, False
            self._turn += 1
            hear = functools.partial(self._hear, self._turn)
        # `fresh`: others may follow the kind already and keep nothing, and then it would be told of names only.
        try:
            informer = informers.open(resource, keep=IDENTITY, handler=hear, indexes=indexes, fresh=True)
        except BaseException:
            with self.lock:
                self.resource, self._settled, self._turn = former  # what was opened before goes on
            raise
        with self.lock:
            self._informer, self._pointers = informer, frozenset(indexes)
            closed = self.closed
        if before is not None:
            before.close()
        if closed:
            informer.close()

    def close(self) -> None:
        """Nothing is judged any more; what is known stays, for whoever asks what there was."""
        with self.lock:
            self.closed = True
            informer = self._informer
        if informer is not None:
            informer.close()

    @property
    def pointers(self) -> frozenset[str]:
        return self._pointers

    # -- what is known -------------------------------------------------------------------------------------------------

    @property
    def setting(self) -> Setting:
        return self._setting

    @property
    def settled(self) -> bool:
        return self._settled

    @property
    def state(self) -> State:
        informer, trouble = self._informer, self.trouble
        known = informer is not None and informer.synced
        with self.lock:
            failed = sum(count for _, shape, count in self.ledger.shapes() if shape.failed)
            present = len(self.ledger) if self._passed is not None else None
            if informer is not None and known:
                present = len(informer)
            return State(known and self._settled, present, failed, trouble, self._passed)

    @property
    def trouble(self) -> str:
        """Why it cannot be read now; empty: it can."""
        informer = self._informer
        error = informer.status.last_error if informer is not None else None
        return "" if error is None else str(error)

    def find(self, key: str) -> tuple[Subject, Held] | None:
        """None: it has no findings."""
        with self.lock:
            held = self.ledger.find(key)
            return None if held is None else (self.subject(key, held.uid), held)

    def subject(self, key: str, uid: str) -> Subject:
        namespace, _, name = key.rpartition("/")
        resource = self.resource
        return Subject(resource.api_version, resource.kind, resource.plural, namespace, name, uid)

    def keys_with(self, pointer: str, values: Iterable[str]) -> set[str] | None:
        """Of the objects that have one of these values there. None: that cannot be told, so it may be all of them."""
        informer = self._informer
        if informer is None or pointer not in self._pointers or self._setting.splits:
            return None  # a policy that wants another version may see another value there
        try:
            return {key for value in values for key in informer.keys_by_index(pointer, value)}
        except (ClusterError, ValueError):  # it failed on an object; or the informer is just replaced by another
            return None

    def exists(self, name: str, namespace: str, uid: str) -> bool | None:
        """None: not all of the kind is known."""
        informer = self._informer
        if informer is None or not self._settled:
            return None
        version = informer.version(f"{namespace}/{name}" if self.resource.namespaced else name)
        return version is not None and uid_of(version) == uid

    # -- judging -------------------------------------------------------------------------------------------------------

    def set(self, setting: Setting, gone: Collection[str] = ()) -> None:
        """By this from now on; the sources in `gone` say nothing any more."""
        with self.lock:
            self._setting = setting
            for diff in list(self.ledger.drop(gone)) if gone else ():
                self._tell(diff)

    def settle(self) -> bool:
        """Whether that has just happened: all that is there is judged, and what is not there any more is gone."""
        informer = self._informer
        if informer is None or self._settled or not informer.synced:
            return False
        with self.lock:
            self._settled = True
            self._passed = self._clock()
            for diff in list(self.ledger.retain(informer.keys())):
                self._tell(diff)
        return True

    def clear(self) -> None:
        """The kind is gone, and all of its objects with it."""
        with self.lock:
            for diff in list(self.ledger.retain(())):
                self._tell(diff)

    def complete(self, at: datetime) -> None:
        """All objects have been judged anew: those that are known, so it counts only where all are."""
        with self.lock:
            if self._settled:
                self._passed = at

    def judge_again(self, thing: JsonObject, reason: str, sources: frozenset[str] | None = None) -> bool:
        """An object that was read now: by all of the setting, or by the policies behind these sources.

        Of an object that has changed meanwhile the watch brings the newer state, which was judged, or will be, by what
        is in force now: then this does nothing.
        """
        key, version = key_of(thing), version_of(thing)
        with self.lock:
            if self.closed or self._informer is None or self._informer.version(key) != version:
                return False
            if thing.get("apiVersion", self.resource.api_version) != self.resource.api_version:
                return False  # read in another version than that in which the kind is followed by now
            self._judge(key, thing, version, reason, sources)
            return True

    def _part(self, sources: frozenset[str]) -> Setting:
        """Of the setting of now, the same for all objects of a pass."""
        base, chosen, part = self._last_part
        if base is not self._setting or chosen != sources:
            part = self._setting.only(sources)
            self._last_part = (self._setting, sources, part)
        return part

    def _hear(self, turn: int, notice: Notice) -> None:
        with self.lock:
            if self.closed or notice.resync or turn != self._turn:
                return
            if notice.change is Change.DELETED:
                self._audience.recheck(self, notice.key, None)
                if diff := self.ledger.remove(notice.key):
                    self._tell(diff)
            elif notice.object is None:
                log.error("%s %s: told of without the object: a defect of auditor", self.name, notice.key)
            else:
                # What a list of later brings, as after a break of the watch, was not there at the start.
                initial = notice.initial and not self._settled
                self._judge(notice.key, notice.object, notice.version, "watch", initial=initial)

    def _tell(self, diff: Diff, *, initial: bool = False) -> None:
        """The ledger has it already: a listener that fails must not keep the next ones from being told."""
        try:
            self._audience.tell(self, diff, initial=initial)
        except FAULTS:
            log.exception("%s %s: what was found could not be handed on: a defect of auditor", self.name, diff.key)

    def _judge(
        self,
        key: str,
        thing: JsonObject,
        version: Version,
        reason: str,
        sources: frozenset[str] | None = None,
        *,
        initial: bool = False,
    ) -> None:
        # Of what was there at a start there may be a hundred thousand, and nobody has done anything to it.
        if initial or not is_on():
            self._weigh(key, thing, version, reason, sources, initial=initial)
            return
        about = {"auditor.kind": self.name, "auditor.object": key, "auditor.reason": reason}
        with begin("object judged", about) as current:
            diff = self._weigh(key, thing, version, reason, sources, initial=initial)
            if current is not None:
                for what in ("opened", "changed", "resolved"):
                    current.set_attribute(f"auditor.{what}", len(getattr(diff, what)))

    def _weigh(
        self,
        key: str,
        thing: JsonObject,
        version: Version,
        reason: str,
        sources: frozenset[str] | None,
        *,
        initial: bool,
    ) -> Diff:
        if sources is not None:
            # Who could not be judged at all, of that nothing is known that could stand.
            sources = None if self.ledger.says(key, JUDGING) else self._setting.close(sources)
        setting = self._setting if sources is None else self._part(sources)
        with span("judge"):
            answer = judge(setting, thing, self._clock())
        uid = uid_of(version)
        if sources is None:
            diff = self.ledger.put(key, uid, answer.judged)
            self._audience.recheck(self, key, answer.recheck_at)
        else:
            diff = self.ledger.merge(key, uid, widen(sources, ON_POLICIES), answer.judged)
            self._audience.recheck(self, key, answer.recheck_at, part=True)
        self._audience.count(self, reason, answer.evaluations)
        if diff:
            if log.isEnabledFor(logging.DEBUG):
                log.debug("%s %s at %s: %s", self.name, key, resource_version_of(version), _name(diff))
            with span("tell"):
                self._tell(diff, initial=initial)
        return diff


def _name(diff: Diff) -> str:
    """By the rules: their messages may quote the object, whose values are for no log."""
    parts = (("opened", diff.opened), ("changed", diff.changed), ("resolved", diff.resolved))
    return ", ".join(f"{what} {each.policy}/{each.rule}" for what, findings in parts for each in findings)
