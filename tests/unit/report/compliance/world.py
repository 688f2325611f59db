"""A cluster that lives for some days, written into a history as the watcher would, and remembered as it was by hand."""

import copy
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from hypothesis import strategies as st

from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Severity
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import (
    History,
    Interval,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Record,
    Release,
    Tally,
)

GROUP = "db.example.com"
START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
KINDS = {"databases": "Database", "queues": "Queue"}
OBJECTS = [("a", "one"), ("a", "two"), ("b", "one"), ("b", "three"), ("", "wide")]
Rule: TypeAlias = tuple[str, str]
RULES: dict[Rule, tuple[str, Severity, tuple[str, ...]]] = {
    ("quorum", "odd"): ("databases", Severity.HIGH, ("SOC2-A1.2", "DB-7")),
    ("quorum", "size"): ("databases", Severity.LOW, ("SOC2-A1.2",)),
    ("limits", "max"): ("queues", Severity.CRITICAL, ("ISO-1",)),
}
Key: TypeAlias = tuple[Rule, tuple[str, str]]


@dataclass
class Known:
    result: Result
    severity: Severity
    message: str
    since: datetime


@dataclass(frozen=True)
class Event:
    at: datetime
    step: str
    key: Key
    was: Known


@dataclass(frozen=True)
class Say:
    minutes: int
    rule: Rule
    place: tuple[str, str]
    result: Result | None
    """None: it is resolved."""
    severity: Severity
    message: str


says = st.lists(
    st.builds(
        Say,
        st.sampled_from([1, 7, 31, 59, 240]),
        st.sampled_from(sorted(RULES)),
        st.sampled_from(OBJECTS),
        st.sampled_from([None, Result.FAIL, Result.FAIL, Result.WARN, Result.ERROR, Result.SKIP]),
        st.sampled_from([Severity.CRITICAL, Severity.HIGH, Severity.LOW]),
        st.sampled_from(["is wrong", "is worse"]),
    ),
    max_size=10,
)


