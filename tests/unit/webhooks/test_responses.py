"""Whole responses as files, each named by what it is. `UPDATE_GOLDENS=1 pytest` writes them anew."""

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from auditor.json import JsonObject
from auditor.model.world import World
from auditor.webhooks.asked import Hook
from auditor.webhooks.snapshot import Settings
from tests.unit.webhooks.making import SMALL, ask, open_door, policy, review, rules, thing

GOLDENS = Path(__file__).parent / "responses"
BIG = review(thing({"size": 9, "members": [{"cpu": 1}, {"cpu": 99}]}))


def allowed() -> JsonObject:
    return ask(open_door(rules(SMALL)))


def denied() -> JsonObject:
    return ask(open_door(rules(SMALL)), BIG)


def denied_by_several() -> JsonObject:
    cpu = {
        "deny": ".spec.members | to_entries[] | select(.value.cpu > 9) "
        '| {message: "cpu", path: "/spec/members/\\(.key)/cpu"}'
    }
    return ask(open_door(rules(SMALL, cpu, {"cel": "has(object.spec.owner)", "message": "who owns it?"})), BIG)


def denied_as_forbidden() -> JsonObject:
    return ask(open_door(rules({**SMALL, "reason": "Forbidden"})), BIG)


def denied_with_several_reasons() -> JsonObject:
    return ask(open_door(rules({**SMALL, "reason": "Forbidden"}, {**SMALL, "reason": "Unauthorized"})), BIG)


def denied_deletion() -> JsonObject:
    return ask(open_door(rules({"cel": "oldObject.spec.size < 5"})), review(None, thing({"size": 9})))


def denied_without_a_name() -> JsonObject:
    unnamed = {**thing({"size": 9}), "metadata": {"generateName": "one-", "namespace": "here"}}
    return ask(open_door(rules(SMALL)), review(unnamed, name=""))


def denied_by_an_error() -> JsonObject:
    return ask(open_door(rules({"cel": "object.spec.nothing > 3"})))


def error_ignored() -> JsonObject:
    return ask(open_door(rules({"cel": "object.spec.nothing > 3"}, failurePolicy="Ignore")))


def warned() -> JsonObject:
    return ask(open_door(rules(SMALL, enforcement="Warn")), BIG)


def audited() -> JsonObject:
    return ask(open_door(rules(SMALL, enforcement="Audit")), BIG)


def patched() -> JsonObject:
    mutations = [{"name": "class", "mergePatch": {"spec": {"class": "standard"}}}]
    return ask(open_door(policy(mutate=mutations)), hook=Hook.MUTATE)


def not_patched() -> JsonObject:
    mutations = [{"name": "class", "mergePatch": {"spec": {"class": "standard"}}}]
    return ask(open_door(policy(mutate=mutations)), review(thing({"class": "standard"})), hook=Hook.MUTATE)


def mutation_failed() -> JsonObject:
    return ask(open_door(policy(mutate=[{"name": "class", "jq": 'error("no")'}])), hook=Hook.MUTATE)


def mutation_failed_ignored() -> JsonObject:
    mutations = [{"name": "class", "jq": 'error("no")'}]
    return ask(open_door(policy(mutate=mutations, failurePolicy="Ignore")), hook=Hook.MUTATE)


def break_glass() -> JsonObject:
    door = open_door(rules(SMALL), settings=Settings(break_glass_group="firefighters"))
    return ask(door, review(thing({"size": 9}), userInfo={"username": "joe", "groups": ["firefighters"]}))


def wrong_field() -> JsonObject:
    return ask(open_door(rules(SMALL)), review(userInfo={"groups": 1}))


def wrong_field_ignored() -> JsonObject:
    return ask(open_door(rules(SMALL, failurePolicy="Ignore")), review(userInfo={"groups": 1}))


def rests_on_lookups() -> JsonObject:
    lookup = {"name": "peers", "resource": {"group": "example.com", "resource": "things"}, "namespace": "same"}
    return ask(open_door(rules({"jq": "$lookups.peers | length == 0"}, lookups=[lookup]), world=World()))


CASES: tuple[Callable[[], JsonObject], ...] = (
    allowed,
    denied,
    denied_by_several,
    denied_as_forbidden,
    denied_with_several_reasons,
    denied_deletion,
    denied_without_a_name,
    denied_by_an_error,
    error_ignored,
    warned,
    audited,
    patched,
    not_patched,
    mutation_failed,
    mutation_failed_ignored,
    break_glass,
    wrong_field,
    wrong_field_ignored,
    rests_on_lookups,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_response(case: Callable[[], JsonObject]) -> None:
    path = GOLDENS / f"{case.__name__}.json"
    written = orjson.dumps(case(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_bytes(written)
    assert written.decode() == path.read_text()


def test_every_file_is_a_case() -> None:
    assert {path.stem for path in GOLDENS.iterdir()} == {case.__name__ for case in CASES}
