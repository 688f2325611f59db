"""Updates of objects that were stored before their schema became stricter: what the server forgives, ours forgives."""

import copy
from random import Random

import pytest

from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema
from tests.cluster.oracle import Oracle, Resource
from tests.cluster.schema.compare import compare_update
from tests.unit.languages.schema.crds import make_crd, make_object, probe_of, schema_of
from tests.unit.languages.schema.generate import Generator
from tests.unit.languages.schema.rule_samples import CHANGES, GOOD, spec_schema

KEPT = ("type", "properties", "items", "additionalProperties", "default", "nullable")
OBJECTS, UPDATES = 8, 12


def loosened(schema: Json) -> Json:
    """Only the shape of a schema."""
    if not isinstance(schema, dict):
        return schema
    kept = {k: v for k, v in schema.items() if k in KEPT or k.startswith("x-kubernetes-")}
    kept.pop("x-kubernetes-validations", None)
    if "properties" in kept:
        kept["properties"] = {k: loosened(v) for k, v in kept["properties"].items()}
    keys = kept.get("x-kubernetes-list-map-keys")
    for name in ("items", "additionalProperties"):
        if name in kept:
            kept[name] = loosened(kept[name])
    if keys:
        kept["items"]["required"] = keys
    return kept


def moved(old: Json, new: Json, random: Random) -> Json:
    """The old value with some of its parts from the new one."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {k: moved(old[k], new[k], random) if k in old and k in new else (old | new)[k] for k in {**old, **new}}
    if isinstance(old, list) and isinstance(new, list) and random.random() < 0.7:
        return [*old, *new[:1]] if random.random() < 0.5 else list(reversed(old))
    return copy.deepcopy(new if random.random() < 0.3 else old)


def installed(oracle: Oracle, crd: JsonObject) -> Resource:
    resource = oracle.install(crd)
    resource.wait("v1", *probe_of(crd))
    return resource


@pytest.mark.parametrize("seed", range(200, 208))
def test_random_updates(oracle: Oracle, seed: int) -> None:
    generator, random = Generator(seed), Random(seed)  # noqa: S311 - no secrets are made of it
    spec = generator.object_schema()
    name = f"ratchet{seed}"
    strict = make_crd(name, spec)
    try:
        schema = StructuralSchema.compile(schema_of(strict))
    except CompileError as error:
        pytest.skip(f"the generated schema is not structural: {error}")
    loose = installed(oracle, make_crd(name, loosened(spec)))
    olds = []
    for i in range(OBJECTS * 3):
        metadata = {"name": f"old-{i}", "namespace": "default"}
        loose.delete(f"old-{i}")
        answer = loose.create(
            make_object(name, generator.value(spec, (0, 0.05, 0.1)[i % 3]), metadata=metadata), store=True
        )
        olds += [answer.object] if answer.accepted else []
    resource = installed(oracle, strict)
    wrong = []
    for old in olds[:OBJECTS]:
        for _ in range(UPDATES):
            changed = moved(old["spec"], generator.value(spec, 0.05), random)
            comparison = compare_update(resource, schema, {**old, "spec": changed}, old)
            wrong += [f"{old['spec']} -> {changed}: {comparison.difference}"] if comparison.difference else []
    assert not wrong, "\n".join(wrong[:5])


def test_rules(oracle: Oracle) -> None:
    name = "rratchet"
    loose = installed(oracle, make_crd(name, loosened(spec_schema())))
    random = Random(1)  # noqa: S311 - no secrets are made of it
    olds: list[JsonObject] = []
    for i in range(12):
        spec = {**GOOD, **{k: random.choice(CHANGES[k]) for k in random.sample(list(CHANGES), 2)}}
        loose.delete(f"old-{i}")
        answer = loose.create(
            make_object(name, spec, metadata={"name": f"old-{i}", "namespace": "default"}), store=True
        )
        assert answer.accepted, answer.message
        olds.append(answer.object)
    strict = make_crd(name, spec_schema())
    schema = StructuralSchema.compile(schema_of(strict))
    resource = installed(oracle, strict)
    wrong, accepted = [], 0
    for old in olds:
        for _ in range(12):
            names = random.sample(list(CHANGES), random.randint(0, 3))
            spec = {**old["spec"], **{k: random.choice(CHANGES[k]) for k in names}}
            comparison = compare_update(resource, schema, {**old, "spec": spec}, old)
            accepted += comparison.answer.accepted
            wrong += [f"{old['spec']} -> {names}: {comparison.difference}"] if comparison.difference else []
    assert not wrong, "\n".join(wrong[:5])
    assert accepted >= 3
