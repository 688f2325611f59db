"""The ledger against a model that keeps everything and shares nothing."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit.ledger import NOTHING, Diff, Judged, KindLedger, compare, source_of, widen
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Kind, Severity

KEYS = ("a/one", "a/two", "b/one", "cluster-wide")
SOURCES = ("p", "q", "Check/schema")


def finding(
    policy: str = "p",
    rule: str = "r",
    result: Result = Result.FAIL,
    *,
    message: str = "is wrong",
    name: str = "x",
    path: str = "",
    kind: Kind = Kind.POLICY,
) -> Finding:
    return Finding(
        policy=policy,
        rule=rule,
        result=result,
        severity=Severity.HIGH,
        message=message,
        fingerprint=make_fingerprint(kind, policy, rule, name, path),
        path=path,
        kind=kind,
    )


def of_source(source: str, rule: str, result: Result, message: str) -> Finding:
    if source.startswith("Check/"):
        return finding(source.removeprefix("Check/"), rule, result, message=message, kind=Kind.CHECK)
    return finding(source, rule, result, message=message)


results = st.sampled_from([Result.FAIL, Result.WARN, Result.ERROR, Result.SKIP])


@st.composite
def judgements(draw: st.DrawFn, sources: tuple[str, ...] = SOURCES) -> Judged:
    passed, found, gaps = [], [], []
    for source in sources:
        for rule in ("r", "s"):
            what = draw(st.sampled_from(["pass", "found", "nothing", "gap"]))
            if what == "pass":
                passed.append((source, rule))
            elif what == "found":
                found.append(of_source(source, rule, draw(results), draw(st.sampled_from(["bad", "worse"]))))
            elif what == "gap" and not source.startswith("Check/"):
                gaps.append((f"{source}/{rule}", "it asks for the user"))
    return Judged.of(found, passed, gaps)


@st.composite
def steps(draw: st.DrawFn) -> tuple[object, ...]:
    key = draw(st.sampled_from(KEYS))
    match draw(st.sampled_from(["put", "merge", "drop", "remove", "retain"])):
        case "put":
            return "put", key, draw(st.sampled_from(["u1", "u2"])), draw(judgements())
        case "merge":
            sources = tuple(draw(st.sets(st.sampled_from(SOURCES), min_size=1)))
            return "merge", key, sources, draw(judgements(sources))
        case "drop":
            return "drop", tuple(draw(st.sets(st.sampled_from(SOURCES), min_size=1)))
        case "remove":
            return "remove", key
        case _:
            return "retain", tuple(draw(st.sets(st.sampled_from(KEYS))))


class Model:
    """By key: uid and what was said, source by source."""

    def __init__(self) -> None:
        self.said: dict[str, tuple[str, dict[str, Judged]]] = {}

    @staticmethod
    def split(judged: Judged) -> dict[str, Judged]:
        return {
            source: Judged(
                tuple(line for line in judged.lines if line[0] == source),
                tuple(gap for gap in judged.gaps if gap[0].partition("/")[0] == source),
                tuple(each for each in judged.findings if source_of(each) == source),
            )
            for source in SOURCES
        }

    def findings(self, key: str) -> dict[str, Finding]:
        parts = self.said.get(key, ("", {}))[1].values()
        return {each.fingerprint: each for part in parts for each in part.findings}

    def apply(self, step: tuple[object, ...]) -> None:
        match step:
            case ("put", str(key), str(uid), Judged() as judged):
                self.said[key] = uid, self.split(judged)
            case ("merge", str(key), tuple(sources), Judged() as judged):
                if key in self.said:
                    uid, parts = self.said[key]
                    new = self.split(judged)
                    self.said[key] = uid, {s: new[s] if s in sources else parts[s] for s in SOURCES}
            case ("drop", tuple(sources)):
                for key, (uid, parts) in list(self.said.items()):
                    self.said[key] = uid, {s: Judged() if s in sources else parts[s] for s in SOURCES}
            case ("remove", str(key)):
                self.said.pop(key, None)
            case ("retain", tuple(keys)):
                self.said = {key: each for key, each in self.said.items() if key in keys}

    def tally(self) -> Counter[tuple[str, str, str, Result]]:
        return Counter(
            (key.rpartition("/")[0], *line)
            for key, (_, parts) in self.said.items()
            for source, part in parts.items()
            for line in part.lines
            if not (source.startswith("Check/") and part.findings and line[2] is Result.PASS)
        )


def run(ledger: KindLedger, model: Model, step: tuple[object, ...]) -> list[Diff]:
    match step:
        case ("put", str(key), str(uid), Judged() as judged):
            return [ledger.put(key, uid, judged)]
        case ("merge", str(key), tuple(sources), Judged() as judged):
            uid = model.said[key][0] if key in model.said else "u1"
            return [ledger.merge(key, uid, sources, judged)]
        case ("drop", tuple(sources)):
            return list(ledger.drop(sources))
        case ("remove", str(key)):
            return [ledger.remove(key)]
        case ("retain", tuple(keys)):
            return list(ledger.retain(keys))
    raise AssertionError(step)


@given(st.lists(steps(), max_size=25))
def test_it_knows_what_the_model_knows(script: list[tuple[object, ...]]) -> None:
    ledger, model = KindLedger(), Model()
    told: dict[str, dict[str, Finding]] = {key: {} for key in KEYS}
    for step in script:
        diffs = run(ledger, model, step)
        model.apply(step)
        for diff in diffs:
            if diff.key:
                mine = told[diff.key]
                for each in diff.resolved:
                    del mine[each.fingerprint]  # only what was there can be resolved
                for each in diff.opened:
                    assert each.fingerprint not in mine
                    mine[each.fingerprint] = each
                for each in diff.changed:
                    assert mine[each.fingerprint] != each
                    mine[each.fingerprint] = each
        for key in KEYS:
            held = ledger.find(key)
            found = {each.fingerprint: each for each in held.findings} if held is not None else {}
            assert found == model.findings(key)
            assert told[key] == found, "the diffs add up to what is there"
            assert (key in ledger) == (key in model.said)
            if held is not None:
                assert held.uid == model.said[key][0]
        assert ledger.tally() == model.tally()
        assert +ledger.found == Counter(each.result for _, held in ledger.held() for each in held.findings)
        assert len(ledger) == len(model.said)


@given(st.lists(steps(), max_size=25))
def test_nothing_is_kept_of_what_is_gone(script: list[tuple[object, ...]]) -> None:
    ledger, model = KindLedger(), Model()
    for step in script:
        run(ledger, model, step)
        model.apply(step)
    list(ledger.retain(()))
    assert list(ledger.shapes()) == []
    assert ledger == KindLedger()


def test_objects_of_which_the_same_came_out_share_it() -> None:
    ledger = KindLedger()
    for i in range(1000):
        assert ledger.put(f"a/{i}", f"u{i}", Judged.of([], [("p", "r"), ("p", "s")])) is NOTHING
    assert [(namespace, count) for namespace, _, count in ledger.shapes()] == [("a", 1000)]


def test_a_namesake_is_told_of() -> None:
    ledger = KindLedger()
    ledger.put("a/one", "u1", Judged.of([finding()]))
    diff = ledger.put("a/one", "u2", Judged.of([finding()]))
    assert (diff.former, diff.uid, diff.opened, diff.resolved) == ("u1", "u2", (), ())
    assert diff, "the report of the first is to go"


def test_a_namesake_without_findings_is_told_of_too() -> None:
    ledger = KindLedger()
    ledger.put("a/one", "u1", Judged.of([finding()]))
    diff = ledger.put("a/one", "u2", Judged.of([], [("p", "r")]))
    assert (diff.former, len(diff.resolved)) == ("u1", 1)


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (Result.FAIL, Result.ERROR, Result.ERROR),
        (Result.SKIP, Result.FAIL, Result.FAIL),
        (Result.WARN, Result.WARN, Result.WARN),
    ],
)
def test_findings_with_one_fingerprint_are_one(first: Result, second: Result, left: Result) -> None:
    judged = Judged.of([finding(result=first, message="by a"), finding(result=second, message="by b")])
    (only,) = judged.findings
    assert only.result is left
    assert "by a" in only.message
    assert "by b" in only.message
    assert judged.lines == (("p", "r", left),)


def test_the_worst_of_a_rule_counts() -> None:
    judged = Judged.of([finding(path="/a"), finding(path="/b", result=Result.ERROR)], [("p", "s")])
    assert judged.lines == (("p", "r", Result.ERROR), ("p", "s", Result.PASS))
    assert len(judged.findings) == 2


def test_what_checks_say_of_a_policy_goes_with_it() -> None:
    bypass = finding("bypass", "p/odd", kind=Kind.CHECK)
    schema = finding("schema", "", kind=Kind.CHECK)
    ledger = KindLedger()
    ledger.put("a/one", "u", Judged.of([finding(), bypass, schema]))
    (diff,) = ledger.drop(widen(["p"], ["bypass", "mutation"]))
    assert {each.policy for each in diff.resolved} == {"p", "bypass"}
    held = ledger.find("a/one")
    assert held is not None
    assert held.findings == (schema,)


def test_checks_count_as_a_whole_and_pass_where_they_found_nothing() -> None:
    passed = [("Check/bypass", ""), ("Check/schema", ""), ("p", "s")]
    ledger = KindLedger()
    ledger.put("a/one", "u", Judged.of([finding(), finding("bypass", "p/r", kind=Kind.CHECK)], passed))
    assert {key[1:] for key in ledger.tally()} == {
        ("Check/bypass", "p/r", Result.FAIL),
        ("Check/schema", "", Result.PASS),
        ("p", "r", Result.FAIL),
        ("p", "s", Result.PASS),
    }
    ledger.merge("a/one", "u", widen(["p"], ["bypass"]), Judged.of([], [("p", "r"), ("Check/bypass", "")]))
    assert {key[1:]: count for key, count in ledger.tally().items()} == {
        ("Check/bypass", "", Result.PASS): 1,
        ("Check/schema", "", Result.PASS): 1,
        ("p", "r", Result.PASS): 1,
    }


@pytest.mark.parametrize(
    "changes", [{"message": "other"}, {"severity": Severity.LOW}, {"result": Result.WARN}, {"exception": "a/b"}]
)
def test_what_counts_as_a_change(changes: dict[str, object]) -> None:
    ledger = KindLedger()
    ledger.put("a/one", "u", Judged.of([finding()]))
    new = replace(finding(), **changes)  # type: ignore[arg-type]
    assert ledger.put("a/one", "u", Judged.of([new])).changed == (new,)
    assert not ledger.put("a/one", "u", Judged.of([new]))


def test_a_merge_into_nothing_is_nothing() -> None:
    ledger = KindLedger()
    assert ledger.merge("a/one", "u", ["p"], Judged.of([finding()])) is NOTHING
    assert "a/one" not in ledger


def test_objects_that_something_says_of() -> None:
    ledger = KindLedger()
    ledger.put("a/one", "u", Judged.of([finding()]))
    ledger.put("a/two", "v", Judged.of([finding("q", name="y")]))
    ledger.put("a/three", "w", Judged.of([], [("p", "r")]))
    assert ledger.keys_of({"p"}) == ["a/one"]


def test_compare_of_nothing_is_nothing() -> None:
    assert not compare("a", None, None)


def test_a_pass_that_is_reported_resolves_the_finding() -> None:
    """With the same fingerprint: else the history would never hear that it is over."""
    wrong, right = finding(), finding(result=Result.PASS)
    assert wrong.fingerprint == right.fingerprint
    ledger = KindLedger()
    ledger.put("a/one", "u", Judged.of([wrong]))
    diff = ledger.put("a/one", "u", Judged.of([right]))
    assert (diff.opened, diff.changed, diff.resolved) == ((right,), (), (wrong,))
    again = ledger.put("a/one", "u", Judged.of([wrong]))
    assert (again.opened, again.changed, again.resolved) == ((wrong,), (), (right,))
