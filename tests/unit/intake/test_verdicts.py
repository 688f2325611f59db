"""One object, one verdict: as a file, as the AdmissionReview of its creation, as a stored object.

In the sense of the design: for rules that read the object, its namespace, params and lookups, in the same version, of
an object that is already defaulted and mutated.
"""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.engine import Engine
from auditor.intake.catalog import make_catalog
from auditor.intake.door import judge_as_door
from auditor.intake.load import Item, Loaded, sort
from auditor.intake.requests import Surroundings, make_request, surround
from auditor.intake.review import read_review
from auditor.intake.yaml import Document, Positions
from auditor.json import Json, JsonObject
from auditor.model.finding import Verdict
from auditor.model.request import Origin, Request
from tests.unit.intake.files import MATCH, NOW, crd, policy, thing

SCHEMA = {
    "type": "object",
    "properties": {
        "size": {"type": "integer", "default": 2},
        "color": {"type": "string"},
        "image": {"type": "string"},
        "class": {"type": "string"},
        "members": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": {"type": "string"}, "cpu": {"type": "integer"}}},
        },
    },
}
RULES: list[JsonObject] = [
    {"jq": ".spec.size % 2 == 1", "message": "must be odd"},
    {"jq": ".spec.color | length > 2"},
    {"jq": ".metadata.namespace == $namespace.metadata.name"},
    {"jq": "$lookups.peers | all(.spec.size < 5)"},
    {"jq": '$request.operation == "CREATE" and $old == null and $params.max > 2'},
    {"jq": ".spec.size / 0 > 1"},
    {"deny": '.spec.members // [] | to_entries[] | select(.value.cpu > 3) | {message: "\\(.value.name) has too many", '
             'path: "/spec/members/\\(.key)/cpu"}'},
    {"deny": "select(.spec.size > 3) | \"too large\""},
    {"schema": {"properties": {"spec": {"required": ["image", "color"]}}}},
    {"schema": {"properties": {"spec": {"properties": {"size": {"maximum": 3}}}}}, "message": "too large"},
    {"cel": "object.spec.size <= params.max", "messageExpression": "string(object.spec.size) + ' is too large'"},
    {"cel": "object.spec.image.startsWith('registry.example.com/')"},
    {"cel": "!has(object.spec.members) || object.spec.members.all(m, m.cpu < 4)"},
    {"cel": "namespaceObject.metadata.labels.env == 'dev' || request.operation != 'CREATE'"},
    {"cel": "variables.big || oldObject == null"},
    {"cel": "request.namespace == object.metadata.namespace && request.name == object.metadata.name"},
    {"cel": "object.metadata.labels['app'] == object.spec.color", "enforcement": "Warn", "severity": "low"},
    {"cel": "request.userInfo.username == 'jane'"},
]  # fmt: skip
MUTATIONS: list[JsonObject] = [
    {"name": "class", "jq": '.spec.class //= "standard"'},
    {"name": "label", "mergePatch": {"metadata": {"labels": {"seen": "yes"}}}},
    {"name": "color", "cel": "Object{spec: Object.spec{color: has(object.spec.color) ? object.spec.color : 'red'}}"},
]

members = st.lists(
    st.fixed_dictionaries({}, optional={"name": st.sampled_from(["a", "b"]), "cpu": st.integers(0, 6)}), max_size=3
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "size": st.integers(0, 6),
        "color": st.sampled_from(["red", "x", ""]),
        "image": st.sampled_from(["registry.example.com/a", "b"]),
        "members": members,
    },
)
policies = st.lists(
    st.builds(
        lambda rules, mutations, **spec: {
            "rules": [{"name": f"r{RULES.index(rule)}", **rule} for rule in rules],
            **({"mutate": mutations} if mutations else {}),
            **spec,
        },
        st.lists(st.sampled_from(RULES), min_size=1, max_size=6, unique_by=RULES.index),
        st.lists(st.sampled_from(MUTATIONS), max_size=2, unique_by=lambda each: str(each["name"])),
        enforcement=st.sampled_from(["Deny", "Warn", "Audit"]),
        failurePolicy=st.sampled_from(["Fail", "Ignore"]),
        matchConditions=st.sampled_from([[], [{"name": "c", "expression": "object.spec.size != 6"}]]),
        enforcementOverrides=st.sampled_from(
            [[], [{"namespaceSelector": {"matchLabels": {"env": "dev"}}, "enforcement": "Warn"}]]
        ),
        match=st.sampled_from([MATCH, {**MATCH, "namespaceSelector": {"matchLabels": {"env": "dev"}}}]),
    ),
    min_size=1,
    max_size=3,
)
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here", "labels": {"env": "dev"}}}
EXCEPTION = {
    "apiVersion": "auditor.dev/v1",
    "kind": "PolicyException",
    "metadata": {"name": "e", "namespace": "here"},
    "spec": {
        "policies": ["p0"],
        "rules": ["r0", "r1"],
        "owner": "me",
        "reason": "until the move is done",
        "expires": "2027-01-01T00:00:00Z",
    },
}


