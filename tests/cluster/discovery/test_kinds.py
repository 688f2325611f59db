"""CRDs that come, change and go, on a real API server."""

import time
from dataclasses import asdict

from auditor.cluster import Client
from auditor.cluster.discovery import Aspect, Discovery, KindChange, Kinds, Turn
from auditor.json import JsonObject
from tests.cluster.discovery.conftest import PATIENCE, Crds, Followed, make_crd, make_version, until


def is_established(change: KindChange) -> bool:
    return change.kind.established


def install(crds: Crds, followed: Followed, crd: JsonObject) -> KindChange:
    crds.create(crd)
    return followed.wait_for(lambda c: c.kind.name == crd["metadata"]["name"] and c.kind.established)


def test_a_crd_is_added_and_then_established(crds: Crds, followed: Followed, group: str) -> None:
    change = install(crds, followed, make_crd(group, "Database", "v1", shortNames=["dbx"]))
    assert followed.log[0].turn is Turn.ADDED
    assert not followed.log[0].kind.established
    assert followed.log[0].kind.problems
    assert Aspect.ESTABLISHED in change.what
    assert (change.kind.short_names, change.kind.stored_versions, change.kind.problems) == (("dbx",), ("v1",), ())
    assert followed.kinds.get(f"databases.{group}") == change.kind
    schema = change.kind.schema("v1")
    assert schema is not None
    assert "spec" in schema["properties"]


def test_what_kinds_and_discovery_say_is_the_same(
    crds: Crds, followed: Followed, client: Client, group: str, namespace: str
) -> None:
    crd = make_crd(group, "Database", "v1", "v2", "v2beta1", shortNames=["dbx"], categories=["cat"])
    crd["spec"]["versions"][1]["subresources"] = {
        "status": {},
        "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"},
    }
    kind = install(crds, followed, crd).kind
    discovery = Discovery(client)
    discovery.invalidate()
    until(lambda: kind.name in {r.name for r in discovery.resources()})
    for version in kind.served_versions:
        served = kind.resource(version)
        assert served is not None
        assert asdict(discovery.find(kind.name, version=version)) == asdict(served)
    assert [r.version for r in discovery.versions(discovery.find(kind.name))] == ["v2", "v1", "v2beta1"]
    # And it can be used.
    resource = kind.resource()
    assert resource is not None
    obj = {"apiVersion": resource.api_version, "kind": "Database", "metadata": {"name": "a"}, "spec": {"a": "x"}}
    client.create(resource, obj, namespace=namespace)
    assert [o["metadata"]["name"] for o in client.list(resource, namespace=namespace)] == ["a"]


def test_versions_come_are_stored_and_go(crds: Crds, followed: Followed, group: str) -> None:
    name = f"databases.{group}"
    install(crds, followed, make_crd(group, "Database", "v1"))

    crds.edit(name, lambda crd: crd["spec"]["versions"].append(make_version("v2")))
    change = followed.wait_for(lambda c: Aspect.VERSIONS in c.what)
    assert change.kind.served_versions == ("v2", "v1")
    assert change.what == {Aspect.VERSIONS}

    def flip(crd: JsonObject) -> None:
        for version in crd["spec"]["versions"]:
            version["storage"] = version["name"] == "v2"

    crds.edit(name, flip)
    change = followed.wait_for(lambda c: Aspect.STORAGE in c.what)
    assert change.kind.storage_version == "v2"
    stored = followed.kinds.wait_until(lambda kinds: set(kinds[name].stored_versions) == {"v1", "v2"}, PATIENCE)
    assert stored, followed.kinds.get(name)

    def stop_serving(crd: JsonObject) -> None:
        crd["spec"]["versions"][0]["served"] = False

    crds.edit(name, stop_serving)
    change = followed.wait_for(lambda c: Aspect.VERSIONS in c.what)
    assert change.kind.served_versions == ("v2",)
    assert change.kind.resource("v1") is None


def test_a_schema_changes(crds: Crds, followed: Followed, group: str) -> None:
    install(crds, followed, make_crd(group, "Database", "v1"))

    def change_schema(crd: JsonObject) -> None:
        crd["spec"]["versions"][0] = make_version("v1", storage=True, field="b")

    crds.edit(f"databases.{group}", change_schema)
    change = followed.wait_for(lambda c: Aspect.SCHEMA in c.what)
    assert change.what == {Aspect.SCHEMA}
    schema = change.kind.schema("v1")
    assert schema is not None
    assert set(schema["properties"]["spec"]["properties"]) == {"b"}
    crds.edit(f"databases.{group}", lambda crd: crd["metadata"].update(labels={"a": "b"}))
    crds.delete(f"databases.{group}")
    followed.wait_for(lambda c: Aspect.TERMINATING in c.what)
    assert followed.log[-2].what == {Aspect.SCHEMA}, "a label is no change of the kind"


