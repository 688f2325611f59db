"""A CRD that got stricter after an object was stored: what the server makes of it, and what the check says."""

from datetime import UTC, datetime

from auditor.checks import Stored, run_checks
from auditor.engine.engine import Engine
from auditor.intake.stored import ask_stored
from auditor.json import JsonObject
from auditor.languages.schema.crd import read_crd
from auditor.model.finding import Verdict
from auditor.model.request import GroupVersionResource
from auditor.model.settings import DEFAULT_CHECKS, Check, KindSettings
from auditor.model.world import World
from tests.cluster.oracle import Oracle


def crd(*rules: JsonObject, **properties: JsonObject) -> JsonObject:
    spec = {"type": "object", "properties": properties, "x-kubernetes-validations": list(rules)}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "olds.checks.example.com"},
        "spec": {
            "group": "checks.example.com",
            "scope": "Namespaced",
            "names": {"plural": "olds", "singular": "old", "kind": "Old", "listKind": "OldList"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def old(name: str, **spec: object) -> JsonObject:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "checks.example.com/v1", "kind": "Old", "metadata": metadata, "spec": spec}


def test_stored_object_under_a_stricter_schema(oracle: Oracle) -> None:
    number, text = {"type": "integer"}, {"type": "string"}
    ordered = {"rule": "self.low <= self.high", "message": "low is above high"}
    ends = {"low": number, "high": number}
    before = crd(**ends, size=number, gone=text, probe={**text, "enum": ["before"]})
    after = crd(ordered, **ends, size={**number, "maximum": 7}, probe={**text, "enum": ["after"]})
    resource = oracle.install(before)
    resource.wait("v1", old("probe", probe="x"), '"before"')
    resource.delete("one")
    assert resource.create(old("one", low=3, high=2, size=9, gone="x"), store=True).accepted
    resource = oracle.install(after)
    resource.wait("v1", old("probe", probe="x"), '"after"')

    stored = oracle.ask("GET", f"{resource.path('v1')}/one").object
    assert "gone" not in stored["spec"]  # the server prunes what it reads
    update = {**stored, "metadata": {**stored["metadata"], "labels": {"a": "b"}}}
    assert resource.update(update).accepted  # and forgives what an update leaves as it is

    version = read_crd(after).versions[0]
    request = ask_stored(
        stored,
        GroupVersionResource("checks.example.com", "v1", "olds"),
        namespaced=True,
        world=World(),
        namespace_object=None,
        time=datetime.now(UTC),
    )
    checks = {Check.SCHEMA: DEFAULT_CHECKS[Check.SCHEMA]}
    outcome = run_checks(
        Stored(
            request=request,
            verdict=Verdict(),
            engine=Engine.of(()),
            schema=version.compile(accepted=True),
            facts=None,
            settings=KindSettings(checks=checks),
        )
    )
    refused = resource.create({**stored, "metadata": {"name": "two", "namespace": "default"}})
    assert {cause.field for cause in refused.causes} == {"spec", "spec.size"}
    assert {each.path for each in outcome.findings} == {"/spec", "/spec/size"}
    resource.delete("one")