def items(*things: JsonObject) -> list[Item]:
    return [Item(each, "x.yaml", Document(each, 1, Positions(dict))) for each in things]


def prepare(specs_of_policies: list[JsonObject], *others: JsonObject) -> tuple[Engine, Surroundings]:
    common: dict[str, Any] = {
        "params": {"max": 3},
        "variables": [{"name": "big", "expression": "object.spec.size > 3"}],
        "lookups": [{"name": "peers", "resource": {"group": "example.com", "resource": "things"}, "namespace": "same"}],
        "exceptions": {"namespaceSelector": {}},
    }
    written = [policy(f"p{i}", **{**common, **spec}) for i, spec in enumerate(specs_of_policies)]
    loaded = sort(items(*written, EXCEPTION, crd("v1", schema=SCHEMA)), Loaded())
    assert not loaded.mistakes
    catalog, _ = make_catalog(loaded.crds)
    engine = Engine.compile(loaded.policies, catalog.schemas)
    around = surround(items(NAMESPACE, *others), catalog, NOW, exceptions=loaded.exceptions)
    return engine, around


def review(new: JsonObject) -> JsonObject:
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1",
            "operation": "CREATE",
            "kind": {"group": "example.com", "version": "v1", "kind": "Thing"},
            "resource": {"group": "example.com", "version": "v1", "resource": "things"},
            "name": new["metadata"]["name"],
            "namespace": new["metadata"]["namespace"],
            "userInfo": {"username": "jane"},
            "object": new,
        },
    }


def tell(verdict: Verdict) -> list[tuple[Json, ...]]:
    return [
        (f.policy, f.rule, f.result, f.severity, f.path, f.message, f.value, f.fingerprint, f.blocks, f.exception)
        for f in verdict.findings
        if f.rule != f"r{len(RULES) - 1}"  # asks for the user: a file has none
    ]


def ask_all(engine: Engine, around: Surroundings, written: JsonObject) -> list[Verdict]:
    """The object as it is written, and what the API server would make of it everywhere else."""
    as_file = make_request(written, around)
    final = engine.mutate(as_file).object
    door: Request = read_review(review(final), around.world, time=NOW).request
    door = replace(door, namespace_object=around.namespaces["here"])
    stored = replace(make_request(final, around), origin=Origin.STORED)
    return [
        judge_as_door(engine, as_file, passes=True, catalog=around.catalog),
        engine.judge(door),
        engine.judge(stored),
    ]


@settings(max_examples=60, deadline=None)
@given(policies, specs, st.lists(specs, max_size=2), st.sampled_from([{}, {"labels": {"app": "red"}}]))
def test_same_everywhere(
    chosen: list[JsonObject], spec: JsonObject, others: list[JsonObject], metadata: JsonObject
) -> None:
    written = thing(**spec)
    written["metadata"] |= metadata
    engine, around = prepare(chosen, *(thing(f"other-{i}", **each) for i, each in enumerate(others)), written)
    as_file, door, stored = (tell(each) for each in ask_all(engine, around, written))
    assert as_file == door == stored


def test_the_pool_has_every_result() -> None:
    """Else the property above could hold for want of findings."""
    rules = [{"name": f"r{i}", **rule} for i, rule in enumerate(RULES)]
    engine, around = prepare([{"rules": rules, "mutate": MUTATIONS, "enforcement": "Deny"}])
    written = thing(size=4, members=[{"name": "a", "cpu": 6}])
    written["metadata"]["labels"] = {"app": "blue"}
    verdict, door, _ = ask_all(engine, around, written)
    assert {finding.result for finding in verdict.findings} == {"pass", "fail", "warn", "error", "skip"}
    assert verdict.not_applicable == ((f"p0/r{len(RULES) - 1}", "it asks for the user"),)
    assert not door.not_applicable
