"""What holds for all objects: whoever wrote all of an object owns all of it; and nobody is accused by mere defaults."""

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.checks.writers import find_owners, read_writers
from auditor.json import Json, JsonObject
from auditor.model.settings import Check
from tests.unit.checks.making import ask, at, only, text, thing, wrote
from tests.unit.engine.making import compiled, policy

NAMES = st.sampled_from(["size", "a/b", "~", "name", "0"])
SCALARS = st.one_of(st.integers(-3, 3), st.booleans(), st.text(max_size=3))
VALUES = st.recursive(SCALARS, lambda below: st.dictionaries(NAMES, below, max_size=3), max_leaves=8)
SPECS = st.dictionaries(NAMES, VALUES, max_size=4)


def fields_of(value: Json) -> JsonObject:
    """As the API server notes who wrote all of it."""
    return {f"f:{name}": fields_of(below) for name, below in value.items()} if isinstance(value, dict) else {}


@settings(max_examples=40)
@given(SPECS)
def test_who_wrote_all_owns_all(spec: JsonObject) -> None:
    entry = {**wrote("x", 1), "fieldsV1": {"f:spec": fields_of(spec)}}
    made = thing(spec, entry, wrote("y", 1, "status.x"))
    writers = read_writers(made)
    leaves = list(writers[0].leaves(made))
    assert sorted(leaves) == sorted(_leaves(("spec",), spec))
    assert all([each.manager for each in find_owners(writers, leaf, made)] == ["x"] for leaf in leaves)


def _leaves(path: tuple[str, ...], value: Json) -> list[tuple[str, ...]]:
    if not isinstance(value, dict) or not value:
        return [path]
    return [leaf for name, below in value.items() for leaf in _leaves((*path, name), below)]


MINUTES = st.one_of(st.none(), st.integers(0, 170))
WRITERS = st.lists(
    st.builds(
        lambda manager, minutes, paths, operation, subresource: wrote(
            manager, minutes, *paths, operation=operation, **({"subresource": subresource} if subresource else {})
        ),
        st.sampled_from(["operator", "argocd-controller", "kube-controller-manager"]),
        MINUTES,
        st.lists(st.sampled_from(["spec.size", "spec.a.b", "metadata.labels.x", "status.y"]), min_size=1, max_size=3),
        st.sampled_from(["Apply", "Update"]),
        st.sampled_from(["", "", "status", "scale"]),
    ),
    max_size=4,
)
RULES = compiled(policy(rules=[{"name": "odd", "cel": "object.spec.size % 2 == 1"}]))


@settings(max_examples=40)
@given(WRITERS)
def test_controllers_alone_are_never_drift_of_ownership(entries: list[JsonObject]) -> None:
    chosen = only(Check.OWNERSHIP, managers=["argocd-controller"])
    assert ask(thing({"size": 4, "a": {"b": 1}}, *entries), settings=chosen).findings == ()


@settings(max_examples=40)
@given(WRITERS, st.integers(0, 170))
def test_nobody_is_accused_of_what_is_older_than_the_rule(entries: list[JsonObject], since: int) -> None:
    """Whoever is named wrote the field, not through a subresource, after the rule came into force."""
    made = thing({"size": 4, "a": {"b": 1}}, *entries)
    outcome = ask(made, Check.BYPASS, RULES, enforced_since={("sizes", "odd"): at(since)})
    for finding in outcome.findings:
        assert finding.rule == "sizes/odd"
        named = [each for each in entries if f"{each['manager']} (" in finding.message and each.get("time")]
        assert any(each["time"] > text(since) and "subresource" not in each for each in named)


@settings(max_examples=40)
@given(SPECS)
def test_object_that_keeps_all_rules_is_never_accused(spec: JsonObject) -> None:
    made = thing({**spec, "size": 3}, wrote("x", 100, "spec.size"), creationTimestamp=text(100))
    assert ask(made, Check.BYPASS, RULES, enforced_since={("sizes", "odd"): at(60)}).findings == ()
