"""Updates of CRDs at admission, through the door."""

import copy
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import orjson
import pytest

from auditor.cluster import Client, Resource
from auditor.engine.convert import Conversion
from auditor.errors import ForbiddenError, UnreachableError
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import State
from auditor.intake.live.view import View
from auditor.json import Json, JsonObject
from auditor.webhooks.asked import Hook
from auditor.webhooks.door import Door
from auditor.webhooks.serving.crds import ACCEPT, ALL, PATH, CrdReviewer, Limits
from auditor.webhooks.snapshot import Settings, Snapshot
from tests.unit.intake.files import crd, thing
from tests.unit.intake.once.cluster import established
from tests.unit.webhooks.making import compiled, door_of, review

CRDS = {"group": "apiextensions.k8s.io", "version": "v1"}
NAME = "things.example.com"


def definition(*, maximum: int = 99, generation: int = 3, **annotations: str) -> JsonObject:
    schema = {"type": "object", "properties": {"size": {"type": "integer", "maximum": maximum}}}
    made = established(crd("v1", schema=schema))
    made["metadata"] = {"name": NAME, "generation": generation, "annotations": annotations}
    return made


OLD = definition()
NEW = definition(maximum=5, generation=4)
OBJECTS = [thing(f"t{i}", size=i) for i in range(10)]


class Lists:
    """A client that has lists and nothing else."""

    def __init__(self, give: Callable[[], Iterable[JsonObject]] = lambda: OBJECTS) -> None:
        self.give = give
        self.asked: list[Resource] = []

    def list(self, resource: Resource) -> Iterator[JsonObject]:
        self.asked.append(resource)
        yield from self.give()


def door_for(
    lists: Lists, *, deny: bool = False, limits: Limits | None = None, view: View | None = None, **more: Any
) -> Door:
    reviewer = CrdReviewer(cast(Client, lists), lambda: view, deny=deny, limits=limits)
    return door_of(Snapshot.of(compiled(), **more), specials={PATH: reviewer.judge})


def ask(door: Door, new: Json = NEW, old: Json = OLD, **changes: Json) -> JsonObject:
    kind, resource = {**CRDS, "kind": "CustomResourceDefinition"}, {**CRDS, "resource": "customresourcedefinitions"}
    body = review(new, old, kind=kind, resource=resource, requestKind=kind, requestResource=resource)
    body["request"] |= {"name": NAME, "namespace": "", **changes}
    answer = door.review(Hook.VALIDATE, orjson.dumps(body), name="crds")
    found: JsonObject = orjson.loads(answer.body)["response"]
    return found


def test_what_would_happen_is_warned_of() -> None:
    lists = Lists()
    response = ask(door_for(lists))
    assert response["allowed"] is True
    harm, hint = response["warnings"]
    assert harm.startswith("4 objects, v1: spec.size: would be invalid: ")
    assert harm.endswith("(Thing here/t6, here/t7, here/t8 and 1 more)")
    assert hint == ALL
    assert [each.name for each in lists.asked] == [NAME]


def test_or_refused_with_the_way_to_insist() -> None:
    response = ask(door_for(Lists(), deny=True))
    assert response["allowed"] is False
    assert response["status"]["code"] == 403
    message = response["status"]["message"]
    assert message.startswith("crd-impact: 4 objects, v1: spec.size: would be invalid: ")
    assert f"kubectl annotate crd {NAME} {ACCEPT}=4 --overwrite" in message


def test_who_insists_does_so_for_one_change() -> None:
    door = door_for(Lists(), deny=True)
    accepted = ask(door, definition(maximum=5, generation=4, **{ACCEPT: "4"}))
    assert accepted["allowed"] is True
    assert "would be invalid" in accepted["warnings"][0]
    assert ask(door, definition(maximum=5, generation=5, **{ACCEPT: "4"}))["allowed"] is False
    assert ask(door, definition(maximum=5, generation=5, **{ACCEPT: ""}))["allowed"] is False


def test_and_who_breaks_the_glass_too() -> None:
    door = door_for(Lists(), deny=True, settings=Settings(break_glass_group="devs"))
    assert ask(door)["allowed"] is True


