"""What the chronicle tells of policies, exceptions, intervals and coverage, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

from auditor import __version__
from auditor.audit.accounts import read_pairs
from auditor.audit.chronicle import RETRY, Chronicle
from auditor.audit.coverage import KindCounts, KindCoverage, PolicyCounts, Situation
from auditor.engine.read import read_policy
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import State
from auditor.intake.live.view import View
from auditor.model.exception import PolicyException
from auditor.model.policy import Kind, Severity
from auditor.report import history
from tests.unit.audit.test_chronicle import THINGS, follow

START = datetime(2026, 1, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(minutes=5)


class Spool:
    def __init__(self) -> None:
        self.told: list[history.Record] = []

    def put(self, *records: history.Record) -> None:
        self.told += records

    def reconcile(self, *_: object) -> None:
        raise AssertionError("nothing is reconciled here")

    def take(self, sort: type[Any]) -> list[Any]:
        found = [each for each in self.told if isinstance(each, sort)]
        self.told = [each for each in self.told if not isinstance(each, sort)]
        return found


class Bench:
    def __init__(self) -> None:
        self.now = START
        self.spool = Spool()
        self.followers = {THINGS.name: follow()}
        self.situation: Situation | None = None
        self.chronicle = Chronicle(
            self.spool,
            followers=lambda: self.followers,
            situation=lambda: self.situation,
            gone=list,
            length=HOUR,
            tick=TICK,
            clock=lambda: self.now,
        )

    def count(self, after: timedelta = timedelta()) -> list[datetime]:
        """Which intervals are told."""
        self.now += after
        self.chronicle.count()
        return [each.start for each in self.spool.take(history.Interval)]


def view(*, exceptions: dict[str, Any] | None = None, too_long: frozenset[str] = frozenset(), **policies: Any) -> View:
    return View(schemas=LiveSchemas({}), policies=policies, exceptions=exceptions or {}, too_long=too_long)


def policy(name: str, generation: int = 1, **spec: Any) -> State[Any]:
    thing = {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": generation},
        "spec": {
            "title": "Odd numbers",
            "severity": "high",
            "controls": ["SOC2-1"],
            "match": {
                "resourceRules": [
                    {"apiGroups": ["g"], "apiVersions": ["*"], "resources": ["r"], "operations": ["CREATE"]}
                ]
            },
            "rules": [
                {"name": "r", "cel": "true"},
                {"name": "s", "cel": "true", "severity": "low", "controls": ["X-1"]},
            ],
            **spec,
        },
    }

    class Compiled:
        policy = read_policy(thing)

    return State(thing, Compiled(), generation=generation, in_force=generation)


def exception(name: str, *, good: bool = True) -> State[PolicyException]:
    read = PolicyException(
        namespace="shop",
        name=name,
        policies=("p",),
        rules=(),
        match=None,
        owner="ana",
        reason="migration",
        expires=START + HOUR,
    )
    return State({"metadata": {"uid": f"uid-{name}"}}, read if good else None, generation=3, in_force=3)


def test_a_policy_is_told_with_its_title_severities_and_controls() -> None:
    bench = Bench()
    bench.chronicle.take_over(view(p=policy("p")))
    (told,) = bench.spool.take(history.PolicyChange)
    assert (told.policy, told.title, told.what, told.uid) == ("p", "Odd numbers", "changed", "uid-p")
    assert told.rules == {"r": ("SOC2-1",), "s": ("SOC2-1", "X-1")}
    assert told.severities == {"r": Severity.HIGH, "s": Severity.LOW}


def test_the_first_view_says_what_there_is_and_later_ones_what_is_different() -> None:
    bench = Bench()
    kept, first = policy("p"), exception("e")
    bench.chronicle.take_over(view(exceptions={"shop/e": first}, p=kept))
    census = {each.of: each.keys for each in bench.spool.take(history.Census)}
    assert census == {
        history.Sort.POLICIES: frozenset({("Policy", "p")}),
        history.Sort.EXCEPTIONS: frozenset({("shop", "e")}),
    }
    bench.spool.told.clear()
    bench.chronicle.take_over(view(exceptions={"shop/e": first}, p=kept))
    assert bench.spool.told == []
    bench.chronicle.take_over(view())
    assert [(each.policy, each.what) for each in bench.spool.take(history.PolicyChange)] == [("p", "removed")]
    assert [(each.name, each.what) for each in bench.spool.take(history.ExceptionChange)] == [("e", "removed")]
    assert bench.spool.told == []


def test_exceptions_are_told_as_they_are() -> None:
    bench = Bench()
    good, broken = exception("good"), exception("broken", good=False)
    bench.chronicle.take_over(view(exceptions={"shop/good": good, "shop/broken": broken}))
    told = {each.name: each for each in bench.spool.take(history.ExceptionChange)}
    assert (told["good"].what, told["good"].owner, told["good"].expires) == ("changed", "ana", START + HOUR)
    assert (told["broken"].what, told["broken"].expires) == ("broken", None)
    # It has not changed itself, but reaches further ahead than it may from now on.
    bench.chronicle.take_over(
        view(exceptions={"shop/good": good, "shop/broken": broken}, too_long=frozenset({"shop/good"}))
    )
    assert [(each.name, each.what) for each in bench.spool.take(history.ExceptionChange)] == [("good", "tooLong")]


def test_an_interval_ends_with_what_holds_at_its_end() -> None:
    bench = Bench()
    assert bench.count() == [START]
    assert bench.count(55 * timedelta(minutes=1)) == [START]
    assert bench.count(TICK) == [START, START + HOUR]
    assert bench.count(TICK) == [START + HOUR]


def test_an_interval_that_nobody_saw_ending_is_left_as_it_was_told_last() -> None:
    """The computer slept: what holds now says nothing of then."""
    bench = Bench()
    bench.count()
    assert bench.count(3 * HOUR) == [START + 3 * HOUR]
    assert bench.count(HOUR + 2 * TICK) == [START + 4 * HOUR]


def test_the_first_count_does_not_wait_for_the_tick() -> None:
    """Where nothing is known whole, it does: what is not covered is told, too."""
    bench = Bench()
    bench.chronicle._tick = timedelta(days=100_000)  # far away, whatever time it is
    assert bench.chronicle._pause() == RETRY
    assert bench.chronicle._is_due()
    bench.followers[THINGS.name] = follow(settled=False)
    assert not bench.chronicle._is_due()
    bench.chronicle._tick = timedelta(seconds=1)
    assert bench.chronicle._pause() <= 1
    assert bench.chronicle._is_due()


def test_what_is_new_is_counted_before_the_tick() -> None:
    bench = Bench()
    bench.chronicle._tick = timedelta(days=100_000)

    def is_due() -> bool:
        bench.chronicle._pause()
        return bench.chronicle._is_due()

    bench.count()
    assert not is_due()
    bench.followers["more.g"] = follow(settled=False)
    assert not is_due()
    bench.followers["more.g"] = follow()  # its first pass is over
    assert is_due()
    bench.count()
    assert not is_due()
    bench.chronicle.take_over(view(p=policy("p")))
    assert is_due()
    bench.count()
    assert not is_due()


def test_the_version_is_told_once() -> None:
    bench = Bench()
    bench.count()
    bench.count(TICK)
    assert bench.spool.take(history.Release) == [history.Release(START, __version__)]


def test_coverage_names_the_policies_of_each_kind() -> None:
    bench = Bench()
    things = {"group": "example.com", "resource": "things"}
    bench.situation = Situation(
        kinds=(
            KindCoverage(**things, present=3, evaluated=3, not_evaluated=0),  # type: ignore[arg-type]
            KindCoverage(group="", resource="configmaps", present=None, excluded=True),
        ),
        policies=(
            PolicyCounts(policy="good", kinds=(KindCounts(**things, not_evaluated=0),)),  # type: ignore[arg-type]
            PolicyCounts(policy="bad", kinds=(KindCounts(**things, not_evaluated=2),)),  # type: ignore[arg-type]
        ),
        known=frozenset({"things.example.com", "configmaps"}),
    )
    bench.count()
    told = {each.resource: each.policies for each in bench.spool.take(history.KindPolicies)}
    assert told == {"things": {"good": "", "bad": "it gave errors"}, "configmaps": {}}
    assert [each.excluded for each in bench.spool.take(history.KindCoverage)] == [False, True]
    (census,) = bench.spool.take(history.Census)
    assert census.keys == {("example.com", "things"), ("", "configmaps")}
    bench.count(TICK)
    assert bench.spool.take(history.Census) == []


def test_bindings_of_a_native_policy_are_one_policy() -> None:
    def counts(not_evaluated: int | None) -> PolicyCounts:
        kind = KindCounts(group="g", resource="r", not_evaluated=not_evaluated, reason="" if not_evaluated else "away")
        return PolicyCounts(policy="vap", of=Kind.VALIDATING, kinds=(kind,))

    assert read_pairs([counts(0), counts(None)]) == {("g", "r"): {"ValidatingAdmissionPolicy/vap": "away"}}
    assert read_pairs([counts(0)]) == {("g", "r"): {"ValidatingAdmissionPolicy/vap": ""}}
