"""Five rules of each language on an object of 1.5 KB, and more and more policies."""

import statistics
from collections.abc import Callable
from functools import partial

from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.json import JsonObject
from tests.bench.clock import measure
from tests.bench.figure import Notebook
from tests.bench.parts.engine import CEL, JQ, TEXT, policy, request

ROUNDS = 5
SCHEMA: JsonObject = {
    "properties": {
        "metadata": {"properties": {"labels": {"required": ["team"]}}},
        "spec": {
            "required": ["image", "replicas"],
            "properties": {
                "replicas": {"enum": [1, 3, 5, 7]},
                "image": {"pattern": "^registry\\.example\\.com/"},
                "tls": {"properties": {"mode": {"const": "Required"}}},
                "members": {"items": {"properties": {"cpu": {"maximum": 16}}}},
            },
        },
    }
}
LANGUAGES: dict[str, tuple[list[JsonObject], float | None]] = {
    "5 CEL rules": ([{"cel": text} for text in CEL], 60),
    "5 jq rules, worker included": ([{"jq": text} for text in JQ], 150),
    "5 JSON Schema rules": ([{"schema": SCHEMA}] * 5, None),
    "5 jq rules that yield violations": (
        [{"deny": f'.spec.members[] | select(.cpu > {20 + n}) | "too many"'} for n in range(5)],
        None,
    ),
}
MUTATE: JsonObject = {"mutate": [{"name": "class", "jq": '.spec.class //= "standard"'}]}
POLICIES = (1, 10, 100, 1000)


def run(book: Notebook) -> None:
    for name, (rules, goal) in LANGUAGES.items():
        engine = _compile([policy("p", rules)])
        book.cpu(f"{name}, CPU", measure(partial(_judge, engine), ROUNDS, workers=True), "us", goal)
    made = policy("p", [])
    made["spec"] |= MUTATE
    engine = _compile([made])
    book.cpu("a mutation in jq, CPU", measure(lambda: engine.mutate(request()), ROUNDS, workers=True), "us")
    book.notes.append(f"Each begins with {len(TEXT)} bytes of JSON and ends with the verdict.")
    others, matching, compiling = {}, {}, {}
    bare = policy("p", [{"cel": text} for text in CEL])
    for count in POLICIES:
        others[count] = _once(partial(_judge, _compile([bare, *_other(count)])))
        matching[count] = _once(partial(_judge, _compile(_same(count))))
        compiling[count] = _once(partial(_compile, _same(count)))
    book.grow("5 CEL rules, CPU", "us", "policies for other kinds", {n: each * 1e6 for n, each in others.items()})
    book.grow("judge, CPU", "us", "policies of one CEL rule for this kind", _scale(matching, 1e6))
    book.grow("compile, CPU", "ms", "policies of one CEL rule for this kind", _scale(compiling, 1e3))
    book.cpu("compile 1,000 policies, CPU", [compiling[1000]], "s", 2.0)


def _scale(found: dict[int, float], factor: float) -> dict[int, float]:
    return {point: value * factor for point, value in found.items()}


def _once(call: Callable[[], object]) -> float:
    return statistics.median(measure(call, 3))


def _judge(engine: Engine) -> None:
    engine.judge(request(), passes=False)


def _compile(policies: list[JsonObject]) -> Engine:
    return Engine.compile(read_policy(each) for each in policies)


def _other(count: int) -> list[JsonObject]:
    return [policy(f"o{i}", [{"cel": "true"}], group=f"g{i}.example.com") for i in range(count)]


def _same(count: int) -> list[JsonObject]:
    return [policy(f"o{i}", [{"cel": f"object.spec.replicas < {i + 10}"}]) for i in range(count)]
