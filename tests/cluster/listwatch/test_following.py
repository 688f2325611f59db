"""Lists and watches of the real API server: in streams and pages, with selectors, at both versions, under RBAC."""

import json

import pytest

from auditor.cluster import Client, Resource
from auditor.cluster.listwatch import Change, Scope, listwatch
from auditor.cluster.resource import CRDS
from auditor.sandbox import Sandbox
from tests.cluster.listwatch.conftest import connect_to
from tests.cluster.listwatch.following import Following
from tests.cluster.listwatch.gadgets import GADGETS, OLD_GADGETS, Objects, install

ADDED, UPDATED, DELETED, SYNCED = Change.ADDED, Change.UPDATED, Change.DELETED, Change.SYNCED
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
EITHER = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "pages"])


@EITHER
def test_list_then_changes(client: Client, objects: Objects, streamed: bool) -> None:
    names = [f"g{number}" for number in range(7)]
    for name in names:
        objects.write(name)
    with Following(client, GADGETS, Scope(objects.namespace), streamed=streamed) as following:
        following.await_event(SYNCED)
        assert sorted(following.changes()) == sorted(
            [("added", f"{objects.namespace}/{n}") for n in names] + [("synced", "")]
        )
        counts = following.status.counts
        assert (counts.pages, counts.lists, counts.streams > 0) == (0 if streamed else 3, 1, streamed or counts.streams)
        objects.write("g1", "blue")
        objects.delete("g2")
        objects.delete("g3")
        objects.write("g3", "green")
        objects.write("new")
        following.await_event(ADDED, f"{objects.namespace}/new")
        assert [(change, key.partition("/")[2]) for change, key in following.changes()[8:]] == [
            ("updated", "g1"),
            ("deleted", "g2"),
            ("deleted", "g3"),
            ("added", "g3"),
            ("added", "new"),
        ]
        following.await_equal(client)
        status = following.status
        assert status.synced
        assert status.last_error is None
        assert status.counts.failures == status.counts.relists == status.counts.repeated == 0


@EITHER
@pytest.mark.parametrize("field", ["fields", "labels"])
def test_object_that_leaves_the_selector_is_deleted(
    client: Client, objects: Objects, streamed: bool, field: str
) -> None:
    scope = Scope(objects.namespace, **{field: {"fields": "spec.color=red", "labels": "team in (a)"}[field]})
    objects.write("in", "red", team="a")
    objects.write("out", "blue", team="b")
    key = f"{objects.namespace}/in"
    with Following(client, GADGETS, scope, streamed=streamed) as following:
        following.await_event(SYNCED)
        objects.write("in", "blue", team="b")
        gone = following.await_event(DELETED, key)
        assert gone.object is not None
        assert gone.object["spec"]["color"] == "red"  # the last state that was in the selector
        objects.write("in", "red", team="a")
        following.await_equal(client)
        assert [change for change, _ in following.changes()] == ["added", "synced", "deleted", "added"]


@EITHER
def test_all_namespaces_at_an_older_version(client: Client, objects: Objects, streamed: bool) -> None:
    objects.write("one")
    with Following(client, OLD_GADGETS, streamed=streamed) as following:
        following.await_event(SYNCED)
        objects.write("two")
        for name in ("one", "two"):
            obj = following.await_event(ADDED, f"{objects.namespace}/{name}").object
            assert obj is not None
            assert (obj["apiVersion"], obj["kind"]) == (OLD_GADGETS.api_version, "Gadget")


@EITHER
def test_listed_objects_of_built_in_kinds_say_what_they_are(client: Client, objects: Objects, streamed: bool) -> None:
    with Following(client, CONFIG_MAPS, streamed=streamed) as following:
        following.await_event(SYNCED)
        assert following.state
        assert {(obj["apiVersion"], obj["kind"]) for obj in following.state.values()} == {("v1", "ConfigMap")}


def test_watch_that_the_server_ends_goes_on(client: Client, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listwatch, "WATCH_SECONDS", 4)
    with Following(client, GADGETS, Scope(objects.namespace)) as following:
        following.await_event(SYNCED)
        following.await_that(lambda: following.status.counts.restarts >= 1, "the restart")
        objects.write("one")
        following.await_equal(client)
        counts = following.status.counts
        assert counts.events["BOOKMARK"] >= 1  # the mark of the list; of those before an end not all come
        assert (counts.lists, counts.relists, counts.failures) == (1, 0, 0)


def test_right_that_comes_later(control_plane: Sandbox, client: Client, objects: Objects) -> None:
    objects.write("one")
    control_plane.kubectl("create", "serviceaccount", "-n", objects.namespace, "reader")
    limited = connect_to(control_plane.service_account_kubeconfig(objects.namespace, "reader"))
    scope = Scope(objects.namespace)
    with limited.transport, Following(limited, GADGETS, scope) as following:
        following.await_that(lambda: following.status.last_error is not None, "the refusal")
        error = following.status.last_error
        assert error is not None
        assert error.code == 403
        assert f'cannot list resource "gadgets" in API group "{GADGETS.group}"' in error.message
        arguments = ("-n", objects.namespace, "reader", "--verb=list,watch", f"--resource={GADGETS.name}")
        control_plane.kubectl("create", "role", *arguments)
        account = f"--serviceaccount={objects.namespace}:reader"
        control_plane.kubectl("create", "rolebinding", "-n", objects.namespace, "reader", "--role=reader", account)
        following.await_event(SYNCED)
        following.await_equal(client)
        assert following.status.last_error is None


def test_kind_that_comes_and_goes(control_plane: Sandbox, client: Client, objects: Objects) -> None:
    late = Resource(GADGETS.group, "v1", "latecomers", "Latecomer", namespaced=True)
    with Following(client, late, Scope(objects.namespace)) as following:
        following.await_that(lambda: following.status.last_error is not None, "the refusal")
        error = following.status.last_error
        assert error is not None
        assert error.code == 404
        install(client, late)
        following.await_event(SYNCED)
        Objects(client, objects.namespace, late).write("one")
        following.await_event(ADDED, f"{objects.namespace}/one")
        client.delete(CRDS, late.name)
        following.await_event(DELETED, f"{objects.namespace}/one")
        following.await_that(lambda: (following.status.last_error or error).count > 0, "the kind's end")
        assert json.dumps(following.state) == "{}"
