"""mutation: what the mutations in force would still change."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.checks import Outcome
from auditor.json import Json, JsonObject
from auditor.model.match import Equivalent, Kinds
from auditor.model.request import GroupVersionKind, GroupVersionResource
from auditor.model.settings import Check
from auditor.model.world import World
from tests.unit.checks.making import FACTS, ask, found, request, schema_of, single, thing
from tests.unit.engine.making import compiled, policy

CLASS = {"name": "class", "jq": '.spec.class //= "standard"'}
TIER = {"name": "tier", "mergePatch": {"metadata": {"labels": {"tier": "gold"}}}}


def judge(made: JsonObject, *mutations: JsonObject, **more: Any) -> Outcome:
    return ask(made, Check.MUTATION, compiled(policy("defaults", mutate=list(mutations))), **more)


def test_finding_says_which_mutation_and_where() -> None:
    finding = single(judge(thing({"size": 1}), CLASS))
    assert (finding.policy, finding.rule, finding.path) == ("mutation", "defaults/class", "/spec/class")
    assert finding.message == "the mutation defaults/class would still change /spec/class"
    assert "standard" not in str(finding)


@pytest.mark.parametrize(
    "mutations",
    [[CLASS, TIER], [TIER], [{"name": "cel", "cel": "Object{spec: Object.spec{class: 'fast'}}"}]],
    ids=str,
)
def test_object_that_has_been_mutated(mutations: list[JsonObject]) -> None:
    made = thing({"class": "fast"}, labels={"tier": "gold"})
    outcome = judge(made, *mutations)
    assert (outcome.findings, outcome.not_applicable, outcome.asked) == ((), (), ("mutation",))


def test_each_mutation_has_its_own() -> None:
    outcome = judge(thing({"size": 1}, labels={"a": "b"}), CLASS, TIER)
    assert found(outcome) == [
        ("defaults/class", "fail", "/spec/class"),
        ("defaults/tier", "fail", "/metadata/labels/tier"),
    ]


def test_one_that_follows_another() -> None:
    second = {"name": "second", "jq": "if .spec.class then .spec.copy = .spec.class else . end"}
    outcome = judge(thing({"size": 1}), CLASS, second)
    assert [each.rule for each in outcome.findings] == ["defaults/class", "defaults/second"]
    assert "after what the other mutations make of it" in outcome.findings[1].message


def test_several_paths_are_one_finding_that_stays() -> None:
    both = {"name": "both", "jq": ".spec.a //= 1 | .spec.b //= 2"}
    two, one = single(judge(thing({"x": 1}), both)), single(judge(thing({"x": 1, "a": 1}), both))
    assert two.message.endswith("would still change /spec/a, /spec/b")
    assert (two.path, one.path) == ("", "/spec/b")
    assert two.fingerprint == one.fingerprint


def test_what_defaults_bring_back_is_no_drift() -> None:
    """The API server defaults after the mutation."""
    schema = schema_of(**{"class": {"type": "string", "default": "standard"}, "size": {"type": "integer"}})
    drops = {"name": "drops", "jq": "del(.spec.class)"}
    unknown = {"name": "unknown", "jq": ".spec.colour = 1"}
    assert not judge(thing({"class": "standard"}), drops, schema=schema).findings
    assert not judge(thing({"class": "standard"}), unknown, schema=schema).findings
    assert found(judge(thing({"class": "fast"}), drops, schema=schema)) == [("defaults/drops", "fail", "/spec/class")]
    real = {"name": "real", "jq": ".spec.size = 2"}
    assert [each.rule for each in judge(thing({"class": "standard"}), drops, real, schema=schema).findings] == [
        "defaults/real"
    ]


def test_status_is_written_apart() -> None:
    status = {"name": "status", "jq": '.status.phase = "new"'}
    assert not judge(thing({"x": 1}, status={}), status).findings
    assert single(judge(thing({"x": 1}, status={}), status, facts=None)).path == "/status/phase"


def test_mutation_that_errs() -> None:
    outcome = judge(thing({"size": "x"}), {"name": "m", "jq": ".spec.size += 1"})
    assert found(outcome) == [("defaults/mutate", "error", "")]


def test_conditions_and_matches_count() -> None:
    made = thing({"size": 1})
    never = compiled(policy(mutate=[CLASS], matchConditions=[{"name": "no", "expression": "false"}]))
    assert not ask(made, Check.MUTATION, never).findings
    other = policy(mutate=[CLASS])
    other["spec"]["match"]["resourceRules"][0]["resources"] = ["others"]
    assert not ask(made, Check.MUTATION, compiled(other)).findings


@pytest.mark.parametrize(
    "mutation",
    [
        {"name": "by", "jq": ".metadata.annotations.by = $request.userInfo.username"},
        {"name": "by", "cel": "Object{metadata: Object.metadata{annotations: {'by': request.userInfo.username}}}"},
    ],
    ids=str,
)
def test_mutation_that_asks_for_the_user(mutation: JsonObject) -> None:
    outcome = judge(thing({"size": 1}), mutation, CLASS)
    assert [each.rule for each in outcome.findings] == ["defaults/class"]
    assert [check for check, _ in outcome.not_applicable] == ["mutation"]


def test_condition_that_asks_for_the_user() -> None:
    condition = {"name": "user", "expression": "request.userInfo.username != 'x'"}
    outcome = ask(thing({"size": 1}), Check.MUTATION, compiled(policy(mutate=[CLASS], matchConditions=[condition])))
    assert outcome.findings == ()
    assert [check for check, _ in outcome.not_applicable] == ["mutation"]


def test_namespaces_that_do_not_come_to_the_door() -> None:
    made = thing({"size": 1})
    assert not judge(made, CLASS, request=request(made, namespace="kube-system")).findings


class Renaming:
    """In v1 the class is `class`, in v2 `storageClass`."""

    def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
        assert (kind.version, version) == ("v1", "v2")
        spec = {"storageClass" if name == "class" else name: value for name, value in thing["spec"].items()}
        return {**thing, "apiVersion": "example.com/v2", "spec": spec}


@pytest.mark.parametrize(
    ("spec", "ways", "expected"),
    [
        ({"class": "fast"}, Renaming(), []),
        ({"size": 1}, Renaming(), [("defaults/class", "fail", "/spec/storageClass")]),
        ({"size": 1}, None, [("defaults/mutate", "error", "")]),
    ],
    ids=["mutated", "not mutated", "no way"],
)
def test_policy_for_another_version(spec: Json, ways: Renaming | None, expected: list[tuple[str, str, str]]) -> None:
    wanted = policy("defaults", mutate=[{"name": "class", "jq": '.spec.storageClass //= "standard"'}])
    wanted["spec"]["match"]["resourceRules"][0]["apiVersions"] = ["v2"]
    v1, v2 = (GroupVersionResource("example.com", version, "things") for version in ("v1", "v2"))
    kinds = Kinds(equivalents={v1: [Equivalent(v2, GroupVersionKind("example.com", "v2", "Thing"))]})
    made = thing(spec)
    asked = request(made, world=World(kinds=kinds))
    outcome = ask(made, Check.MUTATION, compiled(wanted), request=asked, ways=ways, facts=FACTS)
    assert found(outcome) == expected


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["class", "size", "copy"]), st.integers(0, 3)))
def test_what_the_engine_has_mutated_is_no_drift(spec: JsonObject) -> None:
    engine = compiled(
        policy("a", mutate=[{"name": "m", "mergePatch": {"spec": {"size": 3}}}]),
        policy("b", mutate=[{"name": "n", "jsonPatch": [{"op": "add", "path": "/spec/class", "value": 1}]}]),
    )
    schema = schema_of(**{name: {"type": "integer", "default": 2} for name in ("class", "size", "copy")})
    made = schema.default(thing(spec))
    stored = schema.default(engine.mutate(request(made)).object)
    assert not ask(stored, Check.MUTATION, engine, schema=schema).findings
    assert not ask(stored, Check.SCHEMA, engine, schema=schema).findings
