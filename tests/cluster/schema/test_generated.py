"""Random schemas with random objects: hundreds of each, the same verdict, causes, texts and stored objects."""

import pytest

from auditor.errors import CompileError
from auditor.languages.schema.structural import StructuralSchema
from tests.cluster.oracle import Oracle
from tests.cluster.schema.compare import compare_create, compare_strict
from tests.unit.languages.schema.crds import make_crd, make_object, probe_of, schema_of
from tests.unit.languages.schema.format_samples import SAMPLES
from tests.unit.languages.schema.generate import Generator

OBJECTS = 150
SEEDS = range(100, 112)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_objects(oracle: Oracle, seed: int) -> None:
    generator = Generator(seed)
    spec = generator.object_schema()
    name = f"gen{seed}"
    crd = make_crd(name, spec)
    try:
        schema = StructuralSchema.compile(schema_of(crd))
    except CompileError as error:
        with pytest.raises(AssertionError, match="is invalid"):
            oracle.install(crd)
        pytest.skip(f"the generated schema is not structural: {error}")
    resource = oracle.install(crd)
    resource.wait("v1", *probe_of(crd))
    accepted, wrong = 0, []
    for i in range(OBJECTS):
        obj = make_object(name, generator.value(spec, (0, 0.03, 0.1)[i % 3]))
        comparison = compare_create(resource, schema, obj)
        accepted += comparison.answer.accepted
        found = comparison.difference or (compare_strict(resource, schema, obj) if i % 5 == 0 else "")
        wrong += [f"{obj['spec']}: {found}"] if found else []
    assert not wrong, "\n".join(wrong[:5])


def test_formats(oracle: Oracle) -> None:
    """Each format with each sample of all formats."""
    name = "formats"
    crd = make_crd(name, {"type": "object", "properties": {n: {"type": "string", "format": n} for n, _, _ in SAMPLES}})
    schema = StructuralSchema.compile(schema_of(crd))
    resource = oracle.install(crd)
    resource.wait("v1", *probe_of(crd))
    texts = sorted({text for _, good, bad in SAMPLES for text in good + bad})
    for text in texts:
        obj = make_object(name, {n: text for n, _, _ in SAMPLES})
        assert compare_create(resource, schema, obj).difference == ""
