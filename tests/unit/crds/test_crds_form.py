"""What every schema of ours has: descriptions, list types, bounds, the words of the model."""

import re
from collections.abc import Iterator

import pytest

from auditor import crds
from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema
from auditor.model.match import MatchPolicy, Scope, SelectorOperator
from auditor.model.policy import Enforcement, FailurePolicy, Severity
from tests.unit.crds.cases import GOOD
from tests.unit.crds.schemas import KINDS, places, read_crd, schema_of, walk


def test_names() -> None:
    assert crds.names() == tuple(sorted(KINDS))


def test_an_unknown_name() -> None:
    with pytest.raises(FileNotFoundError):
        crds.read("pod")


@pytest.mark.parametrize("name", KINDS)
def test_head(name: str) -> None:
    crd = read_crd(name)
    spec = crd["spec"]
    assert crd["metadata"]["name"] == f"{spec['names']['plural']}.auditor.dev"
    assert spec["names"]["kind"] == KINDS[name]
    assert spec["names"]["singular"] == name
    assert spec["names"]["categories"] == ["auditor"]
    assert spec["names"]["shortNames"]
    assert spec["scope"] == ("Namespaced" if name == "policyexception" else "Cluster")
    assert [version["name"] for version in spec["versions"]] == ["v1"]
    assert spec["versions"][0]["subresources"] == {"status": {}}
    assert spec["versions"][0]["additionalPrinterColumns"]


@pytest.mark.parametrize("name", KINDS)
def test_every_field_is_described(name: str) -> None:
    """But for metadata, where the API server allows none."""
    for path, at in places(name):
        if path.endswith(("[]", "{}", ".metadata")):
            continue
        text = at.get("description", "")
        assert text.endswith("."), f"{path}: {text!r}"
        assert len(text) >= 15, path


@pytest.mark.parametrize("name", KINDS)
def test_every_list_has_a_type_and_a_bound(name: str) -> None:
    for path, at in places(name, type="array"):
        assert at.get("x-kubernetes-list-type") in {"atomic", "set", "map"}, path
        assert at.get("maxItems", 0) > 0, path


@pytest.mark.parametrize("name", KINDS)
def test_everything_has_a_bound(name: str) -> None:
    for path, at in places(name, type="string"):
        assert "enum" in at or at.get("maxLength", 0) > 0, path
    for path, at in places(name, type="integer"):
        assert "minimum" in at, path
    for path, at in places(name, type="object"):
        if "properties" not in at:
            assert at.get("maxProperties", 0) > 0, path


@pytest.mark.parametrize("name", KINDS)
def test_every_cel_rule_has_a_message(name: str) -> None:
    for path, at in places(name):
        for rule in at.get("x-kubernetes-validations", []):
            assert rule.get("message"), f"{path}: {rule['rule']}"


def bare(schema: JsonObject, without: set[str]) -> JsonObject:
    """A schema without some keywords, as values that can be compared."""
    return {path: {k: v for k, v in at.items() if k not in {"properties", *without}} for path, at in walk(schema)}


@pytest.mark.parametrize(
    "endings",
    [
        ("elector",),
        ("esourceRules",),
        (".conditions",),
        (".severity",),
        (".group",),
        (".resource.resource", ".kinds[].resource", ".coverage[].resource"),
    ],
)
def test_what_is_meant_to_be_the_same_is(endings: tuple[str, ...]) -> None:
    """What stands in several places, since a CRD has no references."""
    found = [at for name in KINDS for path, at in places(name) if path.endswith(endings)]
    forms = [bare(at, {"description", "minItems", "default"}) for at in found]
    assert len(forms) > 2
    assert all(form == forms[0] for form in forms)


def test_a_notification_asks_as_a_schedule_does() -> None:
    schedule, notification = (
        schema_of(name)["properties"]["spec"]["properties"] for name in ("reportschedule", "notification")
    )
    for field in ("scope", "routing", "retryFor", "suspend"):
        assert bare(schedule[field], {"description", "default"}) == bare(
            notification[field], {"description", "default"}
        )
    ways, less = (spec["deliveries"]["items"]["properties"] for spec in (schedule, notification))
    assert set(ways) - set(less) == {"file"}
    for way in ("name", "email", "webhook"):
        assert bare(ways[way], {"description"}) == bare(less[way], {"description"})


def test_totals_count_as_kinds_do() -> None:
    status = schema_of("policy")["properties"]["status"]["properties"]
    counts = status["totals"]["properties"]
    assert len(counts) == 7
    assert counts.items() <= status["kinds"]["items"]["properties"].items()


def test_a_kind_has_the_same_checks_as_all_kinds() -> None:
    spec = schema_of("auditconfig")["properties"]["spec"]["properties"]
    every, one = spec["checks"], spec["kinds"]["items"]["properties"]["checks"]
    assert bare(every, {"default", "description"}) == bare(one, {"default", "description"})
    assert "default" not in str(bare(one, {"description"})), "what is absent is taken from the checks of all kinds"


def test_the_model_has_the_same_words() -> None:
    spec = schema_of("policy")["properties"]["spec"]["properties"]
    match = spec["match"]["properties"]
    expression = match["objectSelector"]["properties"]["matchExpressions"]["items"]["properties"]
    assert spec["severity"]["enum"] == list(Severity)
    assert spec["enforcement"]["enum"] == list(Enforcement)
    assert spec["failurePolicy"]["enum"] == list(FailurePolicy)
    assert match["matchPolicy"]["enum"] == list(MatchPolicy)
    assert set(match["resourceRules"]["items"]["properties"]["scope"]["enum"]) == set(Scope)
    assert expression["operator"]["enum"] == list(SelectorOperator)


@pytest.mark.parametrize("name", KINDS)
def test_every_field_is_used(name: str) -> None:
    """In one of the good objects, so that what is tested with them is tested of every field."""
    there = {shorten(path) for path, _ in places(name) if not path.startswith(".metadata")}
    assert there == {shorten(path) for case in GOOD if case.name == name for path in used(case.object, schema_of(name))}


def shorten(path: str) -> str:
    """Once is enough for what is the same in several places."""
    return re.sub(r".*\.(selector|\w+Selector|resourceRules|excludeResourceRules)\b", "*", path)


def used(value: Json, schema: JsonObject, path: str = "") -> Iterator[str]:
    yield path
    if isinstance(value, dict):
        for key, below in value.items():
            if key in schema.get("properties", {}) and key != "metadata":
                yield from used(below, schema["properties"][key], f"{path}.{key}")
            if "additionalProperties" in schema:
                yield from used(below, schema["additionalProperties"], path + "{}")
    if isinstance(value, list):
        for below in value:
            yield from used(below, schema.get("items", {}), f"{path}[]")


@pytest.mark.parametrize("name", KINDS)
def test_it_compiles(name: str) -> None:
    StructuralSchema.compile(schema_of(name))
