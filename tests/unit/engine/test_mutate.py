"""Mutations: order, the smallest patch, settling, and what must not be changed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.engine import Engine
from auditor.engine.mutate import Mutated, mutate
from auditor.engine.patch import apply_patch, same
from auditor.json import JsonObject
from auditor.model.request import Request
from tests.unit.engine.making import compiled, policy, request, thing


def changes(*mutations: JsonObject, **spec: Any) -> Engine:
    return compiled(policy(mutate=[{"name": f"m{i}", **each} for i, each in enumerate(mutations)], **spec))


def run(engine: Engine, asked: Request) -> Mutated:
    return mutate(engine.index, asked)


@pytest.mark.parametrize(
    "mutation",
    [
        {"jq": '.spec.class //= "standard"'},
        {"jsonPatch": [{"op": "add", "path": "/spec/class", "value": "standard"}]},
        {"mergePatch": {"spec": {"class": "standard"}}},
        {"cel": "Object{spec: Object.spec{class: 'standard'}}"},
        {"cel": "[JSONPatch{op: 'add', path: '/spec/class', value: 'standard'}]"},
    ],
    ids=str,
)
def test_each_way_of_writing_gives_the_smallest_patch(mutation: JsonObject) -> None:
    mutated = run(changes(mutation), request(thing({"size": 1})))
    assert list(mutated.patch) == [{"op": "add", "path": "/spec/class", "value": "standard"}]
    assert mutated.object["spec"] == {"size": 1, "class": "standard"}
    assert mutated.applied == (("sizes", "m0"),)
    assert mutated.allowed


def test_nothing_to_do_is_no_patch() -> None:
    mutated = run(changes({"jq": '.spec.class //= "standard"'}), request(thing({"class": "fast"})))
    assert (mutated.patch, mutated.applied, mutated.findings) == ((), (), ())


def test_policies_go_by_name_and_mutations_by_their_order() -> None:
    def appending(name: str, *words: str) -> JsonObject:
        return policy(
            name,
            mutate=[
                {"name": w, "jq": f'if .spec.words | index("{w}") then . else .spec.words += ["{w}"] end'}
                for w in words
            ],
        )

    mutated = run(compiled(appending("b", "3"), appending("a", "2", "1")), request(thing({"words": []})))
    assert mutated.object["spec"]["words"] == ["2", "1", "3"]


def test_later_mutation_sees_the_earlier_one_and_the_labels_that_it_set() -> None:
    label = policy("a", mutate=[{"name": "m", "jq": '.metadata.labels.x = "y"'}])
    chosen = policy("b", mutate=[{"name": "m", "jq": ".spec.chosen = true"}])
    chosen["spec"]["match"]["objectSelector"] = {"matchLabels": {"x": "y"}}
    assert run(compiled(chosen, label), request(thing())).object["spec"] == {"chosen": True}


def test_what_never_settles_is_an_error() -> None:
    mutated = run(changes({"jq": ".spec.size += 1"}), request(thing({"size": 1})))
    assert not mutated.allowed
    assert "mutation m0: has not settled" in mutated.findings[0].message


def test_what_settles_in_the_second_pass_is_none() -> None:
    first = policy("a", mutate=[{"name": "m", "jq": "if .spec.b then .spec.a = true else . end"}])
    second = policy("b", mutate=[{"name": "m", "jq": ".spec.b = true"}])
    mutated = run(compiled(first, second), request(thing()))
    assert (mutated.object["spec"], mutated.findings) == ({"a": True, "b": True}, ())


@pytest.mark.parametrize(
    ("mutation", "said"),
    [
        ({"jq": "empty"}, "must yield exactly one object"),
        ({"jq": "., ."}, "must yield exactly one object"),
        ({"jq": ".spec"}, "would change /apiVersion"),
        ({"jq": '.metadata.namespace = "there"'}, "would change /metadata/namespace"),
        ({"jq": '.kind = "Other"'}, "would change /kind"),
        ({"jq": 'error("no")'}, "no"),
        ({"cel": "[JSONPatch{op: 'remove', path: '/spec/none'}]"}, "/spec/none"),
        ({"jsonPatch": [{"op": "test", "path": "/spec/size", "value": 2}]}, "test"),
    ],
    ids=str,
)
def test_what_cannot_be_applied_says_so_and_the_others_go_on(mutation: JsonObject, said: str) -> None:
    mutated = run(changes(mutation, {"jq": ".spec.ok = true"}), request(thing({"size": 1})))
    assert said in mutated.findings[0].message
    assert not mutated.allowed
    assert mutated.object["spec"] == {"size": 1, "ok": True}
    assert run(changes(mutation, failurePolicy="Ignore"), request(thing({"size": 1}))).allowed


def test_deletion_is_not_mutated() -> None:
    assert run(changes({"jq": ".spec.a = 1"}), request(None, thing())).patch == ()


@given(st.dictionaries(st.sampled_from("abc"), st.integers(-(2**63), 2**63 - 1) | st.text() | st.none(), max_size=3))
def test_patch_leads_from_the_object_to_the_result(spec: JsonObject) -> None:
    before = thing(spec)
    mutated = run(ENGINE, request(before))
    assert same(apply_patch(before, list(mutated.patch)), mutated.object)
    assert run(ENGINE, request(mutated.object)).patch == ()


ENGINE = changes({"jq": '.spec.a //= "x"'}, {"mergePatch": {"spec": {"b": None}}}, {"jq": "del(.spec.c)"})