@pytest.mark.parametrize(
    ("new", "old"),
    [
        pytest.param(definition(generation=4, a="b"), OLD, id="versions are the same"),
        pytest.param(NEW, {**OLD, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, id="it is being deleted"),
        pytest.param(NEW, {**OLD, "status": {}}, id="nothing is served"),
        pytest.param(NEW, None, id="it is created"),
        pytest.param(None, OLD, id="it is deleted"),
    ],
)
def test_what_is_not_worth_a_list(new: Json, old: Json) -> None:
    lists = Lists()
    response = ask(door_for(lists, deny=True), new, old)
    assert (response["allowed"], response.get("warnings")) == (True, None)
    assert lists.asked == []


def test_our_own_are_left_alone() -> None:
    ours = [copy.deepcopy(each) for each in (NEW, OLD)]
    for each in ours:
        each["spec"]["group"] = "auditor.dev"
    lists = Lists()
    assert "warnings" not in ask(door_for(lists, deny=True), *ours)
    assert lists.asked == []


def test_one_without_objects_is_silent() -> None:
    assert "warnings" not in ask(door_for(Lists(list), deny=True))


def test_a_dry_run_says_the_same() -> None:
    assert "would be invalid" in ask(door_for(Lists()), dryRun=True)["warnings"][0]


def test_what_could_not_be_read_is_no_pass() -> None:
    def forbidden() -> list[JsonObject]:
        raise ForbiddenError("list things", code=403, message='things is forbidden: User "u" cannot list')

    door = door_for(Lists(forbidden), deny=True)
    response = ask(door)
    assert response["allowed"] is True
    assert response["warnings"][0].startswith(f"{NAME}: forbidden: ")
    assert "kubectl create clusterrole" in response["warnings"][0]
    counted = door.meters.registry.get_sample_value
    labels = {"webhook": PATH, "reason": "cluster"}
    assert counted("auditor_webhook_errors_total", labels) == 1


def test_what_was_found_before_it_broke_off_refuses() -> None:
    def broken() -> Iterator[JsonObject]:
        yield OBJECTS[9]
        raise UnreachableError("the API server is not there")

    response = ask(door_for(Lists(broken), deny=True))
    assert response["allowed"] is False
    assert "1 object, v1" in response["status"]["message"]
    assert "broke off after 1 objects" in response["warnings"][0]


def test_beyond_the_deadline_it_says_how_far_it_came() -> None:
    response = ask(door_for(Lists(), limits=Limits(seconds=-1.0)))
    assert response["allowed"] is True
    assert response["warnings"] == ["the time was up after 0 objects, and there are more", ALL]


def test_a_list_that_never_comes_is_not_waited_for_and_takes_the_place_of_no_other() -> None:
    """Of two that may look at once, one hangs: the others look all the same, one after the other."""
    hangs = threading.Event()

    def never() -> list[JsonObject]:
        hangs.wait(60)
        return []

    lists = Lists(never)
    door = door_for(lists, limits=Limits(at_once=2, patience=0.05))
    try:
        response = ask(door)
        assert response["allowed"] is True
        (warning,) = response["warnings"]
        assert f"the objects of {NAME} could not be listed within 0.05 s; {ALL}" in warning
        assert "could not be listed" in ask(door)["warnings"][0]
        assert "looking at the objects of 2 other CRDs" in ask(door)["warnings"][0]
    finally:
        hangs.set()
    lists.give = lambda: OBJECTS
    for _ in range(500):  # the threads that hung give their places back
        if "would be invalid" in ask(door)["warnings"][0]:
            return
    raise AssertionError("nobody can look any more")


def test_a_defect_is_an_error_and_passes() -> None:
    def defect() -> list[JsonObject]:
        raise KeyError("x")

    response = ask(door_for(Lists(defect), deny=True))
    assert response["allowed"] is True
    assert "internal error" in response["warnings"][0]


def test_our_conversion_leads_to_other_versions() -> None:
    """The list is in the storage version; what v2 makes of it only our Conversion knows."""
    two = established(crd("v1", "v2", schema={"type": "object", "properties": {"size": {"type": "integer"}}}))
    two["metadata"]["generation"] = 1
    new = copy.deepcopy(two)
    new["spec"]["conversion"] = two["spec"]["conversion"] = {"strategy": "Webhook", "webhook": {}}
    length = {"type": "object", "properties": {"length": {"type": "integer", "maximum": 5}}}
    new["spec"]["versions"][1]["schema"] = crd("v2", schema=length)["spec"]["versions"][0]["schema"]
    steps = [
        {"from": "v1", "to": "v2", "jq": ".spec.length = .spec.size | del(.spec.size)"},
        {"from": "v2", "to": "v1", "jq": ".spec.size = .spec.length | del(.spec.length)"},
    ]
    spec = {"resource": {"group": "example.com", "resource": "things"}, "steps": steps}
    ours = Conversion.compile({"metadata": {"name": NAME}, "spec": spec})
    view = View(conversions={NAME: State({}, ours, ())}, schemas=LiveSchemas({}))
    assert "v2: spec.length: would be invalid" in ask(door_for(Lists(), view=view), new, two)["warnings"][0]
    assert "only the conversion webhook knows" in ask(door_for(Lists()), new, two)["warnings"][0]
