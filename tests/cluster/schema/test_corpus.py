"""Real CRDs and their objects, valid and invalid, on the real server and on ours."""

import copy
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import yaml

from auditor.json import Json, JsonObject
from auditor.languages.schema.crd import read_crd
from auditor.languages.schema.structural import StructuralSchema
from tests.cluster.oracle import Oracle, Resource
from tests.cluster.schema.compare import compare_create, compare_strict

DAMAGED = 150
PROJECTS = ("gateway-api", "cloudnative-pg")
Known = dict[tuple[str, str], tuple[Resource, StructuralSchema]]


def documents(paths: list[Path]) -> Iterator[JsonObject]:
    for path in sorted(paths):
        yield from (d for d in yaml.load_all(path.read_text(), yaml.CSafeLoader) if isinstance(d, dict))


@pytest.fixture(scope="module")
def kinds(oracle: Oracle, shared_data: Path) -> Known:
    known: Known = {}
    for project in PROJECTS:
        for document in documents(list((shared_data / project / "crds").glob("*.yaml"))):
            if document["kind"] != "CustomResourceDefinition":
                continue
            crd = read_crd(document)
            resource = oracle.install(document)
            for version in crd.versions:
                if version.served:
                    key = (f"{crd.group}/{version.name}", crd.kind)
                    known[key] = (resource, version.compile(accepted=True))
    return known


@pytest.mark.parametrize("folder", ["gateway-api/valid", "gateway-api/invalid/standard", "cloudnative-pg/valid"])
def test_the_same_verdict_as_the_server(kinds: Known, shared_data: Path, folder: str) -> None:
    seen, wrong = 0, []
    for obj in documents(list((shared_data / folder).rglob("*.yaml"))):
        if (obj["apiVersion"], obj["kind"]) not in kinds:
            continue
        resource, schema = kinds[obj["apiVersion"], obj["kind"]]
        version = obj["apiVersion"].partition("/")[2]
        obj = {**obj, "metadata": {**obj["metadata"], "namespace": "default"}}
        comparison = compare_create(resource, schema, obj, version)
        seen += 1
        wrong += [f"{obj['kind']} {obj['metadata']['name']}: {comparison.difference}"] if comparison.difference else []
        unknown = compare_strict(resource, schema, obj, version)
        wrong += [f"{obj['kind']} {obj['metadata']['name']}: {unknown}"] if unknown else []
        assert comparison.answer.accepted is ("invalid" not in folder), comparison.answer.message
    assert seen >= 25
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("folder", "seed"), [("gateway-api/valid", 1), ("gateway-api/valid", 2), ("cloudnative-pg/valid", 3)]
)
def test_damaged_objects(kinds: Known, shared_data: Path, folder: str, seed: int) -> None:
    """Real objects with random damage: what the schemas and rules of real CRDs make of it."""
    random = Random(seed)  # noqa: S311 - no secrets are made of it
    objects = [
        o for o in documents(list((shared_data / folder).rglob("*.yaml"))) if (o["apiVersion"], o["kind"]) in kinds
    ]
    refused, wrong = 0, []
    for _ in range(DAMAGED):
        obj = copy.deepcopy(random.choice(objects))
        obj["metadata"]["namespace"] = "default"
        for _ in range(random.randint(1, 2)):
            damage(obj.get("spec"), objects, random)
        resource, schema = kinds[obj["apiVersion"], obj["kind"]]
        comparison = compare_create(resource, schema, obj, obj["apiVersion"].partition("/")[2])
        refused += not comparison.answer.accepted
        wrong += [f"{obj['spec']}: {comparison.difference}"] if comparison.difference else []
    assert refused > DAMAGED / 10
    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:3])


def damage(value: Json, objects: list[JsonObject], random: Random) -> None:
    """Something below is dropped, doubled, moved in from elsewhere, or made nonsense."""
    places = list(_places(value))
    if not places:
        return
    parent, key = random.choice(places)
    others = [p[k] for p, k in _places(random.choice(objects).get("spec"))]
    match random.randint(0, 4):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        case 2 | 3:
            parent[key] = copy.deepcopy(random.choice(others or [None]))
        case _:
            parent[key] = random.choice(["", "x" * 300, 0, -1, 10**6, 1.5, True, [], {}, None, "*.a.b", "Service"])


def _places(value: Json) -> Iterator[tuple[Json, Json]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield value, key
        yield from _places(child)
