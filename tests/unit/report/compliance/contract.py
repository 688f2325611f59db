"""What reports promise, in whichever database. A subclass beside a fixture `shared`, the URL of one, runs it."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.compliance import Compliance, Options, Period, Scope, make_report
from auditor.report.compliance.formats.json import dump, make_digest
from auditor.report.compliance.tree import Results
from auditor.report.history import (
    Batch,
    Census,
    Database,
    DoorDecision,
    DoorTotals,
    ExceptionChange,
    History,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Retention,
    Sort,
    Writer,
)
from auditor.report.history.model import Table
from auditor.report.history.reader import choose_cluster, open_to_read
from auditor.report.history.records import DOOR_ONLY
from tests.unit.report.compliance.world import (
    DAY,
    GROUP,
    HOUR,
    OBJECTS,
    RULES,
    START,
    Known,
    Say,
    World,
    fingerprint_of,
    say,
    says,
)

MINUTE = timedelta(minutes=1)
A_AND_B = Scope(namespaces=frozenset({"a"}))
QUICK = Options(points=2, allowed={Severity.HIGH: 5 * HOUR, Severity.CRITICAL: HOUR})


@contextlib.contextmanager
def living(url: str) -> Iterator[World]:
    world = World.open(url)
    try:
        yield world
    finally:
        world.history.close()


HEALTHY = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors)
"""Each example has a cluster of its own; what holds for two databases is one method of two classes."""


class Reader:
    def __init__(self, url: str) -> None:
        self.database: Database = open_to_read(url)

    def report(
        self,
        world: World,
        start: datetime,
        end: datetime,
        scope: Scope = Scope(),  # noqa: B008  # frozen
        *,
        options: Options = QUICK,
        now: datetime | None = None,
    ) -> Compliance:
        with self.database.reading() as connection:
            cluster = choose_cluster(connection, world.cluster)
        period = Period(start=start, end=end)
        world.flush()
        return make_report(self.database, cluster, period, scope, now=now or world.now, options=options)


@contextlib.contextmanager
def reading(url: str) -> Iterator[Reader]:
    reader = Reader(url)
    try:
        yield reader
    finally:
        reader.database.close()


def check(world: World, report: Compliance, namespaces: set[str] | None = None) -> None:
    """Each number of the report against what the world remembers."""
    start, end = report.period.start, report.period.end
    then = {key: known for key, known in world.shots[end].items() if namespaces is None or key[1][0] in namespaces}
    counted = world.results(then, namespaces=namespaces)
    counted["excused"] = counted.pop("skips")
    assert report.results == Results(**counted)
    judged = counted["passes"] + counted["fails"]
    assert report.percent == (1000 * counted["passes"] // judged / 10 if judged else None)

    results = Counter(known.result for known in then.values())
    assert report.open is not None
    assert (report.open.violations, report.open.warnings, report.open.errors, report.open.excused) == tuple(
        results[each] for each in (Result.FAIL, Result.WARN, Result.ERROR, Result.SKIP)
    )
    late = [known for known in then.values() if known.result is Result.FAIL and _is_late(known, end)]
    assert report.open.overdue == len(late)
    ages = [end - known.since for known in then.values() if known.result is Result.FAIL]
    assert report.ages is not None
    assert report.ages.oldest == max(ages, default=None)
    assert report.ages.day == sum(age < DAY for age in ages)

    events = world.within(start, end, namespaces)
    steps = Counter(each.step for each in events)
    assert report.movement is not None
    found = {name: getattr(report.movement, name) for name in ("opened", "reopened", "resolved", "changed", "excused")}
    assert found == {name: steps[name] for name in found}
    repairs = [each for each in events if each.step == "resolved" and each.was.result is Result.FAIL]
    assert report.movement.repaired == len(repairs)
    assert report.movement.repair_total == sum((each.at - each.was.since for each in repairs), timedelta())
    assert report.open_before is not None
    balance = report.open_before.total + steps["opened"] + steps["reopened"] - steps["resolved"]
    assert report.open.total == balance

    listed = {each.fingerprint: each for each in report.violations}
    assert listed.keys() == {fingerprint_of(key) for key in then}
    for key, known in then.items():
        told = listed[fingerprint_of(key)]
        assert (told.result, told.severity, told.message, told.since) == (
            known.result,
            known.severity,
            known.message,
            known.since,
        )
        assert told.new is (known.since >= start)
    assert len(report.resolved) == steps["resolved"]
    check_sums(report)


def _is_late(known: Known, at: datetime) -> bool:
    return known.severity in QUICK.allowed and known.since < at - QUICK.allowed[known.severity]


def check_sums(report: Compliance) -> None:
    """What is told of parts adds up to what is told of all."""
    for lines in (report.policies, report.namespaces, report.kinds):
        assert sum((each.results for each in lines), Results()) == report.results
        assert sum(each.open.total for each in lines if each.open) == (report.open.total if report.open else 0)
    assert report.movement is not None
    for name in ("opened", "reopened", "resolved"):
        parts = [getattr(each.movement, name) for each in report.severities]
        assert sum(parts) == getattr(report.movement, name)
    assert report.trend[-1].results == report.results
    assert report.trend[-2].results == report.previous


class ComplianceContract:
    @settings(max_examples=6, deadline=None, suppress_health_check=HEALTHY)
    @given(said=says)
    def test_numbers_are_those_of_a_model_then_and_later(self, shared: str, said: list[Say]) -> None:
        """Made at the end of a period, and made again when all is over."""
        with living(shared) as world, reading(shared) as reader:
            made: dict[datetime, dict[str, object]] = {}

            def look(then: World) -> None:
                if then.now.hour % 12 == 0 and then.now - START >= 5 * HOUR:
                    made[then.now] = dump(reader.report(then, then.now - 5 * HOUR, then.now))

            world.at_hour = look
            world.play(said)
            for end, told in list(made.items())[-3:]:
                for scope, names in ((Scope(), None), (A_AND_B, {"a"}), (Scope(namespaces=frozenset()), set())):
                    report = reader.report(world, end - 5 * HOUR, end, scope)
                    check(world, report, names)
                    if names is None:
                        again = dump(report)
                        assert {**again, "made": None} == {**told, "made": None}

    @settings(max_examples=6, deadline=None, suppress_health_check=HEALTHY)
    @given(said=says, hours=st.sets(st.integers(5, 30), min_size=1, max_size=2))
    def test_a_past_period_is_the_same_however_long_ago(self, shared: str, said: list[Say], hours: set[int]) -> None:
        """Whatever hour it ends at: midnight in some zone, mostly. While hours are kept, the doors' are, too."""
        with living(shared) as world, reading(shared) as reader:
            world.at_hour = _ask_doors
            world.play([*said, say(1900), say(700, None)])
            ends = [START + hour * HOUR for hour in sorted(hours)]
            before = [reader.report(world, end - 5 * HOUR, end) for end in ends]
            for days in (3, 399):
                world.history.prune(START + days * DAY, Retention())
                for told in before:
                    again = reader.report(world, told.period.start, told.period.end, now=START + days * DAY)
                    check(world, again)
                    assert again.admissions.reviews == 5
                    assert (again.counted_at, again.missing) == (told.period.end, ())
                    assert make_digest(again) == make_digest(told)

    def test_when_hours_are_gone_that_is_said(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.play([say(100), say(2000, None), say(1300, place=("b", "one")), say(300, None)])
            end = START + 2 * DAY
            before = reader.report(world, START, end)
            check(world, before)
            assert world.history.prune(START + 60 * DAY, Retention(hours=10 * DAY)) > 0
            after = reader.report(world, START, end)
            assert make_digest(after) == make_digest(before)
            odd = reader.report(world, START, end + 5 * HOUR)
            assert odd.counted_at == end
            assert any("hours have become days" in each for each in odd.missing)

    def test_a_day_that_ended_early_counts_as_it_stood_then(self, shared: str) -> None:
        """And for as long as it counts: two days after the last hour that was counted, not after midnight."""
        with living(shared) as world, reading(shared) as reader:
            world.move(10 * HOUR)
            told = [reader.report(world, START, START + hours * HOUR) for hours in (10, 20, 57, 59)]
            assert [each.results is None for each in told] == [False, False, False, True]
            assert [each.counted_at for each in told[:3]] == [START + 10 * HOUR] * 3
            world.history.prune(START + 60 * DAY, Retention())
            again = [reader.report(world, START, each.period.end, now=START + 60 * DAY) for each in told]
            assert [make_digest(each) for each in again] == [make_digest(each) for each in told]

    def test_what_retention_has_cut_is_said_and_is_no_zero(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.play([say(100), say(100, None), say(100, place=("b", "one"))])
            far = START + 500 * DAY
            world.history.write([_decision("d", START + HOUR)])
            assert world.history.prune(far, Retention(days=450 * DAY)) > 0
            report = reader.report(world, START, START + 4 * HOUR, now=far)
            assert (report.movement, report.open, report.results) == (None, None, None)
            assert report.percent is None
            assert report.admissions.bypassed is None
            told = " ".join(report.missing)
            assert "Resolved findings" in told
            assert "Decisions" in told
            assert not report.complete
            assert all(each.movement is None and each.open is None for each in report.severities)
            now = reader.report(world, far - DAY, far, now=far)
            assert now.open is not None
            assert now.open.violations == 1

    def test_a_turn_at_the_end_belongs_to_the_next_period(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            end = START + 3 * HOUR
            world.now = end
            world.say(say(0))
            world.now = end + HOUR
            first, second = reader.report(world, START, end), reader.report(world, end, end + HOUR)
            assert (first.open, first.movement) != (None, None)
            assert first.open is not None
            assert first.open.total == 0
            assert second.movement is not None
            assert second.movement.opened == 1

    def test_what_is_known_better_later_changes_no_digest(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.say(say(0))
            world.move(2 * HOUR)
            end = START + 2 * HOUR
            before = reader.report(world, START, end)
            key = (("quorum", "odd"), ("a", "one"))
            better = world.tell_better(key)
            world.history.write(
                [
                    better,
                    Writer(fingerprint_of(key), "kubectl-edit"),
                    PolicyChange(
                        at=world.now,
                        policy="quorum",
                        kind="Policy",
                        generation=2,
                        what="changed",
                        rules={"odd": ["N-1"]},
                    ),
                ]
            )
            History.open(shared, cluster=world.cluster, name="renamed").close()
            after = reader.report(world, START, end)
            assert (after.cluster.name, after.violations[0].writer) == ("renamed", "kubectl-edit")
            assert after.violations[0].remediation == better.finding.remediation
            assert after.violations[0].controls == RULES["quorum", "odd"][2]
            assert make_digest(after) == make_digest(before)

    def test_what_was_before_the_watcher_began_is_not_known(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.say(say(0))
            world.move(2 * HOUR)
            report = reader.report(world, START - HOUR, START + 2 * HOUR)
            assert (report.open_before, report.previous) == (None, None)
            assert report.movement is not None
            assert report.movement.opened == 1

    def test_days_on_which_nobody_watched_are_told(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.move(HOUR)
            world.now = START + 3 * DAY
            world.move(2 * HOUR)
            world.flush()
            end = START + 3 * DAY + 2 * HOUR
            said = "Nothing was counted on 2026-03-02 to 2026-03-03 (UTC): nobody watched."
            assert said in reader.report(world, START, end).missing
            world.history.prune(START + 60 * DAY, Retention())
            assert said in reader.report(world, START, end).missing
            assert said not in reader.report(world, START + DAY + HOUR, START + 2 * DAY).missing

    def test_a_period_that_the_watcher_has_not_told_to_its_end(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.move(2 * HOUR)
            end = START + 2 * HOUR
            said = "what happened later is not in here"
            for number, (at, late) in enumerate(((end - 5 * MINUTE, True), (end + 5 * MINUTE, False)), start=1):
                world.history.write([], batch=Batch(instance=world.cluster, number=number, at=at))
                assert (said in str(reader.report(world, START, end, now=end + HOUR).missing)) is late, at
            soon = START + 2 * HOUR + 10 * MINUTE
            assert said not in str(reader.report(world, START, soon, now=soon).missing), "it tells each 5 minutes"

    # Scopes

    @settings(max_examples=4, deadline=None, suppress_health_check=HEALTHY)
    @given(said=says)
    def test_a_scope_of_namespaces_knows_nothing_of_others(self, shared: str, said: list[Say]) -> None:
        """The same report as if the others were not there at all."""
        with living(shared) as both, living(shared) as alone, reading(shared) as reader:
            both.play(said)
            theirs = {"b", ""}
            for namespace in theirs:
                _busy(both, namespace)
            for each in said:
                alone.move(timedelta(minutes=each.minutes))
                if each.place[0] not in theirs:
                    alone.say(each)
            alone.move(HOUR)
            end = max(alone.shots)
            told = [_strip(reader.report(world, START, end, A_AND_B)) for world in (both, alone)]
            assert told[0] == told[1]

    def test_scopes_narrow_to_what_they_name(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            rules = [(("quorum", "odd"), "a"), (("quorum", "size"), "b"), (("limits", "max"), "a")]
            for rule, namespace in rules:
                world.say(say(0, rule=rule, place=(namespace, "one"), severity=RULES[rule][1]))
            world.move(2 * HOUR)
            end = START + 2 * HOUR

            def found(scope: Scope) -> set[str]:
                report = reader.report(world, START, end, scope)
                check_sums(report)
                assert report.results is not None
                assert report.results.fails == len(report.violations)
                return {each.rule for each in report.violations}

            assert found(Scope()) == {"odd", "size", "max"}
            assert found(Scope(kinds=frozenset({"queues"}))) == {"max"}
            assert found(Scope(kinds=frozenset({f"databases.{GROUP}"}))) == {"odd", "size"}
            assert found(Scope(kinds=frozenset({"databases.other"}))) == set()
            assert found(Scope(policies=frozenset({"quorum"}))) == {"odd", "size"}
            assert found(Scope(severity=Severity.HIGH)) == {"odd", "max"}
            assert found(Scope(framework="ISO")) == {"max"}
            assert found(Scope(framework="SOC2", severity=Severity.HIGH)) == {"odd"}
            assert found(Scope(framework="SOC")) == set()
            controls = reader.report(world, START, end, Scope(framework="SOC2")).controls
            assert [each.control for each in controls] == ["SOC2-A1.2"]

    # Controls and coverage

    def test_a_control_passes_only_if_all_its_rules_were_evaluated(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.move(2 * HOUR)

            def status(control: str) -> str:
                world.move(HOUR)
                report = reader.report(world, START, max(world.shots))
                return {each.control: each.status for each in report.controls}[control]

            assert status("SOC2-A1.2") == "passed"
            world.say(say(0, Result.WARN))
            assert status("SOC2-A1.2") == "warned"
            world.say(say(0, Result.ERROR))
            assert status("SOC2-A1.2") == "incomplete"
            world.say(say(0, Result.FAIL))
            assert status("SOC2-A1.2") == "failed"
            world.say(say(0, None))
            assert status("SOC2-A1.2") == "passed"
            world.history.write(
                [
                    KindCoverage(
                        at=world.now, group=GROUP, resource="databases", present=None, evaluated=0, reason="403"
                    ),
                    KindPolicies(at=world.now, group=GROUP, resource="databases", policies={"quorum": "403"}),
                ]
            )
            assert status("SOC2-A1.2") == "incomplete"
            assert status("ISO-1") == "passed"
            world.history.write([Census(at=world.now, of=Sort.KINDS, keys=frozenset({(GROUP, "databases")}))])
            assert status("ISO-1") == "incomplete"

    def test_a_rule_without_objects_makes_no_control_pass(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            change = PolicyChange(
                at=START, policy="new", kind="Policy", generation=1, what="changed", rules={"r": ["NEW-1"]}
            )
            world.history.write([change])
            world.move(2 * HOUR)
            end = START + 2 * HOUR
            (control,) = [each for each in reader.report(world, START, end).controls if each.control == "NEW-1"]
            assert (control.status, control.results.percent) == ("incomplete", None)
            world.history.write([KindPolicies(at=START, group=GROUP, resource="queues", policies={"new": ""})])
            (control,) = [each for each in reader.report(world, START, end).controls if each.control == "NEW-1"]
            assert (control.status, control.results.percent) == ("empty", None)

    def test_coverage_tells_what_was_not_evaluated_and_why(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            later = START + HOUR
            world.history.write(
                [
                    KindCoverage(
                        at=START, group=GROUP, resource="secret", present=None, evaluated=0, reason="forbidden"
                    ),
                    KindCoverage(at=START, group=GROUP, resource="left", present=None, evaluated=0, excluded=True),
                    KindCoverage(
                        at=START,
                        group=GROUP,
                        resource="queues",
                        present=9,
                        evaluated=7,
                        not_evaluated=2,
                        reason="for example b/secret-name: it gave an error",
                    ),
                ]
            )
            world.history.write([KindCoverage(at=later, group=GROUP, resource="secret", present=1, evaluated=1)])
            world.history.write(
                [
                    KindPolicies(
                        at=START,
                        group=GROUP,
                        resource="databases",
                        policies={"quorum": "", "deletion": DOOR_ONLY},
                    )
                ]
            )
            world.move(2 * HOUR)
            report = reader.report(world, START, later)
            assert [(each.kind, each.present, each.not_evaluated) for each in report.coverage.gaps] == [
                ("queues.db.example.com", 9, 2),
                ("secret.db.example.com", None, None),
            ]
            assert report.coverage.excluded == 1
            assert report.coverage.percent == 66.6
            assert not report.complete
            theirs = reader.report(world, START, later, A_AND_B)
            assert "secret-name" not in str(dump(theirs))
            assert [each.kind for each in theirs.coverage.gaps] == ["secret.db.example.com"]
            assert [each.kind for each in reader.report(world, START, START + 2 * HOUR).coverage.gaps] == [
                "queues.db.example.com"
            ]

    def test_nothing_evaluated_is_not_a_hundred(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            report = reader.report(world, START, START + HOUR, now=START + HOUR)
            assert (report.results, report.percent, report.change, report.complete) == (None, None, None, False)
            assert any("No results" in each for each in report.missing)

    # Exceptions, doors, policies

    def test_exceptions_in_force_and_ended(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:

            def tell(name: str, hour: int, what: str = "changed", *, expires: datetime | None) -> None:
                change = ExceptionChange(
                    at=START + hour * HOUR,
                    namespace="a" if name != "other" else "b",
                    name=name,
                    generation=hour,
                    what=what,
                    policies=["quorum"],
                    owner="ana",
                    reason="migration",
                    expires=expires,
                )
                world.history.write([change])

            end = START + 10 * HOUR
            tell("legacy", 1, expires=end + 100 * DAY)
            tell("soon", 1, expires=end + DAY)
            tell("over", 1, expires=START + 7 * HOUR)
            tell("long-over", 0, expires=START + 3 * HOUR)
            tell("gone", 1, expires=end + DAY)
            tell("gone", 6, "removed", expires=end + DAY)
            tell("swept", 1, expires=START + 6 * HOUR)
            tell("swept", 8, "removed", expires=START + 6 * HOUR)
            tell("broken", 2, "broken", expires=None)
            tell("other", 2, expires=end + DAY)
            tell("later", 11, expires=end + DAY)
            world.say(say(0, Result.SKIP))
            world.move(12 * HOUR)
            report = reader.report(world, START + 5 * HOUR, end)
            assert {each.name: each.state for each in report.exceptions} == {
                "legacy": "in force",
                "soon": "about to expire",
                "over": "expired",
                "gone": "removed",
                "swept": "expired",
                "broken": "not in force",
                "other": "about to expire",
            }
            assert {each.name: each.excuses for each in report.exceptions if each.excuses} == {"legacy": 1}
            theirs = reader.report(world, START + 5 * HOUR, end, Scope(namespaces=frozenset({"b"})))
            assert [each.name for each in theirs.exceptions] == ["other"]

    def test_an_exception_that_was_never_recorded_is_told_as_unknown(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.say(say(0, Result.SKIP))
            world.move(2 * HOUR)
            (line,) = reader.report(world, START, START + 2 * HOUR).exceptions
            assert (line.namespace, line.name, line.state, line.excuses) == ("a", "legacy", "unknown", 1)

    def test_admissions(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            totals = {
                ("validate", "", "allow"): 90,
                ("validate", "", "deny"): 5,
                ("mutate", "", "mutate"): 7,
                ("validate", "", "error"): 1,
                ("", "quorum", "deny"): 4,
                ("", "limits", "deny"): 6,
                ("", "limits", "warn"): 3,
            }
            for hour in (1, 5):
                scale = {key: count * hour for key, count in totals.items()}
                at = START + hour * HOUR
                world.history.write([DoorTotals(instance="d", at=at, start=at, length=HOUR, totals=scale)])
            at = START + HOUR
            world.history.write(
                [
                    _decision("1", at),
                    _decision("2", at + HOUR, broke_glass=True, allowed=True, outcome="allowed"),
                    _decision("3", at, namespace="b", dry_run=True),
                    _decision("4", at + 9 * HOUR),
                ]
            )
            world.move(12 * HOUR)
            told = reader.report(world, START, START + 4 * HOUR).admissions
            assert (told.reviews, told.denied, told.warned, told.mutated, told.errors, told.bypassed) == (
                *(103, 5, 3, 7, 1),
                1,
            )
            assert told.by_policy == (("limits", 6), ("quorum", 4))
            assert [(each.what, each.namespace) for each in told.recent] == [
                ("bypassed", "a"),
                ("denied", "a"),
            ], "a dry run denies nothing"
            theirs = reader.report(world, START, START + 4 * HOUR, A_AND_B).admissions
            assert (theirs.reviews, theirs.denied, theirs.bypassed, theirs.by_policy) == (None, 1, 1, (("quorum", 1),))
            kinds = Scope(kinds=frozenset({"databases"}), framework="SOC2", severity=Severity.LOW)
            assert reader.report(world, START, START + 4 * HOUR, kinds).admissions.denied == 1
            assert not reader.report(world, START, START + 4 * HOUR, Scope(kinds=frozenset({"x"}))).admissions.recent

    def test_changes_of_policies(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:

            def tell(hour: int, what: str, generation: int, policy: str = "limits", title: str = "") -> None:
                world.history.write(
                    [
                        PolicyChange(
                            at=START + hour * HOUR,
                            policy=policy,
                            kind="Policy",
                            generation=generation,
                            what=what,
                            title=title,
                        )
                    ]
                )

            tell(1, "changed", 2)
            tell(2, "changed", 2, title="what a newer auditor tells")
            tell(3, "broken", 3)
            tell(4, "changed", 4)
            tell(5, "removed", 4)
            tell(6, "changed", 1)
            tell(6, "changed", 1, "other")
            world.history.write([Census(at=START + 7 * HOUR, of=Sort.POLICIES, keys=frozenset({("Policy", "limits")}))])
            world.move(9 * HOUR)
            report = reader.report(world, START + HOUR, START + 8 * HOUR)
            assert [(each.policy, each.what) for each in report.policy_news] == [
                ("limits", "changed"),
                ("limits", "broken"),
                ("limits", "repaired"),
                ("limits", "removed"),
                ("limits", "added"),
                ("other", "added"),
                ("other", "removed"),
                ("quorum", "removed"),
            ]

    # The history behind it

    def test_a_kind_that_is_gone_counts_no_more(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.move(2 * HOUR)
            world.history.write([Census(at=world.now, of=Sort.KINDS, keys=frozenset({(GROUP, "databases")}))] * 2)
            end = START + 3 * HOUR
            report = reader.report(world, START, end, now=end)
            assert [each.name for each in report.kinds] == ["databases.db.example.com"]
            assert report.coverage.kinds == 1
            world.move(HOUR)  # it is counted again: it has come back, and its coverage is told
            world.history.write([KindCoverage(at=world.now, group=GROUP, resource="queues", present=5, evaluated=5)])
            end = max(world.shots) + HOUR
            assert len(reader.report(world, START, end, now=end).kinds) == 2

    def test_a_kind_that_misses_an_hour_is_taken_from_the_hour_before(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.move(5 * HOUR)
            world.flush()
            intervals = Table.metadata.tables["intervals"]
            with reader.database.writing(1) as connection:
                gone = intervals.delete().where(
                    intervals.c.resource == "queues",
                    intervals.c.start >= START + 2 * HOUR,
                    intervals.c.cluster_id == _id_of(reader, world),
                )
                connection.execute(gone)
            report = reader.report(world, START, START + 5 * HOUR)
            assert report.results is not None
            assert report.results.total == len(OBJECTS) * len(RULES)
            assert any("queues.db.example.com are older" in each for each in report.missing)

    def test_what_was_counted_long_before_says_nothing_of_now(self, shared: str) -> None:
        with living(shared) as world, reading(shared) as reader:
            world.move(2 * HOUR)
            soon, late = START + DAY, START + 4 * DAY
            report = reader.report(world, START, soon, now=soon)
            assert report.percent == 100
            assert any("the watcher did not count later" in each for each in report.missing)
            assert reader.report(world, START, late, now=late).results is None

    def test_clusters_are_apart(self, shared: str) -> None:
        with living(shared) as one, living(shared) as other, reading(shared) as reader:
            _busy(one, "a")
            one.move(2 * HOUR)
            other.move(2 * HOUR)
            report = reader.report(other, START, START + 2 * HOUR)
            assert report.open is not None
            assert report.open.total == 0
            assert report.cluster.uid == other.cluster


def _id_of(reader: Reader, world: World) -> int:
    with reader.database.reading() as connection:
        return choose_cluster(connection, world.cluster).id


def _ask_doors(world: World) -> None:
    """Once in each hour."""
    asked = (world.now - START) // HOUR
    start = world.now - HOUR
    totals = {("validate", "", "allow"): asked}
    world.waiting.append(DoorTotals(instance="a", at=start, start=start, length=HOUR, totals=totals))


def _busy(world: World, namespace: str) -> None:
    """Something of everything that has a namespace."""
    world.say(say(0, place=(namespace, "one"), message="of others"))
    expires = world.now + DAY
    world.history.write(
        [
            _decision(f"x-{namespace}", START + HOUR, namespace=namespace),
            _decision(f"y-{namespace}", START + HOUR, namespace=namespace, broke_glass=True),
            ExceptionChange(at=START, namespace=namespace, name="x", generation=1, what="changed", expires=expires),
            DoorTotals(instance=namespace, at=START, start=START, length=HOUR, totals={("validate", "", "deny"): 3}),
            KindCoverage(
                at=START, group=GROUP, resource="queues", present=77, evaluated=70, not_evaluated=7, reason="of others"
            ),
        ]
    )


def _strip(report: Compliance) -> dict[str, object]:
    """But what says which cluster it is, and when it was made."""
    return {**dump(replace(report, made=report.made)), "cluster": None, "made": None}


def _decision(number: str, at: datetime, **changes: object) -> DoorDecision:
    plain = DoorDecision(
        id=number,
        at=at,
        webhook="validate",
        operation="CREATE",
        group=GROUP,
        version="v1",
        kind="Database",
        namespace="a",
        name="orders",
        outcome="denied",
        allowed=False,
        user="ana",
        findings=[{"policy": "quorum", "blocks": True}],
    )
    return replace(plain, **changes)  # type: ignore[arg-type]
