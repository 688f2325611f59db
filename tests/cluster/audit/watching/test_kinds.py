"""Kinds that come, change, cannot be read, and go: followed without a restart, and coverage tells the truth."""

import pytest

from auditor.audit.situation import describe
from auditor.json import JsonObject
from tests.cluster.audit.watching.conftest import World, until

ODD = "object.spec.n % 2 == 1"


def state(world: World, kind: str = "") -> str:
    follower = world.watcher.followers.get(kind or world.kind_name)
    if follower is None:
        return "not followed"
    if follower.state.trouble:
        return "stale"
    return "settled" if follower.settled else "being read"


def test_a_kind_that_comes_later_is_followed(world: World) -> None:
    world.put(world.policy("odd", ODD))
    world.watch()
    until(lambda: world.watcher.view is not None)
    assert state(world) == "not followed"
    world.install()
    world.put(world.thing("t", n=2))
    world.wait_found({"default/t": {"odd/r"}})
    until(lambda: state(world) == "settled")


def test_a_kind_that_goes_takes_its_findings_along_and_can_come_again(world: World) -> None:
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch()
    world.wait_found({"default/t": {"odd/r"}})
    world.delete("crd", world.kind_name)
    world.wait_found({})
    until(lambda: state(world) == "not followed")
    assert world.kind_name in world.heard.gone_kinds
    world.install()
    world.put(world.thing("t", n=4))
    world.wait_found({"default/t": {"odd/r"}})


def test_versions_are_added_and_the_storage_version_flipped(world: World) -> None:
    world.install(world.crd("v1"))
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch()
    world.wait_found({"default/t": {"odd/r"}})
    world.put(world.crd("v1", "v2"))
    world.put(world.policy("small", "object.apiVersion.endsWith('/v2') && object.spec.n < 2", versions="v2"))
    world.wait_found({"default/t": {"odd/r", "small/r"}})
    world.put(world.crd("v1", "v2", storage="v2"))
    until(lambda: world.watcher.followers[world.kind_name].resource.version == "v2")
    until(lambda: state(world) == "settled")
    assert world.found() == {"default/t": {"odd/r", "small/r"}}, "nothing was lost on the way"
    world.put(world.thing("t", n=1, version="v2"))
    world.wait_found({})


def test_a_schema_that_is_tightened_makes_old_objects_fail(world: World) -> None:
    world.install()
    world.put(world.thing("t", n=200))
    world.watch()
    world.wait_settled()
    assert world.found() == {}
    bounded = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 100}}}
    world.put(world.crd(spec=bounded))
    world.heard.wait(lambda: set(world.found()) == {"default/t"}, world.found)
    assert all(each.startswith("Check/schema/") for each in world.found()["default/t"])
    world.put(world.thing("t", n=2))
    world.wait_found({})


def test_a_kind_that_is_not_served_keeps_its_findings_and_says_so(world: World) -> None:
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch()
    world.wait_found({"default/t": {"odd/r"}})
    unserved = world.crd("v1", "v2")
    for each in unserved["spec"]["versions"]:
        each["served"] = False
    world.put(unserved)
    until(lambda: state(world) == "stale")
    assert world.found() == {"default/t": {"odd/r"}}
    world.put(world.crd("v1"))
    until(lambda: state(world) == "settled", timeout=40)
    world.put(world.thing("t", n=1))
    world.wait_found({})


