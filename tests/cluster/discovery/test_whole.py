"""All kinds of a cluster of its own: real CRDs, and an API that is down, which would disturb other tests."""

import secrets
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import cast

import pytest
import yaml

from auditor.cluster import Client, Settings, connect
from auditor.cluster.discovery import Discovery, Kinds
from auditor.cluster.resource import CRDS, Resource
from auditor.cluster.transport import Transport
from auditor.errors import UnknownKindError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.discovery.conftest import PATIENCE, until

DOWN = """
apiVersion: v1
kind: Service
metadata: {name: down, namespace: default}
spec: {ports: [{port: 443}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.down.test}
spec:
  group: down.test
  version: v1
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 10
  service: {name: down, namespace: default}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(f"discovery-{secrets.token_hex(4)}") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def own(sandbox: Sandbox) -> Iterator[Client]:
    client = connect(Settings(kubeconfig=str(sandbox.kubeconfig)))
    yield client
    client.transport.close()


class OldServer:
    """The same server, asked so that it answers in the old form."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.asked: list[str] = []

    def ask(self, method: str, path: str, *, what: str, accept: str, timeout: float | None = None) -> bytes:
        self.asked.append(path)
        return self._transport.ask(method, path, what=what, accept="application/json", timeout=timeout)


def in_old_form(client: Client) -> Discovery:
    return Discovery(Client(cast(Transport, OldServer(client.transport))))


def whole(resources: tuple[Resource, ...]) -> list[JsonObject]:
    return [asdict(resource) for resource in resources]


@pytest.fixture(scope="module")
def real_crds(own: Client, shared_data: Path) -> dict[str, JsonObject]:
    """Installed, established and discovered."""
    found: dict[str, JsonObject] = {}
    for path in sorted(shared_data.rglob("*.yaml")):
        text = path.read_text()
        if "\nkind: CustomResourceDefinition\n" not in f"\n{text}" or len(text) > 1_000_000:
            continue
        documents = yaml.load_all(text, Loader=yaml.CSafeLoader)
        found |= {d["metadata"]["name"]: d for d in documents if d and d["kind"] == "CustomResourceDefinition"}
    # Each takes the API server half a second. Those with many versions are the most telling.
    installed = dict(sorted(found.items(), key=lambda item: -len(item[1]["spec"]["versions"]))[:10])
    with Kinds(own) as kinds:
        for crd in installed.values():
            crd["metadata"].setdefault("annotations", {}).setdefault("api-approved.kubernetes.io", "unapproved, a test")
            own.create(CRDS, crd)
        assert kinds.wait_until(lambda known: sum(k.established for k in known.values()) == len(installed), PATIENCE)
        for name, crd in installed.items():
            kind = kinds.get(name)
            assert kind is not None
            assert {v.name for v in kind.versions} == {v["name"] for v in crd["spec"]["versions"]}
    discovery = Discovery(own)
    discovery.invalidate()
    until(lambda: set(installed) <= {r.name for r in discovery.resources()})
    return installed


def test_both_forms_of_discovery_agree(own: Client, real_crds: dict[str, JsonObject]) -> None:
    # But for the order of groups of equal priority: by their names in the new form, in the old one by those of their
    # APIServices, which begin with the version.
    new, old = Discovery(own), in_old_form(own)
    for discovery, other in ((new, old), (old, new)):
        for resource in discovery.resources():
            assert whole(discovery.versions(resource)) == whole(other.versions(resource))
    assert len(new.resources()) > 60 + len(real_crds)


def test_the_same_kinds_as_kubectl(sandbox: Sandbox, own: Client, real_crds: dict[str, JsonObject]) -> None:
    lines = sandbox.kubectl("api-resources", "--no-headers", "-o", "wide").stdout.splitlines()
    theirs = set()
    for line in lines:
        # NAME SHORTNAMES APIVERSION NAMESPACED KIND VERBS CATEGORIES, where the second and the last may be empty
        cells = line.split()
        at = next(i for i, cell in enumerate(cells) if cell in ("true", "false"))
        short = cells[1] if at == 3 else ""
        categories = cells[at + 3] if len(cells) > at + 3 else ""
        verbs = frozenset(cells[at + 2].split(","))
        theirs.add((cells[0], short, cells[at - 1], cells[at], cells[at + 1], verbs, categories))
    ours = {
        (
            r.plural,
            ",".join(r.short_names),
            r.api_version,
            str(r.namespaced).lower(),
            r.kind,
            r.verbs,
            ",".join(r.categories),
        )
        for r in Discovery(own).resources()
    }
    assert ours == theirs


def test_real_kinds_are_found_by_all_of_their_names(own: Client, real_crds: dict[str, JsonObject]) -> None:
    discovery = Discovery(own)
    for name, crd in real_crds.items():
        names, group = crd["spec"]["names"], crd["spec"]["group"]
        for text in [
            names["plural"],
            names["kind"],
            names.get("singular", names["kind"]),
            *names.get("shortNames", []),
        ]:
            assert discovery.find(f"{text}.{group}").name == name
        for version in crd["spec"]["versions"]:
            if version["served"]:
                assert discovery.find_exact(f"{group}/{version['name']}", names["kind"]).name == name


def test_an_api_that_is_down_hides_no_other(sandbox: Sandbox, own: Client) -> None:
    before = Discovery(own).resources()
    sandbox.kubectl("apply", "-f", "-", stdin=DOWN)
    try:
        sandbox.kubectl("wait", "--for=condition=Available=False", "apiservice/v1.down.test", "--timeout=20s")
        discovery = Discovery(own)
        until(lambda: "down.test/v1" in discovery.refresh().broken)
        for form in (discovery, in_old_form(own)):
            assert set(form.broken) == {"down.test/v1"}
            assert "503" in form.broken["down.test/v1"]
            assert {r.name for r in form.resources()} == {r.name for r in before}
            assert form.find("pods").kind == "Pod"
            with pytest.raises(UnknownKindError, match=r"down\.test/v1 .*503"):
                form.find("things.down.test")
    finally:
        sandbox.kubectl("delete", "apiservice/v1.down.test", "service/down")
    until(lambda: not discovery.refresh().broken)


def test_without_rights_discovery_works_and_kinds_say_what_is_missing(sandbox: Sandbox) -> None:
    client = connect(Settings(kubeconfig=str(sandbox.user_kubeconfig("nobody"))))
    try:
        assert Discovery(client).find("po").kind == "Pod"
        with Kinds(client) as kinds:
            until(lambda: kinds.status.last_error is not None)
            failure = kinds.status.last_error
            assert failure is not None
            assert failure.code == 403
            assert "customresourcedefinitions" in failure.message
            assert not kinds.wait_synced(0)
    finally:
        client.transport.close()
