"""Objects of public projects as a real API server stores them: no check has anything to say of them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from auditor.checks import KindFacts, Stored, run_checks
from auditor.engine.engine import Engine
from auditor.intake.stored import ask_stored
from auditor.json import JsonObject
from auditor.languages.schema.crd import Crd, read_crd
from auditor.model.finding import Verdict
from auditor.model.request import GroupVersionKind, GroupVersionResource
from auditor.model.settings import KindSettings
from auditor.model.world import World
from auditor.sandbox import Sandbox
from tests.cluster.oracle import Oracle


class Renaming:
    """These projects' versions differ in their names only."""

    def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
        return {**thing, "apiVersion": f"{kind.group}/{version}"}


def documents(paths: list[Path]) -> Iterator[JsonObject]:
    for path in sorted(paths):
        yield from (d for d in yaml.load_all(path.read_text(), yaml.CSafeLoader) if isinstance(d, dict))


@pytest.fixture(scope="module")
def kinds(oracle: Oracle, shared_data: Path) -> dict[tuple[str, str], Crd]:
    known = {}
    for document in documents(list(shared_data.glob("*/crds/*.yaml"))):
        if document["kind"] == "CustomResourceDefinition":
            crd = read_crd(document)
            oracle.install(document)
            known[crd.group, crd.kind] = crd
    return known


@pytest.mark.parametrize("arguments", [["apply"], ["apply", "--server-side"]], ids=" ".join)
def test_no_findings(
    control_plane: Sandbox,
    namespace: str,
    kinds: dict[tuple[str, str], Crd],
    shared_data: Path,
    arguments: list[str],
) -> None:
    wanted: dict[tuple[str, str], JsonObject] = {}
    for thing in documents(list(shared_data.glob("*/valid/**/*.yaml"))):
        group = thing["apiVersion"].rpartition("/")[0]
        if (group, thing["kind"]) in kinds and kinds[group, thing["kind"]].namespaced:
            metadata = {**thing["metadata"], "namespace": namespace}
            wanted[thing["kind"], metadata["name"]] = {**thing, "metadata": metadata}
    control_plane.kubectl(
        *arguments, "--validate=false", "-f", "-", stdin="\n---\n".join(map(json.dumps, wanted.values()))
    )
    seen = 0
    for crd in kinds.values():
        version = next(each for each in crd.versions if each.storage)
        path = f"/apis/{crd.group}/{version.name}/namespaces/{namespace}/{crd.plural}"
        items = json.loads(control_plane.kubectl("get", "--raw", path).stdout)["items"] if crd.namespaced else []
        schema = version.compile(accepted=True) if items else None
        facts = KindFacts(
            name=f"{crd.plural}.{crd.group}",
            storage_version=version.name,
            served={each.name: each.deprecated for each in crd.versions if each.served},
            stored_versions=(version.name,),
            status_subresource=version.has_status,
        )
        for item in items:
            request = ask_stored(
                {"apiVersion": f"{crd.group}/{version.name}", "kind": crd.kind, **item},
                GroupVersionResource(crd.group, version.name, crd.plural),
                namespaced=True,
                world=World(),
                namespace_object=None,
                time=datetime.now(UTC) + timedelta(minutes=5),
            )
            outcome = run_checks(
                Stored(
                    request=request,
                    verdict=Verdict(),
                    engine=Engine.of(()),
                    schema=schema,
                    facts=facts,
                    ways=Renaming(),
                    convertible=tuple(facts.served),
                    settings=KindSettings(managers=frozenset({"argocd-controller", "kubectl"})),
                )
            )
            deprecated = [
                each for each in outcome.findings if each.rule == "deprecated"
            ]  # some are written as v1alpha2
            assert [each for each in outcome.findings if each not in deprecated] == []
            seen += 1
    assert seen == len(wanted) >= 25
