"""What a change of what objects are judged by means for them."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from auditor.audit.namespaces import asks_labels, asks_namespace
from auditor.audit.setting import Consequence, compare
from auditor.engine.engine import Engine
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.request import GroupVersionResource
from auditor.model.settings import Check
from auditor.model.world import World
from tests.unit.audit.making import policy, setting, without_checks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = Consequence()


def exception(name: str, *policies: str) -> PolicyException:
    return PolicyException(
        namespace="a", name=name, policies=policies, rules=(), match=None, owner="me", reason="it is so", expires=NOW
    )


def test_nothing_follows_from_nothing() -> None:
    made = setting(policy("p"))
    assert compare(made, replace(made, world=World())) == NOTHING
    assert not compare(made, made)


def test_only_what_differs_of_the_policies() -> None:
    before = Engine.compile([policy("p"), policy("q"), policy("gone")])
    p, q, _ = before.policies
    (other,) = Engine.compile([policy("q", "true")]).policies
    (new,) = Engine.compile([policy("new")]).policies
    after = Engine.of([p, other, new])
    found = compare(setting(engine=before), setting(engine=after))
    assert found == Consequence(changed=frozenset({"q", "new"}), gone=frozenset({"gone"}))
    assert q is not other


@pytest.mark.parametrize(
    "change",
    [
        {"resource": GroupVersionResource("example.com", "v2", "things")},
        {"excluded_namespaces": frozenset({"a"})},
        {"kind": without_checks()},
        {"passes": True},
        {"world": World(own_namespace="elsewhere")},
        {"world": World(excluded_users=frozenset({"me"}))},
        {"facts": None},
        {"convertible": ("v2",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_concerns_every_object(change: dict[str, object]) -> None:
    made = setting(policy("p"))
    assert compare(made, replace(made, **change)).all  # type: ignore[arg-type]


def test_exceptions_concern_the_policies_that_they_name_and_can_be_excused_from() -> None:
    engine = Engine.compile(
        [
            policy("p", exceptions={"namespaceSelector": {}}),
            policy("q", exceptions={"namespaceSelector": {}}),
            policy("r"),
        ]
    )
    one = setting(engine=engine, world=World(exceptions=(exception("one", "p", "r"),)))
    none = replace(one, world=World())
    everybody = replace(one, world=World(exceptions=(exception("one", "p", "r"), exception("all", "*"))))
    assert compare(none, one).changed == {"p"}, "nobody is excused from r"
    assert compare(one, none).changed == {"p"}
    assert compare(one, everybody).changed == {"p", "q"}
    assert not compare(one, one)


def test_a_part_has_its_policies_and_the_checks_on_them() -> None:
    made = setting(policy("p"), policy("q"), debts=lambda _: ())
    part = made.only({"q", "gone"})
    assert set(part.policies) == {"q"}
    assert {check for check, each in part.kind.checks.items() if each.enabled} == {
        Check.POLICY,
        Check.BYPASS,
        Check.MUTATION,
    }
    assert part.debts is None
    assert made.only({"q"}).schema is made.schema


def test_a_policy_that_names_another_version_is_known() -> None:
    assert not setting(policy("p")).splits
    assert not setting(policy("p", versions="v1")).splits
    assert setting(policy("p"), policy("q", versions="v2")).splits


@pytest.mark.parametrize(
    ("spec", "labels", "reads"),
    [
        ({}, False, False),
        ({"exceptions": {"namespaceSelector": {}}}, True, False),
        (
            {"enforcementOverrides": [{"namespaceSelector": {"matchLabels": {"a": "b"}}, "enforcement": "Warn"}]},
            True,
            False,
        ),
        ({"rules": [{"name": "r", "cel": "namespaceObject != null"}]}, True, True),
        ({"rules": [{"name": "r", "jq": "$namespace != null"}]}, True, True),
        ({"rules": [{"name": "r", "jq": ".spec != null"}]}, False, False),
        ({"mutate": [{"name": "m", "jq": ".spec.n = ($namespace | length)"}]}, True, True),
    ],
)
def test_who_asks_for_a_namespace(spec: JsonObject, *, labels: bool, reads: bool) -> None:
    (compiled,) = Engine.compile([policy("p", **spec)]).policies
    assert (asks_labels(compiled), asks_namespace(compiled)) == (labels, reads)


def test_mutations_are_asked_together() -> None:
    """What one would still change depends on what the others make of the object."""
    mutate = [{"name": "m", "jq": ".spec.n = 1"}]
    engine = Engine.compile([policy("p", mutate=mutate), policy("q", mutate=mutate), policy("r")])
    p, q, r = engine.policies
    both, one = setting(engine=engine), setting(engine=Engine.of([q, r]))
    assert both.close(frozenset("p")) == {"p", "q"}
    assert both.close(frozenset("r")) == {"r"}
    assert compare(both, one) == Consequence(changed=frozenset("q"), gone=frozenset("p"))
    assert compare(one, both).changed == {"p", "q"}
    (plain,) = Engine.compile([policy("p")]).policies
    assert compare(both, setting(engine=Engine.of([plain, q, r]))).changed == {"p", "q"}
    (other,) = Engine.compile([policy("r", "true")]).policies
    assert compare(both, setting(engine=Engine.of([p, q, other]))).changed == {"r"}


def test_what_crds_are_judged_by_concerns_all_of_them() -> None:
    def one(_: JsonObject) -> tuple[()]:
        return ()

    def other(_: JsonObject) -> tuple[()]:
        return ()

    made = setting(policy("p"), debts=one)
    assert not compare(made, replace(made, debts=one))
    assert compare(made, replace(made, debts=other)).all


def test_many_exceptions_are_compared_by_their_names() -> None:
    """A thousand with a thousand others would be a million comparisons, for each kind."""
    engine = Engine.compile([policy("p", exceptions={"namespaceSelector": {}})])
    before = tuple(exception(f"e{i}", "nobody") for i in range(3000))
    after = (*(exception(f"e{i}", "nobody") for i in range(2999)), exception("e2999", "p"))
    one, two = (setting(engine=engine, world=World(exceptions=each)) for each in (before, after))
    begun = time.process_time()
    assert compare(one, two).changed == {"p"}
    assert compare(two, one).changed == {"p"}
    assert time.process_time() - begun < 0.5
