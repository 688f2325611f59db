"""Admissions of the past, judged again: as the door logs them."""

import json
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest

from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.errors import InputError
from auditor.intake.catalog import Catalog
from auditor.intake.impact.cluster import CatalogResources
from auditor.intake.impact.decisions import (
    DRY,
    MUTATING,
    TWICE,
    UNREADABLE,
    WITHOUT_OBJECT,
    GivenOnly,
    Replay,
    find_denied,
    read_log,
    replay,
)
from auditor.intake.own import check_own
from auditor.json import Json, JsonObject
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request, User
from auditor.model.world import World
from auditor.webhooks.decisionlog import DecisionLog
from auditor.webhooks.decisions import Decision
from tests.unit.intake.files import NOW, policy, thing

SMALL = policy("small", [{"jq": ".spec.size < 5", "message": "too large"}], enforcement="Deny")


def log(
    uid: str = "1",
    *,
    operation: Operation = Operation.CREATE,
    allowed: bool = True,
    webhook: str = "validate",
    dry_run: bool = False,
    old: JsonObject | None = None,
    user: str = "jane",
    **spec: Json,
) -> JsonObject:
    """As the door itself writes it."""
    lines: list[bytes] = []
    request = Request(
        operation=operation,
        kind=GroupVersionKind("example.com", "v1", "Thing"),
        resource=GroupVersionResource("example.com", "v1", "things"),
        object=None if operation is Operation.DELETE else thing(**spec),
        old_object=old,
        user=User(user, groups=("devs",)),
    )
    decision = Decision(
        id="a-1", time=NOW, webhook=webhook, uid=uid, operation=operation, api_version="example.com/v1", kind="Thing",
        namespace="here", name="one", object_uid="", subresource="", user=user,
        outcome="allowed" if allowed else "denied",
        allowed=allowed, dry_run=dry_run, broke_glass=False, late=False, seconds=0.001, findings=(),
    )  # fmt: skip
    DecisionLog(lines.append, share=1.0).record(decision, request)
    found: JsonObject = orjson.loads(lines[0])
    if not allowed:
        found["findings"] = [{"policy": "small", "rule": "r0", "blocks": True}]
    return found


def again(lines: Iterable[Json], *policies: JsonObject) -> Replay:
    listed = list(lines)
    checked = [check_own(each)[0] for each in policies or [SMALL]]
    engine = Engine.compile([read_policy(each) for each in checked if each is not None])
    return replay(
        listed,
        engine,
        denied=find_denied(listed),
        world=World(objects=GivenOnly([])),
        namespaces={},
        resources=CatalogResources(Catalog()),
        time=NOW,
    )


def test_what_would_have_been_refused() -> None:
    found = again(
        [log("1", size=1), log("2", size=9), log("3", size=8, allowed=False), log("4", allowed=False, size=2)]
    )
    assert (found.decisions, found.refused, found.admitted) == (4, 1, 1)
    (example,) = found.examples
    assert (example.name, example.user, example.policies, example.message) == ("one", "jane", ("small",), "too large")
    assert not found.incomplete


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (log(size=9, webhook="mutate/fail-10s"), MUTATING),
        (log(size=9, dry_run=True), DRY),
        ({**log(size=9), "object": None}, WITHOUT_OBJECT),
        (None, UNREADABLE),
        (["a list"], UNREADABLE),
        ({**log(size=9), "operation": "PAINT"}, UNREADABLE),
        ({**log(size=9), "apiVersion": 7}, UNREADABLE),
    ],
)
def test_lines_that_cannot_be_judged_again(line: Json, reason: str) -> None:
    found = again([line])
    assert (found.decisions, dict(found.skipped)) == (0, {reason: 1})
    assert found.incomplete is (reason == UNREADABLE)


def test_one_request_counts_once_and_is_refused_if_one_webhook_did() -> None:
    found = again([log("1", size=9), log("1", size=9, webhook="validate/ignore-5s", allowed=False)])
    assert (found.decisions, found.refused, dict(found.skipped)) == (1, 0, {TWICE: 1})


def test_an_update_that_makes_nothing_worse_is_admitted() -> None:
    """By the same engine as at the door, with the old object."""
    for size, refused in ((8, 0), (1, 1)):
        update = log(operation=Operation.UPDATE, old=thing(size=size), size=9)
        assert again([update]).refused == refused
    leaves = policy("stays", [{"jq": "false"}], enforcement="Deny")
    assert again([log(operation=Operation.DELETE, old=thing(size=1))], leaves).refused == 1


def test_users_are_known() -> None:
    only = policy("only", [{"cel": "request.userInfo.username == 'jane' && 'devs' in request.userInfo.groups"}],
                  enforcement="Deny")  # fmt: skip
    assert again([log("1"), log("2", user="joe")], only).refused == 1


def test_what_is_not_known_is_an_error() -> None:
    looks = policy("looks", [{"jq": "$lookups.peers == []"}],
                   lookups=[{"name": "peers", "resource": {"group": "example.com", "resource": "things"}}])  # fmt: skip
    found = again([log()], looks)
    assert (found.errors, found.incomplete) == (1, True)


def test_values_that_the_log_hides() -> None:
    assert again([log(size=1, password="x")]).redacted == 1  # noqa: S106
    assert again([log(size=1)]).redacted == 0


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f"{json.dumps(log(size=9))}\n\nno json\n")
    found = again(read_log(str(path)))
    assert (found.refused, found.skipped[UNREADABLE]) == (1, 1)
    with pytest.raises(InputError, match="cannot be read"):
        list(read_log(str(tmp_path / "nowhere")))


def test_a_line_of_any_form() -> None:
    """Whatever stands in it, it is judged or counted."""
    good = log(size=9)
    others: list[Json] = [None, 3, [], {}, "x"]
    broken: list[JsonObject] = [{**good, key: value} for key in good for value in others]
    found = again({**each, "uid": each["uid"] if each["uid"] != "1" else str(i)} for i, each in enumerate(broken))
    assert found.decisions + sum(found.skipped.values()) == len(broken)
