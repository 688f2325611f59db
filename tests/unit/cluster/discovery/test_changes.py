"""What is told of a kind when its CRD changes."""

import copy
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.discovery import Aspect, CrdKind, KindTable, Turn, read_crd
from auditor.json import JsonObject
from tests.unit.cluster.discovery.making import condition, make_crd


def add_version(crd: JsonObject) -> None:
    crd["spec"]["versions"].append(make_crd("v3", storage="")["spec"]["versions"][0])


def drop_version(crd: JsonObject) -> None:
    crd["spec"]["versions"].pop(0)


def stop_serving(crd: JsonObject) -> None:
    crd["spec"]["versions"][0]["served"] = False


def change_schema(crd: JsonObject) -> None:
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["required"] = ["spec"]


def flip_storage(crd: JsonObject) -> None:
    for version in crd["spec"]["versions"]:
        version["storage"] = not version["storage"]
    crd["status"]["storedVersions"].append("v1")


def add_status(crd: JsonObject) -> None:
    crd["spec"]["versions"][0]["subresources"] = {"status": {}}


def add_conversion(crd: JsonObject) -> None:
    crd["spec"]["conversion"] = {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}}


def rename(crd: JsonObject) -> None:
    crd["status"]["acceptedNames"]["shortNames"] = ["dbs"]


def refuse_names(crd: JsonObject) -> None:
    crd["spec"]["names"]["shortNames"] = ["po"]
    crd["status"]["conditions"][0] = condition("NamesAccepted", "False", "ShortNamesConflict", "taken")


def unestablish(crd: JsonObject) -> None:
    crd["status"]["conditions"][1] = condition("Established", "False", "Installing", "wait")


def delete(crd: JsonObject) -> None:
    crd["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"


def touch(crd: JsonObject) -> None:
    crd["metadata"] |= {"generation": 7, "resourceVersion": "8", "labels": {"a": "b"}, "managedFields": []}


CHANGES: dict[Callable[[JsonObject], None], set[Aspect]] = {
    add_version: {Aspect.VERSIONS},
    drop_version: {Aspect.VERSIONS},
    stop_serving: {Aspect.VERSIONS},
    change_schema: {Aspect.SCHEMA},
    flip_storage: {Aspect.STORAGE, Aspect.STORED},
    add_status: {Aspect.SUBRESOURCES},
    add_conversion: {Aspect.CONVERSION},
    rename: {Aspect.NAMES},
    refuse_names: {Aspect.PROBLEMS},
    unestablish: {Aspect.ESTABLISHED, Aspect.PROBLEMS},
    delete: {Aspect.TERMINATING},
    touch: set(),
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_has_changed(change: Callable[[JsonObject], None]) -> None:
    crd = make_crd("v1", "v2", storage="v2")
    before, table = read_crd(crd), KindTable()
    (added,) = table.put(before)
    assert (added.turn, added.kind, added.before) == (Turn.ADDED, before, None)
    assert str(added) == "databases.db.example.com added"
    change(crd)
    told = table.put(read_crd(crd))
    assert [(c.turn, c.before, set(c.what)) for c in told] == (
        [(Turn.CHANGED, before, CHANGES[change])] if CHANGES[change] else []
    )
    assert table.kinds()["databases.db.example.com"] == read_crd(crd)


def test_how_it_reads() -> None:
    crd, table = make_crd("v1", "v2", storage="v2"), KindTable()
    table.put(read_crd(crd))
    flip_storage(crd)
    (change,) = table.put(read_crd(crd))
    assert str(change) == "databases.db.example.com changed (storage, stored versions)"


def test_gone_and_gone_again() -> None:
    table = KindTable()
    table.put(read_crd(make_crd("v1")))
    (gone,) = table.remove("databases.db.example.com")
    assert (gone.turn, gone.kind.kind, gone.kind.established) == (Turn.GONE, "Database", False)
    assert table.remove("databases.db.example.com") == []
    assert table.kinds() == {}


def test_one_that_was_made_again_is_another() -> None:
    crd, table = make_crd("v1"), KindTable()
    table.put(read_crd(crd))
    crd["metadata"]["uid"] = "another"
    assert [c.turn for c in table.put(read_crd(crd))] == [Turn.GONE, Turn.ADDED]


def test_what_was_given_out_does_not_change() -> None:
    table = KindTable()
    empty = table.kinds()
    table.put(read_crd(make_crd("v1")))
    assert len(empty) == 0
    one = table.kinds()
    table.remove("databases.db.example.com")
    assert list(one) == ["databases.db.example.com"]


@given(st.lists(st.sampled_from([*CHANGES, None]), max_size=8))
def test_whoever_follows_the_changes_has_the_same_kinds(steps: list[Callable[[JsonObject], None] | None]) -> None:
    """None removes the kind, the next step adds it again."""
    table = KindTable()
    followed: dict[str, CrdKind] = {}
    crd = None
    for step in steps:
        if crd is None or step is None:
            crd = None if crd else make_crd("v1", "v2", "v4", "v5", "v6", "v7", "v8", "v9", "v10", storage="v2")
        else:
            step(crd)
        told = table.remove("databases.db.example.com") if crd is None else table.put(read_crd(copy.deepcopy(crd)))
        for change in told:
            if change.turn is Turn.GONE:
                del followed[change.kind.name]
            else:
                followed[change.kind.name] = change.kind
    # The generation is no change of the kind.
    assert {n: k.versions for n, k in followed.items()} == {n: k.versions for n, k in table.kinds().items()}
    assert {n: k.problems for n, k in followed.items()} == {n: k.problems for n, k in table.kinds().items()}
