"""Native policies and bindings as they come, in any order: pairs, and what is read again when one of them changes."""

from copy import deepcopy
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from auditor.engine.compiled import CompiledPolicy
from auditor.intake.live.native import NativePairs
from auditor.intake.live.reading import Reading, read_live_native
from auditor.json import JsonObject
from auditor.model.policy import Enforcement, Kind

VAP, MAP = Kind.VALIDATING, Kind.MUTATING
RULE = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["*"]}


def policy(name: str = "sizes", cel: str = "object.spec.size < 3", **spec: Any) -> JsonObject:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "generation": 1, "resourceVersion": "5"},
        "spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": cel}], **spec},
    }


def binding(name: str = "all", of: str = "sizes", **spec: Any) -> JsonObject:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "generation": 1},
        "spec": {"policyName": of, "validationActions": ["Deny"], **spec},
    }


class Reader:
    """Reads, and remembers what."""

    def __init__(self) -> None:
        self.pairs = NativePairs(self.read)
        self.seen: list[str] = []

    def read(self, pair: JsonObject) -> Reading[CompiledPolicy]:
        names = [(each or {"metadata": {"name": "-"}})["metadata"]["name"] for each in pair["spec"].values()]
        self.seen.append("/".join(names))
        return read_live_native(pair, {})

    def taken(self) -> list[str]:
        seen, self.seen = self.seen, []
        return seen


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_a_policy_and_its_bindings_are_one_policy_each(reader: Reader) -> None:
    assert reader.pairs.take_policy(VAP, "sizes", policy())
    assert reader.pairs.take_binding(VAP, "all", binding())
    assert reader.pairs.take_binding(VAP, "warn", binding("warn", validationActions=["Warn"]))
    states = reader.pairs.shelf.states
    assert sorted(states) == ["ValidatingAdmissionPolicy/sizes/all", "ValidatingAdmissionPolicy/sizes/warn"]
    compiled = [each.policy for each in reader.pairs.shelf.good()]
    assert [(each.kind, each.name, each.binding, each.enforcements) for each in compiled] == [
        (VAP, "sizes", "all", (Enforcement.DENY,)),
        (VAP, "sizes", "warn", (Enforcement.WARN,)),
    ]
    assert all(state.right for state in states.values())


def test_the_order_does_not_matter(reader: Reader) -> None:
    reader.pairs.take_binding(VAP, "all", binding())
    (state,) = reader.pairs.shelf.states.values()
    assert state.good is None
    assert state.errors == ()
    assert [each.message for each in state.mistakes] == [
        "names the ValidatingAdmissionPolicy 'sizes', which is not there: it does nothing"
    ]
    reader.pairs.take_policy(VAP, "sizes", policy())
    assert [each.policy.binding for each in reader.pairs.shelf.good()] == ["all"]


def test_a_policy_without_a_binding_is_there_and_does_nothing(reader: Reader) -> None:
    reader.pairs.take_policy(VAP, "sizes", policy())
    (state,) = reader.pairs.shelf.states.values()
    assert (state.good, state.errors) == (None, ())
    assert "no ValidatingAdmissionPolicyBinding names it" in state.mistakes[0].message


def test_a_change_reads_that_policy_only(reader: Reader) -> None:
    for name in ("sizes", "names"):
        reader.pairs.take_policy(VAP, name, policy(name))
        for each in ("a", "b"):
            reader.pairs.take_binding(VAP, f"{name}-{each}", binding(f"{name}-{each}", name))
    reader.taken()
    assert reader.pairs.take_policy(VAP, "sizes", policy(cel="true"))
    assert reader.taken() == ["sizes/sizes-a", "sizes/sizes-b"]
    assert reader.pairs.take_binding(VAP, "names-a", binding("names-a", "names", validationActions=["Audit"]))
    assert reader.taken() == ["names/names-a"]
    assert reader.pairs.take_binding(VAP, "names-a", binding("names-a", "sizes"))
    assert reader.taken() == ["sizes/names-a"]
    assert reader.pairs.take_binding(VAP, "names-a", None)
    assert reader.pairs.take_policy(VAP, "names", None)
    assert reader.taken() == ["-/names-b"]
    assert not reader.pairs.take_binding(VAP, "never-there", None)


