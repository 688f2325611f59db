"""What the API server refuses when a policy or binding is created, and what we refuse to load."""

from collections.abc import Sequence

from auditor.engine.engine import Engine
from auditor.engine.mistakes import PolicyError
from auditor.engine.native import NativeObjects
from auditor.json import JsonObject
from tests.cluster.native.asker import ADMISSION, PLURALS, Asker, Question
from tests.cluster.native.refusals import THINGS, mutating, mutating_binding, validating, validating_binding


def load(thing: JsonObject) -> list[str]:
    """Everything that is wrong, with the other half that it needs at its side."""
    native = NativeObjects()
    others = {
        "ValidatingAdmissionPolicy": validating_binding(policyName=thing["metadata"]["name"]),
        "MutatingAdmissionPolicy": mutating_binding(policyName=thing["metadata"]["name"]),
        "ValidatingAdmissionPolicyBinding": validating(),
        "MutatingAdmissionPolicyBinding": mutating(),
    }
    other = others[thing["kind"]]
    if other["metadata"]["name"] == "b" and len(thing["metadata"]["name"]) > 253:
        other = validating_binding()
    native.take(thing)
    native.take(other)
    policies, mistakes = native.policies()
    found = [str(each) for each in mistakes if not each.warning]
    try:
        Engine.compile(policies)
    except PolicyError as error:
        found += map(str, error.mistakes)
    return found


def refused(asker: Asker, things: Sequence[JsonObject]) -> set[str]:
    """The names of those that the server refuses; that we refuse the same ones is asserted."""
    asked = [
        Question("POST", f"{ADMISSION}/{PLURALS[thing['kind']]}?dryRun=All&fieldValidation=Strict", thing)
        for thing in things
    ]
    differences, found = [], set()
    for reply, thing in zip(asker.ask_all(asked), things, strict=True):
        mistakes = load(thing)
        if not reply.allowed:
            found.add(thing["metadata"]["name"])
        if reply.allowed != (not mistakes):
            differences.append(f"{thing['kind']} {thing['spec']}\n  theirs {reply.message}\n  ours {mistakes}")
    assert not differences, f"{len(differences)} of {len(things)}:\n" + "\n".join(differences[:20])
    return found


def test_difference_a_variable_declared_twice(asker: Asker) -> None:
    twice = validating("twice", variables=[{"name": "a", "expression": "1"}, {"name": "a", "expression": "2"}])
    path = f"{ADMISSION}/{PLURALS[twice['kind']]}?dryRun=All"
    assert asker.ask("POST", path, twice).allowed
    assert load(twice)


def test_refusals(asker: Asker) -> None:
    assert refused(asker, THINGS)