@dataclass
class World:
    history: History
    cluster: str
    now: datetime = START
    found: dict[Key, Known] = field(default_factory=dict)
    seen: set[Key] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    shots: dict[datetime, dict[Key, Known]] = field(default_factory=dict)
    """What was open at each full hour."""
    at_hour: Callable[["World"], None] | None = None
    waiting: list[Record] = field(default_factory=list)
    """Written together, before somebody looks: each write waits for the disk."""

    @classmethod
    def open(cls, url: str) -> "World":
        cluster = uuid.uuid4().hex
        world = cls(History.open(url, cluster=cluster, now=START), cluster)
        world.begin()
        return world

    def begin(self) -> None:
        self.waiting.append(Release(START, "1.0"))
        for policy in sorted({policy for policy, _ in RULES}):
            mine = {rule: each for (owner, rule), each in RULES.items() if owner == policy}
            self.waiting.append(
                PolicyChange(
                    at=START,
                    policy=policy,
                    kind="Policy",
                    generation=1,
                    what="changed",
                    title=f"Title of {policy}",
                    rules={rule: controls for rule, (_, _, controls) in mine.items()},
                    severities={rule: severity for rule, (_, severity, _) in mine.items()},
                )
            )
        for resource in KINDS:
            present = len(OBJECTS)
            policies = {policy: "" for (policy, _), (kind, _, _) in RULES.items() if kind == resource}
            self.waiting += [
                KindCoverage(at=START, group=GROUP, resource=resource, present=present, evaluated=present),
                KindPolicies(at=START, group=GROUP, resource=resource, policies=policies),
            ]
        self.flush()
        self.shots[START] = {}

    def flush(self) -> None:
        told, self.waiting = self.waiting, []
        self.history.write(told)

    def play(self, said: Iterable[Say]) -> None:
        for each in said:
            self.move(timedelta(minutes=each.minutes))
            self.say(each)
        self.move(HOUR)
        self.flush()

    def move(self, time: timedelta) -> None:
        end = self.now + time
        while (hour := _next_hour(self.now)) <= end:
            self.now = hour
            self.shots[hour] = copy.deepcopy(self.found)
            self.count(hour - HOUR)
            if self.at_hour is not None:
                self.at_hour(self)
        # Never at a full hour: what happens then belongs to the next period, which other tests hold.
        self.now = end + timedelta(seconds=1)

    def say(self, said: Say) -> None:
        key = (said.rule, said.place)
        old = self.found.get(key)
        if said.result is None:
            if old is not None:
                self.waiting.append(self._turn(key, Turn.RESOLVED, old))
                self.events.append(Event(self.now, "resolved", key, old))
                del self.found[key]
            return
        new = Known(said.result, said.severity, said.message, self.now if old is None else old.since)
        if old is None:
            step = "reopened" if key in self.seen else "opened"
        elif old == new:
            return
        else:
            step = "excused" if said.result is Result.SKIP and old.result is not Result.SKIP else "changed"
        self.waiting.append(self._turn(key, Turn.OPENED if old is None else Turn.CHANGED, new))
        self.seen.add(key)
        self.found[key] = new
        self.events.append(Event(self.now, step, key, new))

    def count(self, start: datetime) -> None:
        """As the watcher at the end of an hour."""
        for resource in KINDS:
            tallies = []
            for rule, (kind, _, _) in RULES.items():
                if kind == resource:
                    for namespace in ("a", "b", ""):
                        numbers = self.results(self.found, namespaces={namespace}, rules={rule})
                        tallies.append(Tally(policy=rule[0], rule=rule[1], namespace=namespace, **numbers))
            self.waiting.append(Interval(start=start, length=HOUR, group=GROUP, resource=resource, tallies=tallies))

    def results(
        self, found: dict[Key, Known], *, namespaces: set[str] | None = None, rules: Iterable[Rule] | None = None
    ) -> dict[str, int]:
        words = {
            Result.FAIL: "fails",
            Result.WARN: "warns",
            Result.ERROR: "errors",
            Result.SKIP: "skips",
            Result.PASS: "passes",
        }
        numbers = Counter(dict.fromkeys(words.values(), 0))
        for rule in rules if rules is not None else RULES:
            for place in OBJECTS:
                if namespaces is None or place[0] in namespaces:
                    known = found.get((rule, place))
                    numbers[words[known.result if known is not None else Result.PASS]] += 1
        return dict(numbers)

    def _turn(self, key: Key, turn: Turn, known: Known) -> FindingTurn:
        (policy, rule), (namespace, name) = key
        resource, _, controls = RULES[policy, rule]
        subject = Subject(f"{GROUP}/v1", KINDS[resource], resource, namespace, name, f"uid-{name}")
        finding = Finding(
            policy=policy,
            rule=rule,
            result=known.result,
            severity=known.severity,
            message=known.message,
            fingerprint=fingerprint_of(key),
            path="/spec",
            remediation="Repair it.",
            controls=controls,
            exception="a/legacy" if known.result is Result.SKIP else "",
        )
        return FindingTurn(self.now, turn, subject, finding)

    def tell_better(self, key: Key) -> FindingTurn:
        """The same, with a better remedy: that is no change."""
        turn = self._turn(key, Turn.CHANGED, self.found[key])
        return replace(turn, finding=replace(turn.finding, remediation="Set three replicas."))

    def within(self, start: datetime, end: datetime, namespaces: set[str] | None = None) -> list[Event]:
        return [
            each
            for each in self.events
            if start <= each.at < end and (namespaces is None or each.key[1][0] in namespaces)
        ]


def fingerprint_of(key: Key) -> str:
    (policy, rule), (namespace, name) = key
    return make_fingerprint(policy, rule, namespace, name)


def say(minutes: int, result: Result | None = Result.FAIL, **changes: object) -> Say:
    plain = Say(minutes, ("quorum", "odd"), ("a", "one"), result, Severity.HIGH, "is wrong")
    return replace(plain, **changes)  # type: ignore[arg-type]


def _next_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) + HOUR
