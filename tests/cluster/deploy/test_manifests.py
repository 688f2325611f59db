"""What is installed is accepted by a real API server: schema, the restricted level, and the commands of the docs."""

import copy
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.deploy.conftest import NAMESPACE, Release
from tests.cluster.deploy.test_chart import KIND
from tests.cluster.deploy.workloads import ROOT, wait
from tests.unit.deploy.generated import render
from tests.unit.deploy.test_rendering import MATRIX

ABSENT = {"cert-manager.io/v1", "monitoring.coreos.com/v1"}
"""Of groups that a cluster has by others."""
PRIVILEGED = {"host network"}
"""Which the restricted level does not allow, as the docs say."""


@pytest.fixture
def namespace(cluster: Sandbox) -> Iterator[str]:
    """Where nothing is let in that does not keep to the restricted level, and Deployments are warned of."""
    name = "restricted"
    levels = [f"pod-security.kubernetes.io/{each}=restricted" for each in ("enforce", "warn")]
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("label", "namespace", name, *levels)
    yield name
    cluster.kubectl("delete", "namespace", name)


@pytest.mark.timeout(120)
def test_everything_is_accepted_and_keeps_to_the_restricted_level(cluster: Sandbox, namespace: str) -> None:
    """A dry run of all objects, each once, and of each pod as its controller would make it. One call for all.

    What is stored is what was written: where the API server drops or rewrites something, `kubectl diff` and Argo CD see
    a difference for ever.
    """
    found: dict[str, JsonObject] = {}
    for title, values in MATRIX.items():
        rendered = render(*values, "--namespace", namespace, "--set", "crds.install=false,reportCrds.install=false")
        for each in yaml.load_all(rendered, yaml.CSafeLoader):
            if each is None or each["apiVersion"] in ABSENT or (title in PRIVILEGED and each["kind"] == "Deployment"):
                continue
            found[yaml.dump(each, Dumper=yaml.CSafeDumper)] = each
    things: list[JsonObject] = []
    for number, each in enumerate(found.values()):
        each["metadata"]["name"] += f"-{number}"
        things.append(each)
        if each["kind"] == "Deployment":
            pod = each["spec"]["template"]
            bare = {name: value for name, value in pod["spec"].items() if name != "serviceAccountName"}  # there is none
            metadata = pod["metadata"] | {"name": each["metadata"]["name"], "namespace": namespace}
            things.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": bare})
    stdin = yaml.dump_all(things, Dumper=yaml.CSafeDumper)
    options = ("--dry-run=server", "--validate=strict", "-o", "json")
    done = cluster.kubectl("create", *options, "-f", "-", stdin=stdin, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "warnings"
    # One document after the other, without a comma between them.
    stored: list[JsonObject] = orjson.loads("[" + done.stdout.replace("\n}\n{", "\n},\n{") + "]")
    changed = [
        f"{wrote['kind']}/{wrote['metadata']['name']}{where}"
        for wrote, kept in zip(things, stored, strict=True)
        for where in find_changes(wrote, kept)
    ]
    assert not changed


def find_changes(wrote: Json, kept: Json, where: str = "") -> Iterator[str]:
    """Where what was stored is not what was written. What the API server adds is its own."""
    if isinstance(wrote, dict) and isinstance(kept, dict):
        for key, value in wrote.items():
            yield from find_changes(value, kept.get(key), f"{where}.{key}")
    elif isinstance(wrote, list) and isinstance(kept, list) and len(wrote) <= len(kept):
        for index, (value, other) in enumerate(zip(wrote, kept, strict=False)):
            yield from find_changes(value, other, f"{where}[{index}]")
    elif wrote != kept:
        yield f"{where}: {wrote!r} became {kept!r}"


def test_the_level_would_be_noticed(cluster: Sandbox, namespace: str) -> None:
    """The one above can fail: what is not allowed is refused."""
    rendered = render(*MATRIX["host network"], "--namespace", namespace)
    (found,) = [
        each
        for each in yaml.load_all(rendered, yaml.CSafeLoader)
        if each and each["kind"] == "Deployment" and "webhook" in each["metadata"]["name"]
    ]
    done = cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=orjson.dumps(found).decode())
    assert "would violate PodSecurity" in done.stderr


@pytest.mark.timeout(240)
def test_the_commands_of_the_page(cluster: Sandbox, release: Release, tmp_path: Path) -> None:
    """In their order, as somebody types them. What was uninstalled is installed again where the page begins anew."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "install.md").read_text(), re.DOTALL)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "helm").symlink_to(release.helm)
    (tools / "kubectl").symlink_to(cluster.record.programs["kubectl"])
    environment = {**cluster.environment, "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(script: str) -> str:
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout

    installed = False
    for block in blocks:
        if block.startswith("helm uninstall"):
            run(block)
            installed = False
        elif block.startswith("auditor registration remove"):
            assert not installed
            run(blocks[0].splitlines()[-1])  # helm install
            assert "nothing was registered" in run(block)
        elif block.startswith("kubectl patch crd NAME"):
            run_patch(cluster, block, run)
        elif block.startswith("kubectl apply"):
            clear(cluster)
            run(block)
            run(block.splitlines()[0])  # and once more, as an upgrade
            run("kubectl delete -f deploy/manifests/install.yaml --wait=false")
            clear(cluster)
        else:
            run(block)
            installed = True
    assert not installed


def run_patch(cluster: Sandbox, block: str, run: Callable[[str], str]) -> None:
    """On a CRD that is left as a forgotten Conversion leaves it."""
    crd: JsonObject = copy.deepcopy(KIND)
    crd["metadata"]["name"] = "bowls.shop.example"
    crd["spec"]["names"] = {"kind": "Bowl", "plural": "bowls", "singular": "bowl", "listKind": "BowlList"}
    service = {"namespace": NAMESPACE, "name": "auditor-webhook", "path": "/convert/bowls.shop.example"}
    webhook = {"clientConfig": {"service": service}, "conversionReviewVersions": ["v1"]}
    crd["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    cluster.kubectl("create", "-f", "-", stdin=orjson.dumps(crd).decode())
    name = crd["metadata"]["name"]
    run(block.replace("NAME", name))
    assert cluster.kubectl("get", "crd", name, "-o", "jsonpath={.spec.conversion}").stdout == '{"strategy":"None"}'
    cluster.kubectl("delete", "crd", name)


def clear(cluster: Sandbox) -> None:
    """What is kept at an uninstall. No controller for volumes runs here: nobody else lets a claim go."""
    patch = '{"metadata": {"finalizers": null}}'
    options = ("-n", NAMESPACE, "pvc", "auditor-watch")
    cluster.kubectl("patch", *options, "--type=merge", "-p", patch, check=False)
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=30s")
    cluster.kubectl("delete", "crd", "-l", "app.kubernetes.io/part-of=auditor")
    wait(lambda: "auditor" not in cluster.kubectl("get", "clusterroles", "-o", "name").stdout)
