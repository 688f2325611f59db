"""`kubectl apply` of a changed CRD, with objects in the cluster, before `auditor webhook --crd-impact warn`."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from auditor.cluster import Client, Resource, Settings, WriteOptions, connect
from auditor.sandbox import Sandbox
from tests.cluster.webhooks.serving.conftest import Stage, policy, put
from tests.cluster.webhooks.serving.running import wait
from tests.cluster.webhooks.serving.shelves import (
    GROUP,
    LISTS,
    RIGHTS,
    USER,
    allow,
    apply,
    bind,
    definition,
    install,
    own_rights,
    remove,
    start,
)


@pytest.fixture(scope="module")
def warning(cluster: Sandbox) -> Iterator[Stage]:
    """With the rights that docs/webhook.md asks for, and no others."""
    for name, rules in ((RIGHTS, own_rights()), (LISTS, [allow(GROUP, "*", "list")])):
        meta = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
        put(cluster, {**meta, "kind": "ClusterRole", "rules": rules})
        bind(cluster, name)
    stage = start(cluster, "warn", kubeconfig=cluster.user_kubeconfig(USER))
    yield stage
    assert stage.program.stop() == 0
    remove(cluster, "probes", "jars", "boxes", "bags", "tins", "vats", "crates")
    for name in (RIGHTS, LISTS):
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", name)


def test_a_tightened_crd_is_warned_of_and_applied(warning: Stage) -> None:
    install(warning.cluster, "jars", [1, 20, 30, 40, 50])
    done = apply(warning, definition("jars", maximum=10, drop="color"))
    assert done.returncode == 0, done.stderr
    assert "Warning: 4 objects, v1: spec.size: would be invalid: " in done.stderr
    assert "(Jar shop/o0001, shop/o0002, shop/o0003 and 1 more)" in done.stderr
    assert "Warning: 5 objects, v1: spec.color: would be lost (Jar shop/o0000, " in done.stderr
    assert "auditor impact --crd" in done.stderr
    assert warning.kubectl("apply", "-f", "-", thing=definition("jars", maximum=10, drop="color")).stderr == ""


def test_a_crd_without_objects_and_a_harmless_change_are_silent(warning: Stage) -> None:
    install(warning.cluster, "boxes", [])
    assert apply(warning, definition("boxes", maximum=1, drop="color")).stderr == ""
    install(warning.cluster, "bags", [1])
    assert apply(warning, definition("bags", more="shape")).stderr == ""


def test_a_dry_run_tells_and_changes_nothing(warning: Stage) -> None:
    install(warning.cluster, "tins", [20])
    for options in (("--dry-run=server",), ("--server-side", "--force-conflicts", "--dry-run=server")):
        done = apply(warning, definition("tins", maximum=10), *options)
        assert "1 object, v1: spec.size: would be invalid" in done.stderr
        assert "(Tin shop/o0000)" in done.stderr
    found = warning.kubectl("get", "crd", f"tins.{GROUP}", "-o", "jsonpath={.metadata.generation}")
    assert found.stdout == "1"


def test_who_may_not_list_says_how_to_change_that(warning: Stage) -> None:
    warning.kubectl("delete", "clusterrolebinding", LISTS)
    install(warning.cluster, "vats", [20])
    tight = definition("vats", maximum=10)

    def said() -> str:
        return apply(warning, tight, "--dry-run=server").stderr

    forbidden = f"vats.{GROUP}: forbidden: "
    wait(lambda: forbidden in said(), why=said)
    assert "kubectl create clusterrole auditor-read-vats" in said()
    assert "admitted" not in said()  # nothing to fear: the update passes, and says that it was not looked at
    bind(warning.cluster, LISTS)
    wait(lambda: "would be invalid" in said(), why=said)


def test_two_thousand_objects_are_looked_at_in_time_and_nobody_waits_for_that(warning: Stage) -> None:
    install(warning.cluster, "crates", [20] * 2000)
    rule = {"name": "r", "cel": "object.spec.size < 5"}
    others: list[float] = []
    with connect(Settings(kubeconfig=str(warning.cluster.kubeconfig), qps=1000.0)).transport as transport:
        client = Client(transport)
        kind = Resource("auditor.dev", "v1", "policies", "Policy", namespaced=False)
        with ThreadPoolExecutor(1) as pool:
            applied = pool.submit(apply, warning, definition("crates", maximum=10))
            while not applied.done():
                asked = time.monotonic()
                client.create(kind, policy("other", rule), options=WriteOptions(dry_run=True))
                others.append(time.monotonic() - asked)
    done = applied.result()
    assert "2,000 objects, v1: spec.size: would be invalid" in done.stderr
    assert "and 1,997 more" in done.stderr
    assert "the time was up" not in done.stderr
    assert max(others) < 2.0
