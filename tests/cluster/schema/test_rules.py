"""x-kubernetes-validations on the real server: creations, and updates with oldSelf."""

from random import Random

import pytest

from auditor.languages.schema.structural import StructuralSchema
from tests.cluster.oracle import Oracle, Resource
from tests.cluster.schema.compare import compare_create, compare_update
from tests.unit.languages.schema.crds import make_crd, make_object, probe_of, schema_of
from tests.unit.languages.schema.rule_samples import CHANGES, GOOD, ROOT_RULES, spec_schema, specs

NAME = "rule"


@pytest.fixture(scope="module")
def resource(oracle: Oracle) -> Resource:
    crd = make_crd(NAME, spec_schema(), root=ROOT_RULES)
    resource = oracle.install(crd)
    resource.wait("v1", *probe_of(crd))
    return resource


@pytest.fixture(scope="module")
def schema() -> StructuralSchema:
    return StructuralSchema.compile(schema_of(make_crd(NAME, spec_schema(), root=ROOT_RULES)))


def test_creations(resource: Resource, schema: StructuralSchema) -> None:
    wrong = []
    for spec in specs():
        found = compare_create(resource, schema, make_object(NAME, spec)).difference
        wrong += [f"{_changed(spec)}: {found}"] if found else []
    assert not wrong, "\n".join(wrong)


def test_updates(resource: Resource, schema: StructuralSchema) -> None:
    """Of the good object, and of some that differ from it, to all others; several changes at once too."""
    random = Random(4)  # noqa: S311 - no secrets are made of it
    wrong, accepted = [], 0
    olds = [GOOD, {}, {**GOOD, "labels": {"app": "x", "b": "yy"}, "kinds": ["y", "x"]}, {"name": "a", "count": 5}]
    for number, old_spec in enumerate(olds):
        old = make_object(NAME, old_spec, metadata={"name": f"old-{number}", "namespace": "default"})
        resource.delete(f"old-{number}")
        stored = resource.create(old, store=True)
        assert stored.accepted, stored.message
        several = [
            {**GOOD, **{k: random.choice(CHANGES[k]) for k in random.sample(list(CHANGES), 3)}} for _ in range(40)
        ]
        for spec in [*specs(), *several]:
            comparison = compare_update(resource, schema, {**stored.object, "spec": spec}, stored.object)
            accepted += comparison.answer.accepted
            wrong += [f"{number} {_changed(spec)}: {comparison.difference}"] if comparison.difference else []
    assert accepted > 10
    assert not wrong, "\n".join(wrong)


def _changed(spec: dict[str, object]) -> str:
    return ", ".join(f"{k}: {spec.get(k, 'absent')}" for k in {**GOOD, **spec} if spec.get(k, "absent") != GOOD.get(k))
