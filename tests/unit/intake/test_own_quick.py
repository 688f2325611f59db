"""The quick look at our own objects: what it takes, the CRD takes, with the same defaults."""

import copy
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import crds
from auditor.engine.read import name_of
from auditor.intake import own
from auditor.intake.ownrules import OWN_RULES
from auditor.json import Json, JsonObject
from auditor.languages import cel

ROOT = Path(__file__).parents[3]
# Values that stand where others are expected; each could be right somewhere.
ODDITIES: list[Json] = [
    *(
        None,
        "",
        "*",
        "a/b",
        "a/*",
        "*/b",
        "In",
        "Exists",
        "x\n",
        "\ud800",
        0,
        1,
        -1,
        1 << 63,
        1.0,
        True,
        {},
        {"a": None},
    ),
    *([], ["a", "a"], ["*", "a"], ["a/b", "a/*"], ["a/b", "*/b"], ["*/*", "a"], {"name": "x"}),
]


@cache
def right_ones() -> list[JsonObject]:
    """Objects of ours that packs have, and one of each kind with all fields."""
    files = [*ROOT.glob("policies/*/policies.yaml"), *ROOT.glob("tests/unit/crds/objects/*.yaml")]
    things = [thing for file in sorted(files) for thing in yaml.safe_load_all(file.read_text()) if thing]
    return [{**each, "metadata": {"name": "x", **each["metadata"]}} for each in things if each["kind"] in crds.kinds()]


def places(value: Json, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    yield path
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, *path, key)


def changed(thing: JsonObject, path: tuple[str | int, ...], value: Json, *, drop: bool) -> JsonObject:
    whole: Json = copy.deepcopy(thing)
    part = whole
    for step in path[:-1]:
        part = part[step]
    if drop:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return dict(whole)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_it_takes_the_crd_takes(data: st.DataObject) -> None:
    thing = data.draw(st.sampled_from(right_ones()))
    path = data.draw(st.sampled_from(list(places(thing["spec"], "spec"))))
    if data.draw(st.booleans()):
        path = (*path, data.draw(st.sampled_from(["name", "jq", "cel", "values", "paramRef", "from", "other"])))
    try:
        thing = changed(thing, path, data.draw(st.sampled_from(ODDITIES)), drop=data.draw(st.booleans()))
    except (KeyError, TypeError, IndexError):
        return
    before = copy.deepcopy(thing)
    taken = own._look_quickly(thing, name_of(thing))
    assert thing == before
    if taken is not None:
        assert own._look_closely(thing, name_of(thing)) == (taken, [])


def test_policies_of_packs_need_no_second_look() -> None:
    policies = [each for each in right_ones() if each["kind"] == "Policy" and "status" not in each]
    assert len(policies) > 10
    for each in policies:
        taken = own._look_quickly(each, name_of(each))
        assert taken is not None, name_of(each)
        assert own._look_closely(each, name_of(each)) == (taken, [])


LISTS: list[Json] = [
    *(
        ["*"],
        ["*", "a"],
        ["a", "b"],
        ["*/*"],
        ["*/*", "a"],
        ["*", "a/b"],
        ["a/*", "a/b"],
        ["*/b", "a/b"],
        ["a/c", "a/b"],
    ),
]
TEXTS: list[Json] = [
    "a",
    "in",
    "a.b/c",
    "A/b",
    "a/b/c",
    "/a",
    "a/",
    "-",
    "a" * 63,
    "a" * 64,
    "a..b/c",
    "a" * 254 + "/a",
]
PARTS = ("rules", "mutate", "params", "paramKind", "paramRef", "name", "selector", "jq", "cel", "messageExpression")
REST: JsonObject = {"steps": [{"from": "v1", "to": "v2"}], "spec": {"resource": {"resource": "as", "group": "b"}}}
MAPS: list[Json] = [
    *({**REST, **{each: ["a"] for each in parts}} for size in range(3) for parts in combinations(PARTS, size)),
    *({**REST, "operator": each, "values": values} for each in ("In", "Exists") for values in ([], ["a"])),
    *({**REST, "operator": each, "op": op} for each in ("In", "Exists") for op in ("move", "add")),
    *({**REST, "op": op, "from": "v1", "to": to, "hub": to} for op in ("move", "add") for to in ("v1", "v2", "v3")),
    *({**REST, "metadata": {"name": name}} for name in ("as.b", "b.as")),
    *({each: ""} for each in TEXTS),
]


@pytest.mark.parametrize("rule", OWN_RULES)
def test_a_rule_holds_only_where_cel_says_so(rule: str) -> None:
    program = cel.compile(rule, cel.crd_scope(cel.DYN), cel.BOOL)
    said: set[bool] = set()
    for value in (*LISTS, *TEXTS, *MAPS):
        try:
            holds = OWN_RULES[rule](value)
        except (AttributeError, KeyError, TypeError):
            continue  # of another type than the schema has there
        outcome = program.run(cel.Bindings(self=value))
        if outcome.error is None:
            said.add(holds)
            assert outcome.value is True or not holds, value
    assert said == {True, False}


def test_a_rule_that_it_does_not_know_is_left_to_cel(monkeypatch: pytest.MonkeyPatch) -> None:
    thing = next(each for each in right_ones() if each["kind"] == "Policy" and "status" not in each)
    assert own._look_quickly(thing, name_of(thing)) is not None
    monkeypatch.setattr(own, "OWN_RULES", {})
    assert own._look_quickly(thing, name_of(thing)) is None
    assert own.check_own(thing)[1] == []
