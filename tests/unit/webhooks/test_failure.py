"""What becomes of a request that cannot be judged: the same at the API server and at the door."""

from itertools import product

import pytest

from auditor.intake.review import read_review
from auditor.json import JsonObject
from auditor.model.world import World
from auditor.webhooks.failure import effective_failure_policy
from auditor.webhooks.registration import Side, derive_entries
from auditor.webhooks.snapshot import Group
from tests.unit.webhooks.making import NOW, compiled, policy, review

AUDITED = {"name": "audited", "cel": "true", "enforcement": "Audit"}
DENIED = {"name": "denied", "cel": "true", "enforcement": "Deny"}
PLAIN = {"name": "plain", "cel": "true"}
MUTATION = {"name": "m", "mergePatch": {"spec": {"a": 1}}}
ELSEWHERE = {"enforcement": "Audit", "enforcementOverrides": [{"namespaceSelector": {}, "enforcement": "Deny"}]}


@pytest.mark.parametrize(
    ("spec", "mutating", "expected"),
    [
        ({"rules": [PLAIN]}, False, "Fail"),
        ({"rules": [PLAIN], "enforcement": "Warn"}, False, "Ignore"),
        ({"rules": [PLAIN], "failurePolicy": "Ignore"}, False, "Ignore"),
        ({"rules": [AUDITED]}, False, "Ignore"),  # Deny is said of no rule
        ({"rules": [AUDITED, PLAIN]}, False, "Fail"),
        ({"rules": [DENIED], "enforcement": "Audit"}, False, "Fail"),
        ({"rules": [PLAIN], **ELSEWHERE}, False, "Fail"),
        ({"rules": [AUDITED], **ELSEWHERE}, False, "Fail"),  # an override takes the place of what a rule says, too
        ({"mutate": [MUTATION], "enforcement": "Audit"}, True, "Fail"),
        ({"mutate": [MUTATION], "failurePolicy": "Ignore"}, True, "Ignore"),
    ],
)
def test_what_counts(spec: JsonObject, mutating: bool, expected: str) -> None:
    (one,) = compiled(policy(**spec)).policies
    assert effective_failure_policy(one, group="example.com", mutating=mutating) == expected
    assert effective_failure_policy(one, group="auditor.dev", mutating=mutating) == "Ignore"


def test_a_rule_that_may_refuse_makes_its_policy_fail() -> None:
    """What the engine does with a rule in some namespace is what counts."""
    for rules, enforcement, more in product([[PLAIN], [AUDITED], [DENIED]], ["Deny", "Warn"], [{}, ELSEWHERE]):
        spec: JsonObject = {"rules": [{**each, "cel": "false"} for each in rules], "enforcement": enforcement, **more}
        engine = compiled(policy(**spec))
        (one,) = engine.policies
        refuses = not engine.judge(read_review(review(), World(), time=NOW).request).allowed
        assert (effective_failure_policy(one, group="example.com", mutating=False) == "Fail") is refuses, spec


def test_the_door_says_of_every_policy_what_the_api_server_was_told() -> None:
    several = product(
        [[PLAIN], [AUDITED], [AUDITED, DENIED], []], ["Deny", "Warn"], ["Fail", "Ignore"], [{}, ELSEWHERE]
    )
    for rules, enforcement, failure, more in several:
        spec: JsonObject = {"rules": rules, "mutate": [MUTATION], "enforcement": enforcement, "failurePolicy": failure}
        engine = compiled(policy(**spec | more))
        for side in Side:
            for entry in derive_entries(engine.policies, side, {}):
                closed = Group.of("", engine).fails_closed(None, mutating=side is Side.MUTATE)
                assert ("Fail" if closed else "Ignore") == entry.failure_policy, (spec, side)