def test_a_status_that_is_written_is_no_change(reader: Reader) -> None:
    reader.pairs.take_policy(VAP, "sizes", policy())
    reader.pairs.take_binding(VAP, "all", binding())
    reader.taken()
    noted = deepcopy(policy())
    noted["status"] = {"observedGeneration": 1, "typeChecking": {}}
    noted["metadata"]["resourceVersion"] = "6"
    assert not reader.pairs.take_policy(VAP, "sizes", noted)
    assert reader.taken() == []


def test_what_the_server_took_and_we_cannot_read_is_not_in_force_and_says_why(reader: Reader) -> None:
    reader.pairs.take_binding(VAP, "all", binding())
    reader.pairs.take_policy(VAP, "sizes", policy(cel="object.spec.future("))
    (state,) = reader.pairs.shelf.states.values()
    assert state.good is None
    assert [(each.kind, each.pointer) for each in state.errors] == [
        ("ValidatingAdmissionPolicy", "/spec/validations/0/expression")
    ]
    reader.pairs.take_policy(VAP, "sizes", policy(newField=1))
    (state,) = reader.pairs.shelf.states.values()
    assert [each.pointer for each in state.errors] == ["/spec/newField"]
    # Of an earlier form nothing goes on: the API server does not go on with it either.
    reader.pairs.take_policy(VAP, "sizes", policy())
    reader.pairs.take_policy(VAP, "sizes", policy(cel="object.spec.future("))
    assert list(reader.pairs.shelf.good()) == []


def test_mutating_policies_of_the_same_name_are_others(reader: Reader) -> None:
    expression = {"expression": "Object{spec: Object.spec{size: 1}}"}
    spec = {
        "matchConstraints": {"resourceRules": [RULE | {"operations": ["CREATE"]}]},
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": expression}],
        "reinvocationPolicy": "Never",
    }
    mutating = policy() | {"kind": "MutatingAdmissionPolicy", "spec": spec}
    bound = binding() | {"kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": "sizes"}}
    reader.pairs.take_policy(VAP, "sizes", policy())
    reader.pairs.take_policy(MAP, "sizes", mutating)
    reader.pairs.take_binding(MAP, "all", bound)
    assert sorted(reader.pairs.shelf.states) == [
        "MutatingAdmissionPolicy/sizes/all",
        "ValidatingAdmissionPolicy/sizes/",
    ]
    (compiled,) = reader.pairs.shelf.good()
    assert (compiled.policy.kind, len(compiled.mutations)) == (MAP, 1)


Step = tuple[str, int, int | None]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("policy"), st.integers(0, 2), st.one_of(st.none(), st.integers(0, 1))),
        st.tuples(st.just("binding"), st.integers(0, 2), st.one_of(st.none(), st.integers(0, 2))),
    ),
    max_size=20,
)


@given(STEPS)
def test_however_it_came_about_the_states_are_those_of_what_is_there(steps: list[Step]) -> None:
    """An oracle that pairs all of it anew."""
    pairs = NativePairs(lambda _: (None, []))
    policies: dict[str, JsonObject] = {}
    bindings: dict[str, JsonObject] = {}
    for what, number, value in steps:
        if what == "policy":
            thing = None if value is None else policy(f"p{number}", cel=str(value))
            put(policies, f"p{number}", thing)
            pairs.take_policy(VAP, f"p{number}", thing)
        else:
            thing = None if value is None else binding(f"b{number}", f"p{value}")
            put(bindings, f"b{number}", thing)
            pairs.take_binding(VAP, f"b{number}", thing)
    expected = {}
    for name, thing in bindings.items():
        of = thing["spec"]["policyName"]
        expected[f"{VAP}/{of}/{name}"] = (spec_of(policies.get(of)), thing["spec"])
    for name, thing in policies.items():
        if not any(each["spec"]["policyName"] == name for each in bindings.values()):
            expected[f"{VAP}/{name}/"] = (thing["spec"], None)
    found = {key: tuple(map(spec_of, state.thing["spec"].values())) for key, state in pairs.shelf.states.items()}
    assert found == expected


def put(things: dict[str, JsonObject], name: str, thing: JsonObject | None) -> None:
    if thing is None:
        things.pop(name, None)
    else:
        things[name] = thing


def spec_of(thing: JsonObject | None) -> JsonObject | None:
    return None if thing is None else thing["spec"]