@pytest.fixture
def limited(world: World) -> str:
    """A user who may read what the watcher needs, but for the objects themselves."""
    user = f"watcher-{world.group[:8]}"
    names = ["auditor.dev", "apiextensions.k8s.io", "admissionregistration.k8s.io"]
    rules: list[JsonObject] = [
        {"apiGroups": names, "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
    ]
    bind(world, user, "base", rules)
    return user


def bind(world: World, user: str, name: str, rules: list[JsonObject]) -> None:
    api, metadata = "rbac.authorization.k8s.io/v1", {"name": f"{user}-{name}"}
    world.put(
        {"apiVersion": api, "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {
            "apiVersion": api,
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": metadata["name"]},
            "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        },
    )


def test_rights_that_are_granted_taken_and_granted_again(world: World, limited: str) -> None:
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch(kubeconfig=str(world.cluster.user_kubeconfig(limited)))
    until(lambda: state(world) == "stale")
    follower = world.watcher.followers[world.kind_name]
    assert follower.state.present is None, "nothing is known of it, which is not none"
    assert "forbidden" in follower.state.trouble.lower()

    rules: list[JsonObject] = [{"apiGroups": [world.group], "resources": ["things"], "verbs": ["get", "list", "watch"]}]
    bind(world, limited, "things", rules)
    until(lambda: state(world) == "settled", timeout=40)
    world.wait_found({"default/t": {"odd/r"}})

    world.delete("clusterrolebinding", f"{limited}-things")
    world.delete("crd", f"others.{world.group}", "--ignore-not-found")
    world.put(world.crd("v1", "v2", storage="v2"))  # the watch has to begin anew, and may not
    until(lambda: state(world) == "stale")
    assert world.found() == {"default/t": {"odd/r"}}, "what is known stays, and is marked"

    bind(world, limited, "things", rules)
    until(lambda: state(world) == "settled", timeout=40)
    world.put(world.thing("t", n=1))
    world.wait_found({})


def test_built_in_kinds_are_followed_where_a_policy_names_them(world: World) -> None:
    named = world.policy("data", "'owner' in object.data", resource="configmaps")
    named["spec"]["match"]["resourceRules"][0]["apiGroups"] = [""]
    name = f"c-{world.group[:8]}"
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"a": "b"},
    }
    world.watch()
    until(lambda: world.watcher.view is not None)
    assert state(world, "configmaps") == "not followed"
    world.put(named, config)
    world.heard.wait(
        lambda: world.found("configmaps").get(f"default/{name}") == {"data/r"}, lambda: world.found("configmaps")
    )
    world.delete("policies.auditor.dev", f"data.{world.group}")
    until(lambda: state(world, "configmaps") == "not followed")
    world.heard.wait(lambda: not world.found("configmaps"), lambda: world.found("configmaps"))


def test_a_version_in_which_a_built_in_kind_is_not_read_is_told(world: World) -> None:
    named = world.policy("data", "'owner' in object.data", resource="configmaps")
    named["spec"]["match"]["resourceRules"][0] |= {"apiGroups": [""], "apiVersions": ["v2"]}
    world.put(named)
    world.watch()
    until(lambda: state(world, "configmaps") == "settled")
    situation = describe(world.watcher)
    assert situation is not None
    told = [
        (counts.auditable, counts.reason)
        for each in situation.policies
        if each.policy == f"data.{world.group}"
        for counts in each.kinds
    ]
    assert told == [(False, "for version v2 only, and the kind, which is built in, is read as v1")]


def test_rights_taken_while_all_is_well(world: World, limited: str) -> None:
    """The server does not end a watch that is open: what it brings is judged, until it has to begin anew."""
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    rules: list[JsonObject] = [{"apiGroups": [world.group], "resources": ["things"], "verbs": ["get", "list", "watch"]}]
    bind(world, limited, "things", rules)
    world.watch(kubeconfig=str(world.cluster.user_kubeconfig(limited)))
    until(lambda: state(world) == "settled", timeout=40)
    world.wait_found({"default/t": {"odd/r"}})
    world.delete("clusterrolebinding", f"{limited}-things")
    world.put(world.thing("t", n=1))
    world.wait_found({})
    assert state(world) == "settled"


def test_objects_in_deletion_and_with_finalizers_are_judged_till_they_are_gone(world: World) -> None:
    world.install()
    held = world.thing("t", n=2)
    held["metadata"]["finalizers"] = ["example.com/held"]
    world.put(world.policy("odd", ODD), held)
    world.watch()
    world.wait_found({"default/t": {"odd/r"}})
    world.delete(world.kind_name, "t", "-n", "default", "--wait=false")
    world.put(world.thing("sign", n=2))
    world.wait_found({"default/t": {"odd/r"}, "default/sign": {"odd/r"}})
    patch = '[{"op": "remove", "path": "/metadata/finalizers"}]'
    world.kubectl("patch", world.kind_name, "t", "-n", "default", "--type=json", "-p", patch)
    world.wait_found({"default/sign": {"odd/r"}})


def test_the_debt_of_a_kind_is_found_on_its_crd(world: World) -> None:
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    world.install(world.crd("v1", "v2"))
    world.watch()
    world.wait_settled()
    assert world.kind_name not in world.found(crds)
    world.put(world.crd("v1", "v2", storage="v2"))
    world.heard.wait(lambda: world.kind_name in world.found(crds), lambda: world.found(crds))
    assert world.found(crds)[world.kind_name] == {"Check/versions/stored-versions"}
