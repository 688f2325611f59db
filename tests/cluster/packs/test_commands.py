"""`auditor packs install` and `remove` on the real API server: what they write, what they leave, what they tell."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from auditor import crds
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.packs.stage import run_packs
from tests.unit.crds.schemas import read_crd
from tests.unit.intake.packs.making import CONVERSION, CRD, policy, write_pack

pytestmark = pytest.mark.timeout(240)  # each runs the command several times, on a machine that others use, too

NAME = "databasecluster"
KIND = "databaseclusters.db.auditor.dev"
QUORUM = "databasecluster-quorum"


@pytest.fixture(scope="module")
def bare() -> Iterator[Sandbox]:
    """CRDs are for a whole cluster, so it is one of its own."""
    with Sandbox.start(f"packs-commands-{os.getpid()}", owner=os.getpid()) as cluster:
        yield cluster


OURS = tuple(str(read_crd(name)["metadata"]["name"]) for name in crds.names())


@pytest.fixture
def cluster(bare: Sandbox) -> Iterator[Sandbox]:
    """With our own CRDs, and nothing of any pack."""
    bare.kubectl("apply", "--server-side", "-f", "-", stdin="\n---\n".join(map(crds.read, crds.names())))
    bare.kubectl("wait", "--for=condition=Established", "crd", "--all")
    yield bare
    bare.kubectl("delete", "policies.auditor.dev,conversions.auditor.dev", "--all")
    others = {name.partition("/")[2] for name in bare.kubectl("get", "crd", "-o", "name").stdout.split()} - {*OURS}
    if others:
        bare.kubectl("delete", "crd", *others, "--wait=true")


def lines(text: str) -> dict[str, str]:
    """By object what became of it."""
    return dict(re.findall(r"^\S+?/(\S+) (\w+)", text, re.MULTILINE))


def get(cluster: Sandbox, *what: str) -> JsonObject:
    found: JsonObject = orjson.loads(cluster.kubectl("get", *what, "-o", "json").stdout)
    return found


def apply(cluster: Sandbox, thing: JsonObject) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=orjson.dumps(thing).decode())


def test_without_auditor_it_says_what_to_do(bare: Sandbox) -> None:
    bare.kubectl("delete", "crd", *OURS, "--ignore-not-found")
    done = run_packs(bare, "install", NAME)
    assert done.returncode == 2
    assert "auditor is not installed in this cluster: there is no CRD policies.auditor.dev" in done.stderr
    assert "auditor run --install" in done.stderr
    assert bare.kubectl("get", "crd", "-o", "name").stdout == ""


def test_install_again_and_stricter(cluster: Sandbox) -> None:
    tried = run_packs(cluster, "install", NAME, "--dry-run")
    assert tried.returncode == 0
    assert f"{KIND} created (dry run)" in tried.stdout
    assert cluster.kubectl("get", "policies.auditor.dev", "-o", "name").stdout == ""

    first = run_packs(cluster, "install", NAME)
    assert (first.returncode, first.stderr) == (0, "")
    assert {*lines(first.stdout).values()} == {"created"}
    assert get(cluster, "crd", KIND)["metadata"]["labels"]["auditor.dev/pack"] == NAME
    policies = get(cluster, "policies.auditor.dev")["items"]
    assert {each["spec"]["enforcement"] for each in policies} == {"Audit"}
    assert not any("mutate" in each["spec"] for each in policies)
    assert "left out, as it would change objects: databasecluster-data: mutation default-storage-class" in first.stdout
    cluster.kubectl("get", KIND)  # it is established

    again = run_packs(cluster, "install", NAME)
    assert {*lines(again.stdout).values()} == {"unchanged"}
    versions = {each["metadata"]["resourceVersion"] for each in policies}
    assert {each["metadata"]["resourceVersion"] for each in get(cluster, "policies.auditor.dev")["items"]} == versions

    shown = run_packs(cluster, "install", NAME, "--enforcement", "as-shipped", "--diff")
    assert f"{QUORUM} changed (dry run)" in shown.stdout
    assert "-  enforcement: Audit\n+  enforcement: Deny" in shown.stdout
    versions_after = {each["metadata"]["resourceVersion"] for each in get(cluster, "policies.auditor.dev")["items"]}
    assert versions_after == versions  # --diff looks, and writes nothing

    stricter = run_packs(cluster, "install", NAME, "--enforcement", "as-shipped")
    assert lines(stricter.stdout)[QUORUM] == "changed"
    assert any("mutate" in each["spec"] for each in get(cluster, "policies.auditor.dev")["items"])

    assert run_packs(cluster, "install", NAME).returncode == 0
    assert not any("mutate" in each["spec"] for each in get(cluster, "policies.auditor.dev")["items"])


def test_a_pack_that_is_not_there_does_not_go(cluster: Sandbox) -> None:
    near = run_packs(cluster, "remove", "databaseclustr")
    assert near.returncode == 2
    assert "neither here nor in this cluster: did you mean databasecluster?" in near.stderr
    # Again, of a pack of one's own: nothing is left to be done.
    assert run_packs(cluster, "remove", "of-nobody").returncode == 0


def test_a_param(cluster: Sandbox) -> None:
    assert run_packs(cluster, "install", NAME, "--param", f"{QUORUM}.maxReplicas=5").returncode == 0
    assert get(cluster, "policies.auditor.dev", QUORUM)["spec"]["params"]["maxReplicas"] == 5


def test_what_somebody_else_has_changed_is_told_and_left(cluster: Sandbox) -> None:
    run_packs(cluster, "install", NAME)
    patch = '{"spec":{"params":{"maxReplicas":9}}}'
    cluster.kubectl("patch", "policies.auditor.dev", QUORUM, "--type=merge", "-p", patch)
    done = run_packs(cluster, "install", NAME, "--enforcement", "Warn")
    assert done.returncode == 3
    assert lines(done.stderr) == {QUORUM: "refused"}
    assert 'conflict with "kubectl-patch"' in done.stderr
    assert ".spec.params.maxReplicas" in done.stderr
    spec = get(cluster, "policies.auditor.dev", QUORUM)["spec"]
    assert (spec["params"]["maxReplicas"], spec["enforcement"]) == (9, "Audit")
    assert lines(done.stdout)["databasecluster-data"] == "changed"


def test_a_policy_that_the_pack_no_longer_has_goes(cluster: Sandbox, tmp_path: Path) -> None:
    pack = write_pack(tmp_path, policy("kept"), policy("gone"))
    apply(cluster, policy("of-others"))
    assert lines(run_packs(cluster, "install", str(pack)).stdout) == {"kept": "created", "gone": "created"}
    (pack / "policies.yaml").write_text(yaml.safe_dump(policy("kept")))
    tried = run_packs(cluster, "install", str(pack), "--dry-run")
    assert lines(tried.stdout) == {"kept": "unchanged", "gone": "removed"}
    assert lines(run_packs(cluster, "install", str(pack)).stdout) == {"kept": "unchanged", "gone": "removed"}
    assert {each["metadata"]["name"] for each in get(cluster, "policies.auditor.dev")["items"]} == {"kept", "of-others"}


def test_a_pack_for_a_kind_that_is_not_there_yet_waits_for_it(cluster: Sandbox, tmp_path: Path) -> None:
    lookup = {"name": "gadgets", "resource": {"group": "other.io", "resource": "gadgets"}}
    pack = str(write_pack(tmp_path, policy(lookups=[lookup])))
    told = run_packs(cluster, "install", pack)
    assert told.returncode == 0
    assert "note: things waits for the CRD things.example.com" in told.stdout
    assert "note: things looks up gadgets.other.io: the rules that do are errors" in told.stdout
    apply(cluster, CRD)
    cluster.kubectl("wait", "--for=condition=Established", "crd", "things.example.com")
    assert "waits" not in run_packs(cluster, "install", pack).stdout


def test_versions_with_objects_are_not_taken_away(cluster: Sandbox, tmp_path: Path) -> None:
    pack = write_pack(tmp_path, policy(), CRD, CONVERSION)
    told = run_packs(cluster, "install", str(pack))
    assert "the versions of things.example.com are not converted before `auditor webhook` has registered" in told.stdout
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x", "namespace": "default"}}
    apply(cluster, thing)
    fewer = orjson.loads(orjson.dumps(CRD))
    fewer["spec"]["versions"] = fewer["spec"]["versions"][1:]
    (pack / "policies.yaml").write_text(yaml.safe_dump_all([policy(), fewer]))
    done = run_packs(cluster, "install", str(pack))
    assert done.returncode == 3
    assert "things.example.com kept: has versions that this pack does not know (v1alpha1)" in done.stderr
    assert len(get(cluster, "crd", "things.example.com")["spec"]["versions"]) == 2
    cluster.kubectl("delete", "things", "x")
    assert run_packs(cluster, "install", str(pack)).returncode == 0
    assert len(get(cluster, "crd", "things.example.com")["spec"]["versions"]) == 1


def test_remove_leaves_kinds_and_their_objects(cluster: Sandbox, tmp_path: Path) -> None:
    pack = str(write_pack(tmp_path, policy(), CRD, CONVERSION))
    run_packs(cluster, "install", pack)
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x", "namespace": "default"}}
    apply(cluster, thing)
    apply(cluster, policy("of-others"))

    tried = run_packs(cluster, "remove", "things", "--dry-run")
    assert lines(tried.stdout) == {"thing-sizes": "removed"}
    done = run_packs(cluster, "remove", "things", "--crds")
    assert done.returncode == 3
    assert lines(done.stdout) == {"thing-sizes": "removed"}
    assert "there are objects of it, default/x for one" in done.stderr
    assert "may need it to be read" in done.stderr
    assert get(cluster, "things", "x")["metadata"]["name"] == "x"
    assert [each["metadata"]["name"] for each in get(cluster, "policies.auditor.dev")["items"]] == ["of-others"]

    cluster.kubectl("delete", "things", "x")
    done = run_packs(cluster, "remove", pack, "--crds")
    assert done.returncode == 0, done.stderr
    assert "customresourcedefinitions.apiextensions.k8s.io/things.example.com removed" in done.stdout
    assert "conversions.auditor.dev/things.example.com removed" in done.stdout
    assert "nothing of a pack things is in this cluster" in run_packs(cluster, "remove", "things").stdout


def test_who_may_not_is_told(cluster: Sandbox) -> None:
    nobody = cluster.user_kubeconfig("nobody")
    for command in (("install", NAME), ("remove", NAME)):
        done = run_packs(cluster, *command, "--kubeconfig", str(nobody))
        assert done.returncode == 3
        assert "forbidden" in done.stderr
        assert "Traceback" not in done.stderr
