"""Every verb and option of the client, on kinds that were made for it, against the real API server."""

import logging
import secrets
import threading
from collections.abc import Iterable
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from auditor.cluster import Client, Resource, Settings, WriteOptions, connect
from auditor.cluster.access import dig_text
from auditor.cluster.pace import Urgency
from auditor.cluster.resource import NAMESPACES
from auditor.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.verbs.compaction import compact
from tests.cluster.verbs.kinds import OLD_WIDGETS, PLANETS, WIDGETS, install, make_crd

DRY = WriteOptions(dry_run=True)


def widget(namespace: str, name: str, labels: Json = None, **spec: Json) -> JsonObject:
    meta: JsonObject = {"name": name, "namespace": namespace}
    if labels:
        meta["labels"] = labels
    return {"apiVersion": WIDGETS.api_version, "kind": "Widget", "metadata": meta, "spec": spec}


def names(objects: Iterable[JsonObject]) -> list[str]:
    return sorted(dig_text(o, "metadata", "name") for o in objects)


def count_expired() -> float:
    labels = {"verb": "list", "resource": WIDGETS.name, "code": "410"}
    return REGISTRY.get_sample_value("auditor_cluster_calls_total", labels) or 0.0


def exists(client: Client, namespace: str, name: str) -> bool:
    try:
        client.get(WIDGETS, name, namespace=namespace)
    except NotFoundError:
        return False
    return True


