"""The API server takes our CRDs as they are, and tells users what every field means."""

import re
import time
from collections.abc import Iterator

import pytest
import yaml

from auditor import crds
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.oracle import Oracle, Resource
from tests.unit.crds.schemas import KINDS, places, read_crd

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="module")
def explained(control_plane: Sandbox, resources: dict[str, Resource]) -> Sandbox:
    """The server publishes the fields some time after it serves the kinds."""
    deadline = time.monotonic() + 30
    while any(control_plane.kubectl("explain", f"{name}.status", check=False).returncode for name in KINDS):
        assert time.monotonic() < deadline
    return control_plane


@pytest.mark.parametrize("name", KINDS)
def test_accepted_without_a_warning(control_plane: Sandbox, name: str) -> None:
    """Under another group, so that it is a creation whatever is installed. Costs of CEL are judged here, too."""
    crd = yaml.safe_load(crds.read(name).replace("auditor.dev", "warnings.auditor.dev"))
    done = control_plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(crd))
    assert done.stderr == ""


@pytest.mark.parametrize("name", KINDS)
def test_established(oracle: Oracle, resources: dict[str, Resource], name: str) -> None:
    """NonStructuralSchema would be a third condition."""
    found = oracle.ask("GET", f"{CRDS}/{read_crd(name)['metadata']['name']}").object["status"]["conditions"]
    assert {condition["type"]: condition["status"] for condition in found} == {
        "NamesAccepted": "True",
        "Established": "True",
    }


@pytest.mark.parametrize("name", KINDS)
def test_explain_lists_every_field(explained: Sandbox, name: str) -> None:
    listed = set(fields(explained.kubectl("explain", name, "--recursive").stdout))
    ours = {re.sub(r"\[\]|\{\}", "", path) for path, _ in places(name) if path and not path.startswith(".metadata")}
    assert {path for path in listed if path.startswith((".spec", ".status"))} == ours


@pytest.mark.parametrize("name", KINDS)
def test_every_field_explains_itself(explained: Sandbox, oracle: Oracle, name: str) -> None:
    """kubectl explain prints what stands in this document; a process for each field would take a minute."""
    document = oracle.ask("GET", "/openapi/v3/apis/auditor.dev/v1").object
    schema = document["components"]["schemas"][f"dev.auditor.v1.{KINDS[name]}"]
    for path, at in places(name):
        if path and "description" in at and not path.startswith(".metadata"):
            assert find(schema, path).get("description") == at["description"], path


def test_explain_in_words(explained: Sandbox) -> None:
    text = " ".join(explained.kubectl("explain", "audpol.spec.rules.deny").stdout.split())
    assert "FIELD: deny <string>" in text
    assert "one violation for each of its outputs" in text


def fields(text: str) -> Iterator[str]:
    """The paths that `explain --recursive` shows by indentation."""
    path: list[str] = []
    for line in text.partition("FIELDS:\n")[2].splitlines():
        if found := re.match(r"( +)(\S+)\t<", line):
            path[len(found[1]) // 2 - 1 :] = [found[2]]
            yield "".join(f".{step}" for step in path)


def find(schema: JsonObject, path: str) -> JsonObject:
    for step in re.findall(r"\[\]|\{\}|[^.\[\]{}]+", path):
        match step:
            case "[]":
                schema = schema["items"]
            case "{}":
                schema = schema["additionalProperties"]
            case _:
                schema = schema["properties"][step]
    return schema