def test_a_conflict_of_names_is_never_established(crds: Crds, followed: Followed, group: str) -> None:
    first = install(crds, followed, make_crd(group, "Database", "v1", shortNames=["dbx"]))
    crds.create(make_crd(group, "Database", "v1", plural="rivals", listKind="RivalList"))
    refused = followed.wait_for(lambda c: c.kind.plural == "rivals" and Aspect.PROBLEMS in c.what)
    assert not refused.kind.established
    assert "NamesAccepted: KindConflict" in " ".join(refused.kind.problems)
    assert followed.kinds.find(group, "Database") == first.kind
    # The name becomes free, and the API server accepts the second.
    crds.delete(first.kind.name)
    accepted = followed.wait_for(lambda c: c.kind.plural == "rivals" and c.kind.established)
    assert accepted.kind.problems == ()
    assert followed.kinds.find(group, "Database") == accepted.kind


def test_a_wish_for_a_name_that_is_taken(crds: Crds, followed: Followed, group: str) -> None:
    """The old names go on to be served, and these are what we say."""
    install(crds, followed, make_crd(group, "Database", "v1", shortNames=["dbx"]))
    install(crds, followed, make_crd(group, "Backup", "v1", shortNames=["bkx"]))

    def want_taken(crd: JsonObject) -> None:
        crd["spec"]["names"]["shortNames"] = ["dbx"]

    crds.edit(f"backups.{group}", want_taken)
    change = followed.wait_for(lambda c: Aspect.PROBLEMS in c.what)
    assert change.kind.established
    assert "ShortNamesConflict" in change.kind.problems[0]
    assert change.kind.short_names == ("bkx",)


def test_a_crd_that_is_deleted_waits_for_its_objects(
    crds: Crds, followed: Followed, client: Client, group: str, namespace: str
) -> None:
    resource = install(crds, followed, make_crd(group, "Database", "v1")).kind.resource()
    assert resource is not None
    metadata = {"name": "a", "finalizers": ["discovery.test/wait"]}
    client.create(
        resource, {"apiVersion": f"{group}/v1", "kind": "Database", "metadata": metadata}, namespace=namespace
    )
    crds.delete(f"databases.{group}")
    change = followed.wait_for(lambda c: Aspect.TERMINATING in c.what)
    assert change.kind.terminating
    assert followed.kinds.get(f"databases.{group}") is not None
    client.patch_merge(resource, "a", {"metadata": {"finalizers": None}}, namespace=namespace)
    gone = followed.wait_for(lambda c: c.turn is Turn.GONE)
    assert gone.kind.uid == change.kind.uid
    assert followed.kinds.get(f"databases.{group}") is None


def test_one_that_is_made_again_is_another(crds: Crds, followed: Followed, group: str) -> None:
    first = install(crds, followed, make_crd(group, "Database", "v1"))
    crds.delete(f"databases.{group}")
    followed.wait_for(lambda c: c.turn is Turn.GONE)
    crd = make_crd(group, "Database", "v1")
    crd["spec"]["scope"] = "Cluster"
    second = install(crds, followed, crd)
    assert second.kind.uid != first.kind.uid
    assert not second.kind.namespaced


def test_it_is_told_within_a_second(crds: Crds, followed: Followed, group: str) -> None:
    """The better half of the changes: another test may hold the machine up."""
    install(crds, followed, make_crd(group, "Database", "v1"))
    took = []
    for n in range(5):
        field = f"f{n}"

        def change_schema(crd: JsonObject, field: str = field) -> None:
            crd["spec"]["versions"][0] = make_version("v1", storage=True, field=field)

        begun = time.monotonic()
        crds.edit(f"databases.{group}", change_schema)
        followed.wait_for(lambda c: Aspect.SCHEMA in c.what)
        took.append(time.monotonic() - begun)
    assert sorted(took)[2] < 1.0, took


def test_it_stops_at_once(client: Client) -> None:
    with Kinds(client) as kinds:
        assert kinds.wait_synced(PATIENCE)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2.0
    assert kinds.status.synced