class TestReading:
    def test_what_was_created_is_read_in_each_version(self, client: Client, namespace: str) -> None:
        made = client.create(WIDGETS, widget(namespace, "a", color="red"))
        assert client.get(WIDGETS, "a", namespace=namespace) == made
        old = client.get(OLD_WIDGETS, "a", namespace=namespace)
        assert old["apiVersion"] == OLD_WIDGETS.api_version
        assert old["spec"] == made["spec"]
        assert client.get(WIDGETS, "a", namespace=namespace, resource_version="0")["spec"] == made["spec"]

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
    def test_lists_come_in_pages_and_items_say_what_they_are(self, client: Client, namespace: str, limit: int) -> None:
        for number in range(7):
            client.create(WIDGETS, widget(namespace, f"w{number}"))
        found = list(client.list(WIDGETS, namespace=namespace, limit=limit))
        assert names(found) == [f"w{n}" for n in range(7)]
        assert {(o["apiVersion"], o["kind"]) for o in found} == {(WIDGETS.api_version, "Widget")}

    def test_selectors(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a", {"tier": "gold"}))
        client.create(WIDGETS, widget(namespace, "b", {"tier": "lead"}))
        assert names(client.list(WIDGETS, namespace=namespace, labels="tier in (gold, silver)")) == ["a"]
        assert names(client.list(WIDGETS, namespace=namespace, fields="metadata.name=b")) == ["b"]
        assert names(client.list(WIDGETS, labels="tier", fields=f"metadata.namespace={namespace}")) == ["a", "b"]

    def test_a_selector_that_makes_no_sense_is_refused(self, client: Client, namespace: str) -> None:
        with pytest.raises(ApiError, match="unable to parse requirement") as caught:
            list(client.list(WIDGETS, namespace=namespace, labels="a in ("))
        assert caught.value.code == 400

    def test_an_empty_list(self, client: Client, namespace: str) -> None:
        assert list(client.list(WIDGETS, namespace=namespace)) == []


class TestCreating:
    def test_names_are_generated(self, client: Client, namespace: str) -> None:
        obj = {**widget(namespace, "x"), "metadata": {"generateName": "gen-"}}
        one, two = (client.create(WIDGETS, obj, namespace=namespace) for _ in range(2))
        assert one["metadata"]["name"].startswith("gen-")
        assert one["metadata"]["name"] != two["metadata"]["name"]

    def test_twice_is_an_error_of_its_own(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a"))
        with pytest.raises(AlreadyExistsError, match=f"create {WIDGETS.name} {namespace}/a: .*already exists"):
            client.create(WIDGETS, widget(namespace, "a"))

    def test_a_namespace_is_needed(self, client: Client) -> None:
        with pytest.raises(ValueError, match="is namespaced, and no namespace was given"):
            client.create(WIDGETS, {"metadata": {"name": "a"}})

    def test_all_faults_are_told_with_their_fields(self, client: Client, namespace: str) -> None:
        with pytest.raises(InvalidError) as caught:
            client.create(WIDGETS, widget(namespace, "a", color="pink", size=1000))
        assert {(c.field, c.reason) for c in caught.value.causes} == {
            ("spec.color", "FieldValueNotSupported"),
            ("spec.size", "FieldValueInvalid"),
        }
        assert 'spec.color: Unsupported value: "pink"' in str(caught.value)
        assert str(caught.value).count("Unsupported value") == 1

    def test_dry_run_changes_nothing(self, client: Client, namespace: str) -> None:
        assert client.create(WIDGETS, widget(namespace, "a"), options=DRY)["metadata"]["uid"]
        assert not exists(client, namespace, "a")

    def test_strict_refuses_unknown_fields(self, client: Client, namespace: str) -> None:
        with pytest.raises(ApiError, match=r'unknown field "spec\.colour"'):
            client.create(WIDGETS, widget(namespace, "a", colour="red"))
        assert not exists(client, namespace, "a")

    def test_warn_logs_them_once(self, client: Client, namespace: str, caplog: pytest.LogCaptureFixture) -> None:
        field = f"c{secrets.token_hex(4)}"  # other tests have the same client
        options = WriteOptions(field_validation="Warn")
        with caplog.at_level(logging.WARNING):
            for name in ("a", "b"):
                assert client.create(WIDGETS, widget(namespace, name, **{field: 1}), options=options)["spec"] == {}
        said = [r.getMessage() for r in caplog.records if field in r.getMessage()]
        assert said == [f'the API server warns: unknown field "spec.{field}"']

    def test_ignore_drops_them(self, client: Client, namespace: str, caplog: pytest.LogCaptureFixture) -> None:
        options = WriteOptions(field_validation="Ignore")
        with caplog.at_level(logging.WARNING):
            client.create(WIDGETS, widget(namespace, "a", colour="red"), options=options)
        assert not caplog.records

    def test_the_manager_is_noted(self, client: Client, namespace: str) -> None:
        made = client.create(WIDGETS, widget(namespace, "a", size=1), options=WriteOptions(field_manager="me"))
        assert [m["manager"] for m in made["metadata"]["managedFields"]] == ["me"]


class TestChanging:
    def test_a_stale_version_is_a_conflict(self, client: Client, namespace: str) -> None:
        stale = client.create(WIDGETS, widget(namespace, "a", size=1))
        client.update(WIDGETS, {**stale, "spec": {"size": 2}})
        with pytest.raises(ConflictError, match=r"the object has been modified.*read it again"):
            client.update(WIDGETS, {**stale, "spec": {"size": 3}})
        assert client.get(WIDGETS, "a", namespace=namespace)["spec"] == {"size": 2}

    def test_an_update_needs_a_name(self, client: Client) -> None:
        with pytest.raises(ValueError, match="needs the name of an object"):
            client.update(WIDGETS, {"spec": {}})

    def test_json_patch(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a", size=1, color="red"))
        operations: list[JsonObject] = [
            {"op": "test", "path": "/spec/size", "value": 1},
            {"op": "replace", "path": "/spec/size", "value": 2},
            {"op": "remove", "path": "/spec/color"},
        ]
        assert client.patch_json(WIDGETS, "a", operations, namespace=namespace)["spec"] == {"size": 2}
        with pytest.raises(InvalidError):
            client.patch_json(WIDGETS, "a", operations, namespace=namespace)

    def test_merge_patch(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a", size=1, color="red"))
        patched = client.patch_merge(WIDGETS, "a", {"spec": {"color": None, "on": True}}, namespace=namespace)
        assert patched["spec"] == {"size": 1, "on": True}

    def test_apply_creates_changes_and_removes(self, client: Client, namespace: str) -> None:
        client.apply(WIDGETS, widget(namespace, "a", size=1, color="red"))
        applied = client.apply(WIDGETS, widget(namespace, "a", size=2))
        assert applied["spec"] == {"size": 2}

    def test_apply_conflicts_name_manager_and_field(self, client: Client, namespace: str) -> None:
        one, two = WriteOptions(field_manager="one"), WriteOptions(field_manager="two")
        client.apply(WIDGETS, widget(namespace, "a", color="red"), options=one)
        with pytest.raises(ConflictError, match=r'conflict with "one": \.spec\.color') as caught:
            client.apply(WIDGETS, widget(namespace, "a", color="blue"), options=two)
        assert [(c.field, c.reason) for c in caught.value.causes] == [(".spec.color", "FieldManagerConflict")]
        assert client.apply(WIDGETS, widget(namespace, "a", color="red"), options=two)["spec"] == {"color": "red"}
        forced = client.apply(WIDGETS, widget(namespace, "a", color="blue"), options=two, force=True)
        assert forced["spec"] == {"color": "blue"}

    @pytest.mark.parametrize("verb", ["update", "json", "merge", "apply", "scale", "delete", "collection"])
    def test_dry_run_changes_nothing(self, client: Client, namespace: str, verb: str) -> None:
        before = client.create(WIDGETS, widget(namespace, "a", size=1))
        match verb:
            case "update":
                client.update(WIDGETS, {**before, "spec": {"size": 2}}, options=DRY)
            case "json":
                client.patch_json(WIDGETS, "a", [{"op": "remove", "path": "/spec"}], namespace=namespace, options=DRY)
            case "merge":
                client.patch_merge(WIDGETS, "a", {"spec": {"size": 2}}, namespace=namespace, options=DRY)
            case "apply":
                client.apply(WIDGETS, widget(namespace, "a", size=2), force=True, options=DRY)
            case "scale":
                client.set_scale(WIDGETS, "a", 3, namespace=namespace, options=DRY)
            case "delete":
                client.delete(WIDGETS, "a", namespace=namespace, propagation="Background", options=DRY)
            case "collection":
                client.delete_collection(WIDGETS, namespace=namespace, options=DRY)
        assert client.get(WIDGETS, "a", namespace=namespace) == before


class TestSubresources:
    def test_status_is_written_apart(self, client: Client, namespace: str) -> None:
        made = client.create(WIDGETS, {**widget(namespace, "a", size=1), "status": {"replicas": 7}})
        assert "status" not in made
        changed = client.update(WIDGETS, {**made, "spec": {"size": 2}, "status": {"replicas": 3}}, subresource="status")
        assert (changed["spec"], changed["status"]) == ({"size": 1}, {"replicas": 3})
        patched = client.patch_merge(
            WIDGETS, "a", {"status": {"replicas": 4}}, namespace=namespace, subresource="status"
        )
        assert patched["status"] == {"replicas": 4}
        assert client.get(WIDGETS, "a", namespace=namespace, subresource="status") == patched

    def test_scale(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a", replicas=1))
        assert client.set_scale(WIDGETS, "a", 5, namespace=namespace)["spec"] == {"replicas": 5}
        scale = client.get_scale(WIDGETS, "a", namespace=namespace)
        assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 5})
        assert client.get(WIDGETS, "a", namespace=namespace)["spec"] == {"replicas": 5}


class TestEditing:
    def test_two_threads_lose_nothing(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a", replicas=0))
        rounds, failures = 15, []

        def grow(obj: JsonObject) -> JsonObject:
            obj["spec"]["replicas"] += 1
            return obj

        def work() -> None:
            try:
                for _ in range(rounds):
                    client.edit(WIDGETS, "a", grow, namespace=namespace, attempts=10)
            except Exception as error:  # told below, in the thread of the test
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert client.get(WIDGETS, "a", namespace=namespace)["spec"]["replicas"] == 2 * rounds

    def test_it_gives_up_when_somebody_is_always_faster(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a", size=0))
        seen: list[int] = []

        def overtaken(obj: JsonObject) -> JsonObject:
            seen.append(obj["spec"]["size"])
            client.patch_merge(WIDGETS, "a", {"spec": {"size": len(seen)}}, namespace=namespace)
            return {**obj, "spec": {"size": 99}}

        with pytest.raises(ConflictError):
            client.edit(WIDGETS, "a", overtaken, namespace=namespace, attempts=3)
        assert seen == [0, 1, 2]

    @pytest.mark.parametrize("nothing", [lambda _: None, lambda obj: obj])
    def test_nothing_to_change_writes_nothing(self, client: Client, namespace: str, nothing: Json) -> None:
        made = client.create(WIDGETS, widget(namespace, "a", size=1))
        assert client.edit(WIDGETS, "a", nothing, namespace=namespace) == made

    def test_a_change_that_is_not_returned_is_not_lost_in_silence(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a", size=1))

        def forgetful(obj: JsonObject) -> None:
            obj["spec"]["size"] = 2

        with pytest.raises(TypeError, match=f"edit {WIDGETS.name} {namespace}/a: .* nothing was returned"):
            client.edit(WIDGETS, "a", forgetful, namespace=namespace)

    def test_true_instead_of_one_is_a_change(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a", size=1))
        with pytest.raises(InvalidError, match="must be of type integer"):
            client.edit(WIDGETS, "a", lambda obj: {**obj, "spec": {"size": True}}, namespace=namespace)


class TestDeleting:
    def test_gone(self, client: Client, namespace: str) -> None:
        client.create(WIDGETS, widget(namespace, "a"))
        assert client.delete(WIDGETS, "a", namespace=namespace)["kind"] == "Status"
        with pytest.raises(NotFoundError, match=f'delete {WIDGETS.name} {namespace}/a: .*"a" not found'):
            client.delete(WIDGETS, "a", namespace=namespace)

    def test_without_a_name_nothing_is_deleted(self, client: Client, namespace: str) -> None:
        """The path without a name is that of all objects."""
        client.create(WIDGETS, widget(namespace, "a"))
        with pytest.raises(ValueError, match="needs the name of an object"):
            client.delete(WIDGETS, "", namespace=namespace)
        with pytest.raises(ValueError, match="needs the name of an object"):
            client.get(WIDGETS, "", namespace=namespace)
        assert exists(client, namespace, "a")

    def test_only_if_it_is_that_one(self, client: Client, namespace: str) -> None:
        made = client.create(WIDGETS, widget(namespace, "a"))
        with pytest.raises(ConflictError, match="UID in the precondition"):
            client.delete(WIDGETS, "a", namespace=namespace, uid="other")
        with pytest.raises(ConflictError):
            client.delete(WIDGETS, "a", namespace=namespace, resource_version="1")
        meta = made["metadata"]
        client.delete(WIDGETS, "a", namespace=namespace, uid=meta["uid"], resource_version=meta["resourceVersion"])
        assert not exists(client, namespace, "a")

    def test_finalizers_hold_it(self, client: Client, namespace: str) -> None:
        obj = widget(namespace, "a")
        obj["metadata"]["finalizers"] = ["verbs.auditor.test/held"]
        client.create(WIDGETS, obj)
        held = client.delete(WIDGETS, "a", namespace=namespace)
        assert held["kind"] == "Widget"
        assert held["metadata"]["deletionTimestamp"]
        client.edit(WIDGETS, "a", lambda o: {**o, "metadata": {**o["metadata"], "finalizers": []}}, namespace=namespace)
        assert not exists(client, namespace, "a")

    @pytest.mark.parametrize(
        ("propagation", "finalizers"),
        [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])],
    )
    def test_propagation(self, client: Client, namespace: str, propagation: str, finalizers: list[str]) -> None:
        obj = widget(namespace, "a")
        obj["metadata"]["finalizers"] = ["verbs.auditor.test/held"]
        client.create(WIDGETS, obj)
        held = client.delete(WIDGETS, "a", namespace=namespace, propagation=propagation)
        assert set(finalizers) <= set(held["metadata"]["finalizers"])
        client.patch_merge(WIDGETS, "a", {"metadata": {"finalizers": None}}, namespace=namespace)

    def test_why_dry_run_stands_in_the_body(self, client: Client, namespace: str) -> None:
        """Beside a body the server takes no notice of the query: this deletes in earnest."""
        client.create(WIDGETS, widget(namespace, "a"))
        path = WIDGETS.path(namespace=namespace, name="a")
        body = {"apiVersion": "v1", "kind": "DeleteOptions"}
        client.transport.ask("DELETE", path, what="delete", query=[("dryRun", "All")], body=body)
        assert not exists(client, namespace, "a")

    def test_collection(self, client: Client, namespace: str) -> None:
        for name, tier in (("a", "gold"), ("b", "lead"), ("c", "gold")):
            client.create(WIDGETS, widget(namespace, name, {"tier": tier}))
        client.delete_collection(WIDGETS, namespace=namespace, labels="tier=gold")
        assert names(client.list(WIDGETS, namespace=namespace)) == ["b"]
        client.delete_collection(WIDGETS, namespace=namespace)
        assert names(client.list(WIDGETS, namespace=namespace)) == []

    def test_collection_of_all_namespaces_is_not_asked(self, client: Client) -> None:
        with pytest.raises(ValueError, match="needs a namespace"):
            client.delete_collection(WIDGETS)


class TestClusterScoped:
    def test_every_verb(self, client: Client) -> None:
        name = f"p{secrets.token_hex(4)}"
        planet = {"apiVersion": PLANETS.api_version, "kind": "Planet", "metadata": {"name": name}, "spec": {"size": 1}}
        made = client.create(PLANETS, planet)
        assert client.get(PLANETS, name) == made
        assert name in names(client.list(PLANETS))
        assert client.update(PLANETS, {**made, "spec": {"size": 2}})["spec"] == {"size": 2}
        assert client.apply(PLANETS, {**planet, "spec": {"size": 3}}, force=True)["spec"] == {"size": 3}
        client.delete_collection(PLANETS, fields=f"metadata.name={name}")
        with pytest.raises(NotFoundError):
            client.get(PLANETS, name)

    def test_a_namespace_makes_no_sense(self, client: Client) -> None:
        with pytest.raises(ValueError, match="is not namespaced, and namespace x was asked for"):
            client.get(PLANETS, "a", namespace="x")


class TestRefusals:
    @pytest.fixture
    def reader(self, control_plane: Sandbox, client: Client, namespace: str) -> Client:
        """May get and list widgets in this namespace, and nothing else."""
        user = f"reader-{secrets.token_hex(4)}"
        verbs = "--verb=get,list"
        control_plane.kubectl("create", "role", user, "-n", namespace, verbs, f"--resource={WIDGETS.name}")
        control_plane.kubectl("create", "rolebinding", user, "-n", namespace, f"--role={user}", f"--user={user}")
        made = connect(Settings(kubeconfig=str(control_plane.user_kubeconfig(user))))
        return replace(made, urgency=Urgency.BACKGROUND)

    def test_rights(self, reader: Client, client: Client, namespace: str) -> None:
        with reader.transport:
            client.create(WIDGETS, widget(namespace, "a"))
            assert exists(reader, namespace, "a")
            with pytest.raises(ForbiddenError) as caught:
                reader.delete(WIDGETS, "a", namespace=namespace)
            text = str(caught.value)
            assert text.startswith(f"delete {WIDGETS.name} {namespace}/a: the API server answered 403: ")
            assert "cannot delete resource" in text
            assert text.endswith("`kubectl auth can-i` tells which right is missing.")
            with pytest.raises(ForbiddenError, match="at the cluster scope"):
                list(reader.list(WIDGETS))
            with pytest.raises(ForbiddenError):
                reader.get(WIDGETS, "a", namespace=namespace, subresource="status")

    @pytest.mark.parametrize(
        "unknown",
        [
            Resource("nowhere.auditor.test", "v1", "things", "Thing", namespaced=True),
            Resource(WIDGETS.group, "v7", "widgets", "Widget", namespaced=True),
            Resource(WIDGETS.group, "v1", "gadgets", "Gadget", namespaced=True),
        ],
    )
    def test_unknown_kinds_say_what_to_look_at(self, client: Client, namespace: str, unknown: Resource) -> None:
        with pytest.raises(NotFoundError, match="no such kind, version or subresource"):
            list(client.list(unknown, namespace=namespace))

    def test_a_namespace_that_is_not_there(self, client: Client) -> None:
        with pytest.raises(NotFoundError, match='namespaces "nowhere" not found'):
            client.create(WIDGETS, widget("nowhere", "a"))


def test_the_rest_of_a_list_whose_token_expired_comes_as_it_is_by_now() -> None:
    """With a compaction of etcd, in a control plane of its own: the others would lose their lists by it."""
    # Pages come from memory by default, where an API server finds them also after etcd has forgotten them.
    arguments = ("--feature-gates=ListFromCacheSnapshot=false",)
    with Sandbox.start(f"compaction-{secrets.token_hex(4)}", controllers=False, api_server_arguments=arguments) as own:
        client = connect(Settings(kubeconfig=str(own.kubeconfig), qps=1000, burst=1000))
        with client.transport:
            install(own, client, make_crd(WIDGETS), WIDGETS)
            client.create(NAMESPACES, {"metadata": {"name": "here"}})
            for number in range(6):
                client.create(WIDGETS, widget("here", f"w{number}"))
            found = client.list(WIDGETS, namespace="here", limit=2)
            taken = [next(found), next(found)]
            client.delete(WIDGETS, "w3", namespace="here")
            revision = client.create(WIDGETS, widget("here", "w9"))["metadata"]["resourceVersion"]
            compact(own, int(revision))
            gone = count_expired()
            taken += found
            # Otherwise the server still knew all, and this test would see nothing of what it is about.
            assert count_expired() == gone + 1
            assert names(taken) == ["w0", "w1", "w2", "w4", "w5", "w9"]
