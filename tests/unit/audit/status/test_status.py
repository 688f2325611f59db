"""What is written into the status of the AuditConfig and of policies, and when nothing is."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from auditor import crds
from auditor.audit.coverage import KindCounts, KindCoverage, PolicyCounts, Situation
from auditor.audit.status import STATUS, render_config, render_policy
from auditor.intake.yaml import Document, read_documents
from auditor.json import JsonObject
from auditor.languages.schema import StructuralSchema, read_crd
from auditor.model.finding import Result
from auditor.model.policy import Kind

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def everything(_: str) -> bool:
    return True


def kind(resource: str, present: int | None = 3, **more: Any) -> KindCoverage:
    evaluated = {} if present is None else {"evaluated": present, "not_evaluated": 0, "last_complete_pass": NOW}
    return KindCoverage(group="e", resource=resource, present=present, **{**evaluated, **more})


def policy(name: str, *resources: str, **more: Any) -> PolicyCounts:
    counted = {"evaluated": 3, "not_evaluated": 0, "passes": 2, "fails": 1, "last_complete_pass": NOW, **more}
    return PolicyCounts(policy=name, kinds=[KindCounts(group="e", resource=each, **counted) for each in resources])


def situation(*kinds: KindCoverage, **more: Any) -> Situation:
    known = frozenset(each.name for each in kinds) | more.pop("known", frozenset())
    return Situation(kinds=kinds, known=known, generation=4, **more)


def config(status: JsonObject, of: Situation, owns: Any = everything, now: datetime = NOW) -> JsonObject:
    """The status after it was written; as it is when nothing is to be written."""
    rendering = render_config(status, of, owns, now)
    if rendering is not None:
        check("auditconfig", "default", rendering.status)
    return status if rendering is None else rendering.status


def check(crd: str, name: str, status: JsonObject) -> None:
    """The API server would take it."""
    kind = {"auditconfig": "AuditConfig", "policy": "Policy"}[crd]
    spec: JsonObject = {}
    if crd == "policy":
        rule = {"apiGroups": ["e"], "apiVersions": ["*"], "resources": ["x"], "operations": ["*"]}
        spec = {"match": {"resourceRules": [rule]}, "rules": [{"name": "r", "cel": "true"}]}
    thing = {"apiVersion": "auditor.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec, "status": status}
    received = schema(crd).receive(thing)
    assert received.unknown == []
    assert [str(each) for each in schema(crd).validate(received.object)] == []


@cache
def schema(crd: str) -> StructuralSchema:
    document = read_documents(crds.read(crd))[0]
    assert isinstance(document, Document)
    return read_crd(document.value).versions[0].compile()


def ready(status: JsonObject) -> tuple[str, str, str]:
    (found,) = (each for each in status["conditions"] if each["type"] == "Ready")
    return found["status"], found["reason"], found["message"]


def test_coverage_of_each_kind_and_of_all() -> None:
    policies = [policy("p", "x", "y"), PolicyCounts(policy="n", of=Kind.VALIDATING, kinds=policy("n", "x").kinds)]
    x = kind("x", findings={Result.FAIL: 2, Result.PASS: 9, Result.SKIP: 1})
    status = config({}, situation(x, kind("y", not_evaluated=1, reason="a rule failed"), policies=policies))
    assert status["coverage"][0] == {
        "group": "e",
        "resource": "x",
        "present": 3,
        "evaluated": 3,
        "notEvaluated": 0,
        "policies": 2,
        "policiesEvaluated": 2,
        "findings": {"fail": 2, "warn": 0, "error": 0, "skip": 1},
        "stale": False,
        "lastCompletePass": "2026-11-21T12:00:00Z",
    }
    assert (status["coverage"][1]["notEvaluated"], status["coverage"][1]["reason"]) == (1, "a rule failed")
    assert status["coveragePercent"] == 100
    assert status["observedGeneration"] == 4
    assert ready(status)[:2] == ("True", "Following")


def test_a_kind_that_cannot_be_read_is_unknown_and_never_all_of_nothing() -> None:
    unread = kind("y", None, reason="403: grant list and watch")
    status = config({}, situation(kind("x"), unread, policies=[policy("p", "x")]))
    entry = status["coverage"][1]
    assert "present" not in entry
    assert "notEvaluated" not in entry
    assert "findings" not in entry
    assert status["coveragePercent"] == 50
    assert ready(status)[:2] == ("False", "NotRead")
    assert "1 of 2 kinds cannot be read: y.e (403: grant list and watch)" in ready(status)[2]
    stale = config({}, situation(kind("x", stale=True), policies=[policy("p", "x")]))
    assert ready(stale)[:2] == ("False", "NotRead")
    assert stale["coveragePercent"] == 0


def test_what_is_left_out_on_purpose_is_no_trouble() -> None:
    out = kind("y", None, excluded=True, reason="the AuditConfig says that it is not followed")
    status = config({}, situation(kind("x"), out, policies=[policy("p", "x")]))
    assert status["coverage"][1]["excluded"] is True
    assert status["coveragePercent"] == 100
    assert ready(status)[:2] == ("True", "Following")
    # But a policy that is for it is not judged.
    policies = [policy("p", "x"), policy("q", "y", not_evaluated=None)]
    assert config({}, situation(kind("x"), out, policies=policies))["coveragePercent"] == 50


def test_troubles_a_beginning_and_limits_are_told() -> None:
    status = config({}, situation(kind("x"), troubles=["Policy p is not evaluated: is wrong"]))
    assert ready(status) == ("False", "Trouble", "Policy p is not evaluated: is wrong")
    status = config(status, situation(kind("x"), settled=False))
    assert ready(status)[:2] == ("Unknown", "Starting")
    status = config(status, situation(kind("x"), limits=["2000 of 2100 reports are written"]))
    (limit,) = (each for each in status["conditions"] if each["type"] == "WithinLimits")
    assert (limit["status"], limit["message"]) == ("False", "2000 of 2100 reports are written")
    status = config(status, situation(kind("x")))
    assert {each["type"]: each["status"] for each in status["conditions"]} == {"Ready": "True", "WithinLimits": "True"}


def test_nothing_changed_nothing_written() -> None:
    known = situation(kind("x"), kind("y"), policies=[policy("p", "x")])
    status = config({}, known)
    assert render_config(status, known, everything, LATER) is None
    passed = [replace(each, last_complete_pass=NOW + timedelta(minutes=59)) for each in known.kinds]
    assert render_config(status, replace(known, kinds=passed), everything, LATER) is None
    passed = [replace(each, last_complete_pass=NOW + timedelta(minutes=61)) for each in known.kinds]
    assert render_config(status, replace(known, kinds=passed), everything, LATER) is not None
    moved = [replace(known.kinds[0], present=4), *known.kinds[1:]]
    rendering = render_config(status, replace(known, kinds=moved), everything, LATER)
    assert rendering is not None
    assert rendering.owners == {"x.e"}
    mine = render_policy({}, policy("p", "x"), known, everything)
    assert mine is not None
    assert render_policy(mine.status, policy("p", "x"), known, everything) is None


def test_what_somebody_else_wrote_into_it_is_put_right_and_theirs_stays() -> None:
    known = situation(kind("x"), policies=[policy("p", "x")])
    status = config({}, known)
    lied = deepcopy(status)
    lied["coveragePercent"] = 3
    assert config(lied, known) == status
    lied["coverage"][0]["evaluated"] = 99
    assert config(lied, known) == status
    foreign = {
        "type": "Theirs",
        "status": "True",
        "reason": "X",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    theirs = status | {"conditions": [foreign, *status["conditions"]]}
    assert render_config(theirs, known, everything, LATER) is None


def test_each_shard_writes_of_its_own_kinds_and_one_of_all() -> None:
    both = frozenset({"x.e", "y.e"})
    first = situation(kind("x"), policies=[policy("p", "x", "y")], known=both)
    second = situation(kind("y", not_evaluated=1), policies=[policy("p", not_evaluated=1)], known=both)

    def owns_x(name: str) -> bool:
        return name in ("x.e", STATUS)

    def owns_y(name: str) -> bool:
        return name == "y.e"

    status = config({}, second, owns_y)
    assert [each["resource"] for each in status["coverage"]] == ["y"]
    assert status.keys() == {"coverage"}
    status = config(status, first, owns_x)
    assert [each["resource"] for each in status["coverage"]] == ["x", "y"]
    assert ready(status)[0] == "True"
    assert render_config(status, second, owns_y, LATER) is None
    assert render_config(status, first, owns_x, LATER) is None
    # A kind that is gone for all is taken out by its owner, or by the one who speaks for all.
    alone = situation(kind("x"), policies=[policy("p", "x")])
    assert [each["resource"] for each in config(status, alone, owns_x)["coverage"]] == ["x"]
    nobody = situation(known=both)
    assert render_config(status, nobody, owns_y, LATER) is None


def test_of_a_kind_that_was_not_read_yet_stays_what_was_said_before() -> None:
    status = config({}, situation(kind("x"), policies=[policy("p", "x")]))
    starting = situation(known=frozenset({"x.e"}), settled=False, policies=[policy("p")])
    assert config(status, starting)["coverage"] == status["coverage"]
    assert config(status, situation())["conditions"][0]["status"] == "True"
    assert "coverage" not in config(status, situation())


def test_the_status_of_a_policy() -> None:
    theirs: JsonObject = {
        "observedGeneration": 2,
        "enforcedSince": [{"rule": "r", "time": "2026-11-21T12:00:00Z"}],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "InForce",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    }
    known = situation(kind("x"), kind("y"))
    rendering = render_policy(theirs, policy("p", "x", "y", warns=1, errors=2, skips=3), known, everything)
    assert rendering is not None
    check("policy", "p", rendering.status)
    status = rendering.status
    assert status["kinds"][0] == {
        "group": "e",
        "resource": "x",
        "evaluated": 3,
        "notEvaluated": 0,
        "pass": 2,
        "fail": 1,
        "warn": 1,
        "error": 2,
        "skip": 3,
        "lastCompletePass": "2026-11-21T12:00:00Z",
    }
    assert status["totals"] == {
        "evaluated": 6,
        "notEvaluated": 0,
        "pass": 4,
        "fail": 2,
        "warn": 2,
        "error": 4,
        "skip": 6,
    }
    assert {name: status[name] for name in theirs} == theirs
    # It is not for y any more; of z, which belongs to somebody else, and of w, which was not read yet, all stays.
    others = [{"group": "e", "resource": each, "evaluated": 1, "fail": 1} for each in ("w", "z")]
    before = status | {"kinds": [*status["kinds"], *others]}
    now = situation(kind("x"), kind("y"), known=frozenset({"w.e", "z.e"}))
    after = render_policy(before, policy("p", "x"), now, lambda name: name != "z.e")
    assert after is not None
    assert [each["resource"] for each in after.status["kinds"]] == ["w", "x", "z"]
    assert after.status["totals"]["fail"] == 3
    assert after.owners >= {"y.e"}
    nothing = render_policy(status, policy("p"), situation(kind("x"), kind("y")), everything)
    assert nothing is not None
    assert nothing.status == theirs


def test_limits_of_the_crds_are_kept_and_told() -> None:
    kinds = [kind(f"k{i:04}", reason="because " + "x" * 2000) for i in range(2100)]
    kinds[-1] = replace(kinds[-1], not_evaluated=5)
    status = config({}, situation(*kinds))
    assert len(status["coverage"]) == 2000
    assert status["coverage"][-1]["resource"] == "k2099"
    assert sum(len(each["reason"]) for each in status["coverage"]) <= 400_000
    (limit,) = (each for each in status["conditions"] if each["type"] == "WithinLimits")
    assert "100 more" in limit["message"]
    assert render_config(status, situation(*kinds), everything, LATER) is None
    counts = PolicyCounts(policy="p", kinds=[KindCounts(group="e", resource=f"k{i}", fails=1) for i in range(1100)])
    rendering = render_policy({}, counts, situation(*kinds), everything)
    assert rendering is not None
    check("policy", "p", rendering.status)
    assert len(rendering.status["kinds"]) == 1000
    assert rendering.status["totals"]["fail"] == 1100
    long = config({}, situation(*(kind(f"k{i}", None, reason="y" * 3000) for i in range(100))))
    assert len(ready(long)[2]) <= 32768
    assert len(long["coverage"][0]["reason"]) == 1024


KINDS = st.lists(
    st.builds(
        kind,
        st.sampled_from("wxyz"),
        st.one_of(st.none(), st.integers(0, 5)),
        stale=st.booleans(),
        reason=st.sampled_from(["", "why"]),
    ),
    unique_by=lambda each: each.resource,
)


@given(st.lists(st.tuples(KINDS, st.sampled_from(["wx", "yz", "wxyz", ""]), st.booleans()), max_size=6))
def test_writing_what_was_just_written_is_never_needed(steps: list[tuple[list[KindCoverage], str, bool]]) -> None:
    status: JsonObject = {}
    for kinds, mine, leads in steps:
        of = situation(*kinds, known=frozenset({"w.e", "x.e"}), policies=[policy("p", *(k.resource for k in kinds))])

        def owns(name: str, mine: str = mine, leads: bool = leads) -> bool:
            return leads if name == STATUS else name[0] in mine

        status = config(status, of, owns)
        assert render_config(status, of, owns, LATER) is None
        names = [each["resource"] for each in status.get("coverage", ())]
        assert names == sorted(set(names))
        assert {each.resource for each in kinds if owns(each.name)} <= set(names)


@pytest.mark.parametrize("wrong", [{"coverage": None}, {"coverage": ["x"]}, {"conditions": {}}])
def test_a_status_of_any_shape_is_overwritten(wrong: JsonObject) -> None:
    assert config(wrong, situation(kind("x"))) == config({}, situation(kind("x")))
