"""From one version of a cluster's kind to another, as its API server would convert it."""

from collections.abc import Iterable

import pytest

from auditor.cluster.discovery import read_crd
from auditor.engine.convert import Conversion
from auditor.errors import AuditorError
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.ways import LiveWays, match_stored_kinds
from auditor.json import JsonObject
from auditor.model.resource import GroupVersionKind, GroupVersionResource
from tests.unit.intake.files import crd, thing
from tests.unit.intake.once.cluster import established

V1 = GroupVersionKind("example.com", "v1", "Thing")
BETA = GroupVersionKind("example.com", "v1beta1", "Thing")
CONVERSION: JsonObject = {
    "metadata": {"name": "things.example.com"},
    "spec": {
        "resource": {"group": "example.com", "resource": "things"},
        "steps": [
            {"from": "v1beta1", "to": "v1", "jq": ".spec = {size: .spec.howBig}"},
            {"from": "v1", "to": "v1beta1", "jq": ".spec = {howBig: .spec.size}"},
        ],
    },
}
SCHEMA: JsonObject = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"color": {"type": "string", "default": "red"}},
}


def ways(definition: JsonObject, conversions: Iterable[JsonObject] = ()) -> LiveWays:
    kinds = {"things.example.com": read_crd(established(definition))}
    return LiveWays(kinds, [Conversion.compile(each) for each in conversions], LiveSchemas(kinds))


def test_by_name_alone_with_the_defaults_of_that_version() -> None:
    found = ways(crd("v1", "v1beta1", schema=SCHEMA))
    assert found.convert(thing(size=3), V1, "v1beta1") == thing(version="v1beta1", size=3, color="red")
    assert found.reachable(BETA) == ("v1beta1", "v1")
    assert found.storage_version(BETA) == "v1"


def test_by_a_conversion_of_ours() -> None:
    found = ways(crd("v1", "v1beta1", strategy="Webhook"), [CONVERSION])
    assert found.convert(thing(size=3), V1, "v1beta1") == thing(version="v1beta1", howBig=3)
    assert found.reachable(V1) == ("v1", "v1beta1")


def test_a_version_to_which_no_step_leads() -> None:
    found = ways(crd("v1", "v1beta1", "v2", strategy="Webhook"), [CONVERSION])
    assert found.reachable(V1) == ("v1", "v1beta1")
    with pytest.raises(AuditorError, match="no conversion from v1 to v2"):
        found.convert(thing(), V1, "v2")


def test_a_webhook_of_somebody_else_leads_nowhere() -> None:
    found = ways(crd("v1", "v1beta1", strategy="Webhook"))
    assert found.reachable(V1) == ("v1",)
    with pytest.raises(AuditorError, match=r"only the conversion webhook of things\.example\.com .* or \*"):
        found.convert(thing(version="v1beta1"), BETA, "v1")


def test_what_is_not_there() -> None:
    found = ways(crd("v1"))
    with pytest.raises(AuditorError, match=r"no version v3 of Thing \(example.com\); it has v1"):
        found.convert(thing(), V1, "v3")
    other = GroupVersionKind("other.example.com", "v7", "Thing")
    assert (found.storage_version(other), found.reachable(other)) == ("v7", ("v7",))
    with pytest.raises(AuditorError, match="no version v1"):
        found.convert(thing(), other, "v1")
    pending = crd("v1")  # it is not established
    assert LiveWays({"things.example.com": read_crd(pending)}, (), {}).storage_version(BETA) == "v1beta1"


def test_the_served_versions_are_one_kind() -> None:
    definition = crd("v1", "v1beta1", "v1alpha1")
    definition["spec"]["versions"][2]["served"] = False
    kinds = match_stored_kinds({"things.example.com": read_crd(established(definition))})
    served = {version: GroupVersionResource("example.com", version, "things") for version in ("v1", "v1beta1")}
    assert {resource: [each.resource for each in others] for resource, others in kinds.equivalents.items()} == {
        served["v1"]: [served["v1beta1"]],
        served["v1beta1"]: [served["v1"]],
    }
    assert kinds.custom == frozenset({("example.com", "things")})
    assert kinds.scopes == {("example.com", "Thing"): True}
