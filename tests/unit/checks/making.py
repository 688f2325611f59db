"""Stored objects for tests of the checks, each with only what a test says of it. All happens on one morning."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from auditor.checks import KindFacts, Outcome, Stored, run_checks
from auditor.engine.engine import Engine
from auditor.json import Json, JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.finding import Finding
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Origin, Request
from auditor.model.settings import DEFAULT_CHECKS, Check, KindSettings

NINE = datetime(2026, 6, 1, 9, tzinfo=UTC)
"""When objects are made that say nothing else."""
NOW = NINE + timedelta(hours=3)
FACTS = KindFacts(
    name="things.example.com",
    storage_version="v1",
    served={"v1": False},
    stored_versions=("v1",),
    status_subresource=True,
)
NOTHING = Engine.of(())


def at(minutes: float) -> datetime:
    """After nine o'clock."""
    return NINE + timedelta(minutes=minutes)


def text(minutes: float) -> str:
    return at(minutes).strftime("%Y-%m-%dT%H:%M:%SZ")


def wrote(manager: str, minutes: float | None, *paths: str, operation: str = "Update", **more: Json) -> JsonObject:
    """An entry of managedFields: `spec.size`, and for items of lists the step as it stands there: `spec.a.k:{...}`."""
    fields: JsonObject = {}
    for path in paths:
        node = fields
        for step in path.split("."):
            node = node.setdefault(step if step[1:2] == ":" else f"f:{step}", {})
    entry = {"manager": manager, "operation": operation, "apiVersion": "example.com/v1", "fieldsType": "FieldsV1"}
    time = {} if minutes is None else {"time": text(minutes)}
    return {**entry, **time, "fieldsV1": fields, **more}


def thing(spec: Json = None, *entries: JsonObject, status: Json = None, **metadata: Json) -> JsonObject:
    made = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {
            "name": "one",
            "namespace": "here",
            "uid": "1",
            "creationTimestamp": text(0),
            "generation": 1,
            "managedFields": list(entries),
            **metadata,
        },
        "spec": spec or {},
    }
    return made if status is None else {**made, "status": status}


def request(stored: JsonObject, **changes: Any) -> Request:
    made = Request(
        operation=Operation.CREATE,
        kind=GroupVersionKind("example.com", "v1", "Thing"),
        resource=GroupVersionResource("example.com", "v1", "things"),
        object=stored,
        name="one",
        namespace="here",
        namespaced=True,
        origin=Origin.STORED,
        namespace_object={"metadata": {"name": "here", "labels": {"env": "dev"}}},
        time=NOW,
    )
    return replace(made, **changes)


def schema_of(*, status: Json = None, **properties: Json) -> StructuralSchema:
    """Of a kind whose spec has these fields."""
    spec = {"type": "object", "properties": properties}
    return StructuralSchema.compile(
        {"type": "object", "properties": {"spec": spec} | ({"status": status} if status else {})}
    )


def only(check: Check, **settings: Any) -> KindSettings:
    """This check alone."""
    checks = {each: replace(known, enabled=each is check) for each, known in DEFAULT_CHECKS.items()}
    managers = settings.pop("managers", frozenset())
    return KindSettings(checks={**checks, check: replace(checks[check], **settings)}, managers=frozenset(managers))


def store(thing: JsonObject, check: Check | None = None, engine: Engine = NOTHING, **more: Any) -> Stored:
    asked = more.pop("request", None) or request(thing)
    return Stored(
        request=asked,
        verdict=engine.judge(asked),
        engine=engine,
        **{
            "schema": None,
            "facts": FACTS,
            "settings": KindSettings() if check is None else only(check),
            **more,
        },
    )


def ask(thing: JsonObject, check: Check | None = None, engine: Engine = NOTHING, **more: Any) -> Outcome:
    return run_checks(store(thing, check, engine, **more))


def found(outcome: Outcome) -> Sequence[tuple[str, str, str]]:
    """Without words."""
    return [(each.rule, str(each.result), each.path) for each in outcome.findings]


def single(outcome: Outcome) -> Finding:
    (finding,) = outcome.findings
    return finding
