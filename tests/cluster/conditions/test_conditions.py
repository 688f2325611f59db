"""Conditions on the real API server: of a list that is a map by type, of one that is not, and where there is none."""

import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import orjson
import pytest

from auditor.cluster import Client, Resource, Settings, WriteOptions, connect
from auditor.cluster.conditions import Condition, apply_condition, find_condition, render_time
from auditor.cluster.resource import NAMESPACES
from auditor.errors import ApiError, NotFoundError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.verbs.kinds import install, make_crd

GROUP = "conditions.auditor.test"
KEYED = Resource(GROUP, "v1", "keyeds", "Keyed", namespaced=True)
ATOMIC = Resource(GROUP, "v1", "atomics", "Atomic", namespaced=True)
NAKED = Resource(GROUP, "v1", "nakeds", "Naked", namespaced=True)
PLANETS = Resource(GROUP, "v1", "planets", "Planet", namespaced=False)

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
Set = Callable[..., JsonObject]


@pytest.fixture(scope="session")
def client(control_plane: Sandbox) -> Iterator[Client]:
    client = connect(Settings(kubeconfig=str(control_plane.kubeconfig), qps=1000, burst=1000))
    with client.transport:
        for resource in (KEYED, PLANETS):
            install(control_plane, client, make_crd(resource), resource)
        install(control_plane, client, make_crd(ATOMIC, keyed=False), ATOMIC)
        install(control_plane, client, make_crd(NAKED, status=False), NAKED)
        yield client


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    name = f"conditions-{secrets.token_hex(4)}"
    client.create(NAMESPACES, {"metadata": {"name": name}})
    yield name
    client.delete(NAMESPACES, name)


@pytest.fixture(params=[KEYED, ATOMIC], ids=["keyed", "atomic"])
def resource(request: pytest.FixtureRequest) -> Resource:
    found = request.param
    assert isinstance(found, Resource)
    return found


def make(client: Client, resource: Resource, namespace: str = "", name: str = "a") -> JsonObject:
    meta = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return client.create(resource, {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta})


def put_status(client: Client, resource: Resource, namespace: str, *conditions: JsonObject) -> None:
    """As another controller, which knows nothing of ours."""

    def change(obj: JsonObject) -> JsonObject:
        return obj | {"status": {"conditions": list(conditions)}}

    options = WriteOptions(field_manager="another")
    client.edit(resource, "a", change, namespace=namespace, subresource="status", options=options)


def types(obj: JsonObject) -> list[str]:
    return sorted(c["type"] for c in obj["status"]["conditions"])


def test_set_change_and_set_again(client: Client, resource: Resource, namespace: str) -> None:
    make(client, resource, namespace)
    times = iter([NOW, NOW + timedelta(minutes=1), NOW + timedelta(minutes=2), NOW + timedelta(minutes=3)])

    def put(condition: Condition) -> JsonObject:
        return apply_condition(client, resource, "a", condition, namespace=namespace, now=lambda: next(times))

    first = put(Condition("Ready", "True", "Well", "fine", 1))
    assert find_condition(first["status"]["conditions"], "Ready") == {
        "type": "Ready",
        "status": "True",
        "reason": "Well",
        "message": "fine",
        "observedGeneration": 1,
        "lastTransitionTime": render_time(NOW),
    }
    again = put(Condition("Ready", "True", "Well", "fine", 1))
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    told = put(Condition("Ready", "True", "Well", "finer", 1))
    turned = put(Condition("Ready", "False", "Ill", "", 2))
    found = [find_condition(o["status"]["conditions"], "Ready") for o in (told, turned)]
    assert [(c or {})["lastTransitionTime"] for c in found] == [
        render_time(NOW),
        render_time(NOW + timedelta(minutes=3)),
    ]


def test_ours_stand_beside_each_other(client: Client, resource: Resource, namespace: str) -> None:
    """One manager for all would take away those that it does not name."""
    make(client, resource, namespace)
    for type_ in ("Ready", "Synced", "Healthy"):
        done = apply_condition(client, resource, "a", Condition(type_, "True", "R"), namespace=namespace)
    assert types(done) == ["Healthy", "Ready", "Synced"]


def test_those_of_others_stay_with_what_they_put_into_ours(client: Client, resource: Resource, namespace: str) -> None:
    make(client, resource, namespace)
    theirs = {"type": "Theirs", "status": "True", "severity": "high"}
    put_status(client, resource, namespace, theirs, {"type": "Ready", "status": "True", "severity": "low"})
    ready = Condition("Ready", "False", "Ill")
    done = apply_condition(client, resource, "a", ready, namespace=namespace, now=lambda: NOW)
    assert find_condition(done["status"]["conditions"], "Theirs") == theirs
    ours = find_condition(done["status"]["conditions"], "Ready")
    assert ours == {"severity": "low", "lastTransitionTime": render_time(NOW)} | ready.render()


