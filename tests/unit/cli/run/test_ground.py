"""`auditor run --install` on what an older version has left."""

from copy import deepcopy
from typing import Any, cast

import pytest
import yaml

from auditor import crds
from auditor.cli.run import ground
from auditor.cluster import Client, Resource
from auditor.cluster.resource import CRDS
from auditor.json import JsonObject

OURS = {
    f"{each['spec']['names']['plural']}.auditor.dev": each for each in map(yaml.safe_load, map(crds.read, crds.names()))
}
NAME = "auditconfigs.auditor.dev"


class Server:
    def __init__(self, there: JsonObject) -> None:
        self.there = OURS | {NAME: there}
        self.written: list[tuple[str, JsonObject]] = []

    def get(self, resource: Resource, name: str) -> JsonObject:
        return self.there[name] if resource == CRDS else {}

    def patch_merge(self, resource: Resource, name: str, patch: JsonObject) -> None:
        assert resource == CRDS
        self.written.append((name, patch))


def change(**labels: str) -> Any:
    crd: Any = deepcopy(OURS[NAME])
    crd["metadata"]["labels"] = labels
    return crd


def status_of(crd: Any) -> Any:
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]


def older(**labels: str) -> JsonObject:
    """As it was before coverage told of findings: whoever writes them is refused."""
    crd = change(**labels)
    del status_of(crd)["coverage"]["items"]["properties"]["findings"]
    return cast("JsonObject", crd)


def newer() -> JsonObject:
    crd = older()
    status_of(crd)["tomorrow"] = {"type": "string"}
    return crd


def run_install(there: JsonObject) -> Server:
    server = Server(there)
    ground.install(cast("Client", server), "auditor-system")
    return server


def test_an_older_crd_is_renewed(caplog: pytest.LogCaptureFixture) -> None:
    assert run_install(older()).written == [(NAME, {"spec": {"versions": OURS[NAME]["spec"]["versions"]}})]
    assert "it lacks v1.status.coverage[].findings and" in caplog.text


@pytest.mark.parametrize("there", [OURS[NAME], newer(), older(**{ground.MANAGED: "Helm"})])
def test_what_is_the_same_newer_or_of_somebody_else_stays(there: JsonObject) -> None:
    assert run_install(there).written == []


def test_without_install_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(older())
    ground.check(cast("Client", server), "auditor-system")
    assert server.written == []
    assert "`auditor run --install` renews it" in caplog.text
