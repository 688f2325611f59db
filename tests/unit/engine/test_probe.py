"""The try of mutations when they are loaded."""

from typing import Any

import pytest

from auditor.engine.probe import probe
from auditor.json import JsonObject
from tests.unit.engine.making import compiled, policy


def warnings(mutation: JsonObject, **spec: Any) -> list[str]:
    engine = compiled(policy(mutate=[{"name": "m", **mutation}], **spec))
    return [mistake.message for mistake in probe(engine.policies) if mistake.warning]


@pytest.mark.parametrize(
    "mutation", [{"jq": ".spec.n += 1"}, {"jq": '.metadata.labels.x += "y"'}, {"jq": ".spec.l += [1]"}]
)
def test_what_changes_at_every_call_is_warned_of(mutation: JsonObject) -> None:
    [told] = warnings(mutation)
    assert told.startswith("mutation m: has not settled")


@pytest.mark.parametrize(
    "mutation",
    [{"jq": ".spec.n //= 1"}, {"mergePatch": {"spec": {"a": 1}}}, {"jq": "error"}],
    ids=str,
)
def test_what_settles_or_cannot_be_tried_is_not(mutation: JsonObject) -> None:
    assert warnings(mutation) == []


def test_policy_for_updates_only_is_not_tried() -> None:
    source = policy(mutate=[{"name": "m", "jq": ".spec.n += 1"}])
    source["spec"]["match"]["resourceRules"][0]["operations"] = ["UPDATE"]
    assert list(probe(compiled(source).policies)) == []
