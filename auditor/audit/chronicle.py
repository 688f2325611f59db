"""What the watcher tells the history: findings as they turn, and every few minutes all that is counted."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from auditor import __version__
from auditor.audit.accounts import (
    Kind,
    all_exceptions,
    all_policies,
    part_key,
    read_pairs,
    split_key,
    tell_exception,
    tell_policy,
)
from auditor.audit.coverage import Situation
from auditor.audit.doors import Collected
from auditor.audit.follower import Follower
from auditor.errors import AuditorError
from auditor.intake.live.view import View
from auditor.model.finding import Finding, Result
from auditor.model.resource import name_kind
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import (
    Census,
    DoorDecision,
    DoorTotals,
    Interval,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Record,
    Release,
    Sort,
    Tally,
    Writer,
    read_decision,
)

log = logging.getLogger(__name__)

RETRY: Final = 5.0
"""Seconds: which kinds there are, and what the history has, is known some seconds after the start; and what is judged
for the first time, or by other policies, is counted after so many: else a report would tell findings and no results."""
OUTCOMES: Final = {"allowed": "allow", "denied": "deny", "patched": "mutate", "errored": "error"}


class Spool(Protocol):
    def put(self, *records: Record) -> None: ...

    def reconcile(
        self, group: str, resource: str, held: Callable[[], Iterable[tuple[Subject, Finding]] | None]
    ) -> None: ...


def _now() -> datetime:
    return datetime.now(UTC)


class Chronicle:
    """`put` and `reconcile` are quick, and may be called from any thread; `count` is called by one."""

    def __init__(
        self,
        spool: Spool,
        *,
        followers: Callable[[], Mapping[str, Follower]],
        situation: Callable[[], Situation | None],
        gone: Callable[[], Iterable[Kind] | None],
        length: timedelta,
        tick: timedelta,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """`gone`: kinds that have open findings in the history and are not there any more; None: not known yet.

        What is counted is told each `tick`, and what is told last in an interval of that `length` stands for it."""
        self._spool, self._followers, self._situation, self._gone = spool, followers, situation, gone
        self._length, self._tick, self._clock = length, tick, clock
        self._view: View | None = None
        self._counted: datetime | None = None
        """The start of the interval that was told last."""
        self._early = False
        """It is not the full tick yet that is waited for."""
        self._told: frozenset[str] = frozenset()
        """The kinds that were counted."""
        self._revised = False
        """Policies or exceptions are others since."""
        self._kinds: frozenset[str] = frozenset()
        """Of the last census."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intervals", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What was counted since the last interval is told."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)
        self.count()

    # -- findings ------------------------------------------------------------------------------------------------------

    def put(self, turn: FindingTurn) -> None:
        self._spool.put(turn)
        if turn.finding.writer and turn.turn is not Turn.RESOLVED:
            self._spool.put(Writer(turn.finding.fingerprint, turn.finding.writer))

    def reconcile(self, follower: Follower) -> None:
        self._reconcile(follower.resource.group, follower.resource.plural, gone=False)

    def end(self, follower: Follower) -> None:
        self._reconcile(follower.resource.group, follower.resource.plural, gone=True)

    def _reconcile(self, group: str, resource: str, *, gone: bool) -> None:
        """`gone`: there is no such kind, unless it comes again until the database asks, which may be away for long."""

        def hold() -> Iterable[tuple[Subject, Finding]] | None:
            follower = self._followers().get(name_kind(group, resource))
            if follower is None:
                return () if gone else None  # somebody else follows it by now, and knows better
            return _hold(follower) if follower.settled else None  # when it is known whole, it is told whole

        self._spool.reconcile(group, resource, hold)

    def lost(self, kinds: Iterable[Kind] | None) -> None:
        """Turns of these kinds, None: of all, are not in the history: what is known now is told whole."""
        followers = self._followers()
        wanted = None if kinds is None else set(kinds)
        for follower in followers.values():
            if wanted is None or (follower.resource.group, follower.resource.plural) in wanted:
                self.reconcile(follower)

    # -- policies and exceptions ---------------------------------------------------------------------------------------

    def take_over(self, view: View) -> None:
        """What is different since the last view; the first tells of all, and the history knows what is new to it."""
        before, self._view = self._view, view
        self._revised = True
        at = self._clock()
        old = {} if before is None else all_policies(before)
        new = all_policies(view)
        for key, state in new.items():
            if old.get(key) is not state:
                self._spool.put(tell_policy(key, state, at))
        for key, state in old.items():
            if key not in new:
                kind, policy = split_key(key)
                uid = str((state.thing.get("metadata") or {}).get("uid") or "")
                self._spool.put(
                    PolicyChange(at=at, policy=policy, kind=kind, generation=state.generation, what="removed", uid=uid)
                )
        excused, excusing = {} if before is None else all_exceptions(before), all_exceptions(view)
        for key, (exception, what) in excusing.items():
            if excused.get(key) != (exception, what):
                self._spool.put(tell_exception(key, exception, what, at))
        for key, (exception, _) in excused.items():
            if key not in excusing:
                self._spool.put(tell_exception(key, exception, "removed", at))
        if before is None:  # what went while nobody looked nobody has told
            self._spool.put(Census(at=at, of=Sort.POLICIES, keys=frozenset(map(split_key, new))))
            self._spool.put(Census(at=at, of=Sort.EXCEPTIONS, keys=frozenset(map(part_key, excusing))))

    # -- intervals -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._settle_gone():
            if self._stopping.wait(RETRY):
                return
        while not self._stopping.wait(self._pause()):
            if not self._is_due():
                continue
            try:
                self.count()
            except Exception:
                log.exception("an interval could not be counted: a defect of auditor")
            self._settle_gone()  # who takes over from another has not seen what went while nobody led

    def _pause(self) -> float:
        """Seconds to the next full tick, or until it is looked whether there is something new to count."""
        tick = self._tick.total_seconds()
        rest = tick - time.time() % tick
        self._early = rest > RETRY
        return RETRY if self._early else rest

    def _is_due(self) -> bool:
        if not self._early:
            return True
        known = {name for name, each in self._followers().items() if each.settled}
        return bool(known) and (self._revised or not known <= self._told)

    def _settle_gone(self) -> bool:
        """Their findings ended while nobody watched."""
        try:
            gone = self._gone()
        except AuditorError as error:
            log.debug("which kinds have findings in the history is not known yet: %s", error)
            return False
        except Exception:
            log.exception("which kinds have findings in the history could not be asked: a defect of auditor")
            return False
        for group, resource in gone or ():
            log.info("%s.%s is gone: its findings in the history are over", resource, group)
            self._reconcile(group, resource, gone=True)
        return gone is not None

    def count(self) -> None:
        """All kinds that have been judged as a whole, as they are now."""
        at = self._clock()
        start = self._start_of(at)
        if self._counted is None:
            self._spool.put(Release(at, __version__))
        # An interval ends as it was at its end: that is now, at the first tick of the next.
        ended = [self._counted] if self._counted == start - self._length and at - start < self._tick else []
        self._revised = False
        known = {name: each for name, each in self._followers().items() if each.settled}
        for follower in known.values():
            self._spool.put(*(self._interval(follower, each) for each in (*ended, start)))
        self._counted, self._told = start, frozenset(known)
        situation = self._situation()
        if situation is not None:
            self._cover(situation, at)

    def _cover(self, situation: Situation, at: datetime) -> None:
        policies = read_pairs(situation.policies)
        for each in situation.kinds:
            kind = (each.group, each.resource)
            self._spool.put(
                KindCoverage(
                    at=at,
                    group=each.group,
                    resource=each.resource,
                    present=each.present,
                    evaluated=each.evaluated,
                    not_evaluated=each.not_evaluated or 0,
                    stale=each.stale,
                    reason=each.reason,
                    excluded=each.excluded,
                ),
                KindPolicies(at=at, group=each.group, resource=each.resource, policies=policies.get(kind, {})),
            )
        if situation.known and situation.known != self._kinds:
            self._kinds = situation.known
            # The name of a resource has no dot: what follows the first is the group.
            keys = frozenset((group, plural) for plural, _, group in (name.partition(".") for name in self._kinds))
            self._spool.put(Census(at=at, of=Sort.KINDS, keys=keys))

    def _start_of(self, at: datetime) -> datetime:
        length = self._length.total_seconds()
        return datetime.fromtimestamp(at.timestamp() // length * length, UTC)

    def _interval(self, follower: Follower, start: datetime) -> Interval:
        with follower.lock:
            tally = follower.ledger.tally()
        counts: dict[tuple[str, str, str], Counter[Result]] = {}
        for (namespace, source, rule, result), count in tally.items():
            counts.setdefault((namespace, source, rule), Counter())[result] += count
        tallies = [
            Tally(
                policy=source,
                rule=rule,
                namespace=namespace,
                passes=found[Result.PASS],
                fails=found[Result.FAIL],
                warns=found[Result.WARN],
                errors=found[Result.ERROR],
                skips=found[Result.SKIP],
            )
            for (namespace, source, rule), found in counts.items()
        ]
        resource = follower.resource
        if not tallies and follower.ledger:
            # That nothing is said of its objects is counted, too: else what was said before would go on to hold.
            tallies.append(Tally(policy="", rule="", namespace=""))
        return Interval(
            start=start, length=self._length, group=resource.group, resource=resource.plural, tallies=tallies
        )

    # -- doors ---------------------------------------------------------------------------------------------------------

    def collect(self, collected: Collected) -> None:
        at = self._clock()
        start = self._start_of(at)
        for decision in _read_decisions(collected):
            self._spool.put(decision)
        totals = {
            (webhook, "", OUTCOMES.get(outcome, outcome)): count
            for (webhook, outcome), count in collected.totals.decisions.items()
        }
        for (policy, result, blocks), count in collected.totals.findings.items():
            key = ("", policy, "deny" if blocks else str(result))
            totals[key] = totals.get(key, 0) + count
        self._spool.put(DoorTotals(instance=collected.instance, at=at, start=start, length=self._length, totals=totals))


def _read_decisions(collected: Collected) -> Iterator[DoorDecision]:
    for each in collected.decisions:
        try:
            yield read_decision(each)
        except (KeyError, TypeError, ValueError, AuditorError) as error:
            log.warning("a decision of the door at %s is left out: %s: %s", collected.url, type(error).__name__, error)


def _hold(follower: Follower) -> Iterator[tuple[Subject, Finding]]:
    with follower.lock:
        held = follower.ledger.held()
    for key, each in held:
        subject = follower.subject(key, each.uid)
        yield from ((subject, finding) for finding in each.findings if finding.result is not Result.PASS)