def test_another_who_replaces_the_list_is_no_harm(client: Client, resource: Resource, namespace: str) -> None:
    make(client, resource, namespace)
    apply_condition(client, resource, "a", Condition("Ready", "True", "R"), namespace=namespace)
    put_status(client, resource, namespace, {"type": "Theirs", "status": "True"})
    done = apply_condition(client, resource, "a", Condition("Ready", "True", "R"), namespace=namespace)
    assert types(done) == ["Ready", "Theirs"]


def test_two_write_and_each_transition_has_its_time(client: Client, resource: Resource, namespace: str) -> None:
    """Each turns the same condition over and over, and another one of its own: nothing is lost, and the time of the
    last transition is that of whoever made it."""
    make(client, resource, namespace)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(8):
                at = NOW + timedelta(hours=number, minutes=turn)
                status = "True" if (turn + number) % 2 else "False"
                shared = Condition("Shared", status, f"By{number}x{turn}")  # type: ignore[arg-type]
                before_and_after = apply_condition(
                    client,
                    resource,
                    "a",
                    shared,
                    namespace=namespace,
                    now=lambda at=at: at,  # type: ignore[misc]
                )
                assert find_condition(before_and_after["status"]["conditions"], "Shared")
                own = Condition(f"Own{number}", "True", f"Turn{turn}")
                apply_condition(client, resource, "a", own, namespace=namespace, now=lambda: NOW)
        except Exception as error:  # told below, in the thread of the test
            failures.append(error)

    history: list[JsonObject] = []
    stream = client.transport.stream(
        resource.path(namespace=namespace), what=f"watch {resource.name}", query=[("watch", "true")], read_timeout=30
    )

    def follow() -> None:
        for line in stream.lines():
            obj = orjson.loads(line)["object"]
            found = find_condition((obj.get("status") or {}).get("conditions"), "Shared")
            if found is not None:
                history.append(found)
            if obj["metadata"].get("labels"):
                return

    follower = threading.Thread(target=follow)
    follower.start()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.patch_merge(resource, "a", {"metadata": {"labels": {"the": "end"}}}, namespace=namespace)
    follower.join(20)
    stream.close()
    assert not follower.is_alive()
    assert failures == []
    assert types(client.get(resource, "a", namespace=namespace)) == ["Own0", "Own1", "Shared"]
    assert len(history) > 16
    for before, after in pairwise(history):
        moved = before["lastTransitionTime"] != after["lastTransitionTime"]
        assert moved == (before["status"] != after["status"])


def test_of_the_cluster(client: Client) -> None:
    name = f"p{secrets.token_hex(4)}"
    make(client, PLANETS, name=name)
    done = apply_condition(client, PLANETS, name, Condition("Ready", "True", "R"))
    assert types(done) == ["Ready"]
    client.delete(PLANETS, name)


def test_what_is_not_there(client: Client, resource: Resource, namespace: str) -> None:
    with pytest.raises(NotFoundError, match='"a" not found'):
        apply_condition(client, resource, "a", Condition("Ready", "True", "R"), namespace=namespace)


def test_no_status_subresource(client: Client, namespace: str) -> None:
    before = make(client, NAKED, namespace)
    with pytest.raises(
        NotFoundError, match=r"nakeds\.conditions\.auditor\.test in version v1 has no status subresource"
    ):
        apply_condition(client, NAKED, "a", Condition("Ready", "True", "R"), namespace=namespace)
    assert client.get(NAKED, "a", namespace=namespace) == before


@pytest.mark.parametrize(
    "condition",
    [
        Condition("example.com/" + "x" * 63, "True", "X" * 1024, "ü" * 40000, 2**31),
        Condition("R", "Unknown", "a,b:c_d"),
    ],
)
def test_the_server_takes_what_we_take(
    client: Client, resource: Resource, namespace: str, condition: Condition
) -> None:
    make(client, resource, namespace)
    done = apply_condition(client, resource, "a", condition, namespace=namespace, manager="m" * 128)
    found = find_condition(done["status"]["conditions"], condition.type)
    assert found is not None
    assert {k: found[k] for k in condition.render()} == condition.render()


def test_a_kind_without_conditions_refuses(client: Client, control_plane: Sandbox, namespace: str) -> None:
    bare = Resource(GROUP, "v1", "bares", "Bare", namespaced=True)
    crd = make_crd(bare)
    version = crd["spec"]["versions"][0]
    del version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["conditions"]
    install(control_plane, client, crd, bare)
    make(client, bare, namespace)
    with pytest.raises(ApiError, match="conditions"):
        apply_condition(client, bare, "a", Condition("Ready", "True", "R"), namespace=namespace)


def test_why_not_always_by_apply(client: Client, namespace: str) -> None:
    """Where the list is one value to the server, applying one condition takes away all others."""
    make(client, ATOMIC, namespace)
    put_status(client, ATOMIC, namespace, {"type": "Theirs", "status": "True"})
    body = {
        "apiVersion": ATOMIC.api_version,
        "kind": ATOMIC.kind,
        "metadata": {"name": "a", "namespace": namespace},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    assert types(client.apply(ATOMIC, body, force=True, subresource="status")) == ["Ready"]
