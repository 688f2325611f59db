"""Names: kubectl is asked what it makes of them."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from auditor.cluster import Client
from auditor.cluster.discovery import Discovery
from auditor.errors import UnknownKindError
from auditor.sandbox import Sandbox
from tests.cluster.discovery.conftest import Crds, make_crd, until


def test_a_name_means_what_it_means_to_kubectl(
    control_plane: Sandbox, client: Client, crds: Crds, group: str, tmp_path: Path
) -> None:
    later = f"z{group}"
    for of_group, version in ((group, "v1beta1"), (later, "v3")):
        crd = make_crd(of_group, "Database", "v1", "v2", version, shortNames=["dbx", group[:9]])
        crd["spec"]["names"]["singular"] = "thedatabase"
        crds.create(crd)
    crds.create(make_crd(later, "OddKind", "v1", plural="things", singular="thing", shortNames=["thedatabases"]))
    short = group[:9]
    questions = [
        *("pods", "Pod", "PODS", "po", "PO", "pods.v1.", "pods.v1", "ev", "events", "events.events", "nothing"),
        *("pods.nowhere", "deploy.apps", "deployments.v1.apps", "Deployment.v1.apps", "sc.storage"),
        *("storageclass.storage.k8s", "storageclass.STORAGE", "thedatabases", short, short.upper()),
        *(f"{name}.{group}" for name in ("databases", "Databases.v1", "Database.v2", "databases.v9", "thedatabase")),
        *(f"{name}.{later}" for name in ("databases", "databases.v3", "OddKind", "oddkind", "thing", short)),
        f"databases.{group[:12]}",
    ]
    discovery = Discovery(client)
    discovery.invalidate()
    until(lambda: {f"databases.{group}", f"things.{later}"} <= {r.name for r in discovery.resources()})

    def ask_kubectl(name: str) -> str:
        done = control_plane.kubectl("get", name, "-A", "-v=6", f"--cache-dir={tmp_path}", check=False)
        urls = re.findall(r'url="https://[^/]+(/[^?"]+)\?limit=', done.stderr)
        return urls[0] if urls else ""

    def ask_ours(name: str) -> str:
        try:
            return discovery.find(name).path()
        except UnknownKindError:
            return ""

    ask_kubectl("pods")  # fills its cache once, for all that follow
    with ThreadPoolExecutor(2) as pool:
        theirs = dict(zip(questions, pool.map(ask_kubectl, questions), strict=True))
    assert {name: ask_ours(name) for name in questions} == theirs
    assert theirs["pods"] == "/api/v1/pods"
    assert theirs[f"Database.v2.{group}"] == f"/apis/{group}/v2/databases"


def test_a_kind_that_is_added_is_found_by_who_asked_before(client: Client, crds: Crds, group: str) -> None:
    discovery = Discovery(client)
    assert discovery.find("pods").kind == "Pod"
    with pytest.raises(UnknownKindError):
        discovery.find(f"databases.{group}")
    crds.create(make_crd(group, "Database", "v1"))

    def is_found() -> bool:
        try:
            return discovery.find(f"database.{group}").plural == "databases"
        except UnknownKindError:
            return False

    until(is_found)
    with pytest.raises(UnknownKindError, match=rf"did you mean databases\.{group}"):
        discovery.find(f"databses.{group}")
