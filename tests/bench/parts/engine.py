"""From request to verdict: five rules of each language on an object of 1.5 KB, and many policies for other kinds."""

from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.json import JsonObject
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request, User

CEL = (
    "object.spec.replicas % 2 == 1",
    "object.spec.members.all(m, m.cpu <= 16)",
    "object.metadata.labels['team'] != ''",
    "object.spec.image.startsWith('registry.example.com/')",
    "!has(object.spec.tls) || object.spec.tls.mode == 'Required'",
)
JQ = (
    ".spec.replicas % 2 == 1",
    "[.spec.members[].cpu] | all(. <= 16)",
    '.metadata.labels.team != ""',
    '.spec.image | startswith("registry.example.com/")',
    '.spec.tls == null or .spec.tls.mode == "Required"',
)


def policy(name: str, rules: list[JsonObject], group: str = "example.com") -> JsonObject:
    resource = {"apiGroups": [group], "apiVersions": ["v1"], "resources": ["things"], "operations": ["CREATE"]}
    named = [{"name": f"r{i}", **rule} for i, rule in enumerate(rules)]
    return {"metadata": {"name": name}, "spec": {"match": {"resourceRules": [resource]}, "rules": named}}


def thing() -> JsonObject:
    """1.5 KB of JSON."""
    return {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": "here", "labels": {"team": "a", "app": "b"}},
        "spec": {
            "replicas": 5,
            "image": "registry.example.com/thing:1.2.3",
            "tls": {"mode": "Required"},
            "members": [{"name": f"member-{i}", "cpu": i % 8, "memory": "16Gi", "zone": "eu-1a"} for i in range(18)],
        },
    }


def request() -> Request:
    # As it comes from a webhook or a file: a new object each time, so nothing may be kept from the last one.
    return Request(
        operation=Operation.CREATE,
        kind=GroupVersionKind("example.com", "v1", "Thing"),
        resource=GroupVersionResource("example.com", "v1", "things"),
        object=orjson.loads(TEXT),
        name="one",
        namespace="here",
        user=User("jane"),
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )


TEXT = orjson.dumps(thing())


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    def engine(*policies: JsonObject) -> Engine:
        return Engine.compile(read_policy(each) for each in policies)

    cel = engine(policy("p", [{"cel": text} for text in CEL]))
    jq = engine(policy("p", [{"jq": text} for text in JQ]))
    others = [policy(f"o{i}", [{"cel": "true"}], group=f"g{i}.example.com") for i in range(1000)]
    crowded = engine(policy("p", [{"cel": text} for text in CEL]), *others)
    many = [policy(f"o{i}", [{"cel": f"object.spec.replicas > {i}"}]) for i in range(1000)]
    return [
        (f"make the request: {len(TEXT)} bytes (part of all below)", request),
        ("5 CEL rules (at most 60 us)", lambda: cel.judge(request(), passes=False)),
        (
            "5 CEL rules, 1,000 policies for other kinds (under 5 % more)",
            lambda: crowded.judge(request(), passes=False),
        ),
        ("5 jq rules (at most 150 us)", lambda: jq.judge(request(), passes=False)),
        ("compile 1,000 policies (under 2 s)", lambda: engine(*many)),
    ]
