"""Writes down what the real API server says of all expressions: `python -m tests.cluster.cel.record`."""

import contextlib
import json
from pathlib import Path

from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.cel.server import Server
from tests.cluster.oracle import Oracle

EXPRESSIONS = Path(__file__).parent / "expressions.txt"
RECORDED = Path(__file__).parents[2] / "unit" / "languages" / "cel" / "kubernetes.json"

THING: JsonObject = {
    "apiVersion": "cel.example.com/v1",
    "kind": "Thing",
    "metadata": {"name": "thing", "namespace": "default"},
    "int": 7,
    "double": 2.5,
    "whole": 3.0,
    "big": 18446744073709551616,
    "large": 9223372036854775807,
    "string": "abc",
    "time": "2020-01-01T00:00:00Z",
    "nothing": None,
    "list": [3, 1, 2],
    "doubles": [1.5, 2.5],
    "empty": [],
    "strings": ["a", "b", "c"],
    "mixed": [1, "a"],
    "nested": {"a": {"b": "c"}},
    "objects": [{"name": "x", "value": 1}, {"name": "y", "value": 2}, {"name": "z"}],
    "labels": {"app.kubernetes.io/name": "n"},
    "quantity": "2Gi",
    "resources": ["1Gi", "500m"],
    "ip": "127.0.0.1",
    "a-b": 1,
    "spec": {},
}


def sections() -> dict[str, list[str]]:
    """The expressions by the headings in their file."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in EXPRESSIONS.read_text().splitlines():
        if line.startswith("# "):
            heading = line.removeprefix("# ")
        elif line:
            found.setdefault(heading, []).append(line)
    return found


def ask(server: Server) -> dict[str, JsonObject]:
    """For each expression: refused, an error or a value, and whether it can be a validation."""
    expressions = [e for each in sections().values() for e in each]
    refused = server.refused(expressions)
    compiling = [e for e in expressions if e not in refused]
    no_validations = server.refused(compiling, as_validations=True)
    values = server.evaluate(compiling, THING)
    answers: dict[str, JsonObject] = {e: {"refused": True} for e in refused}
    for expression in compiling:
        outcome: dict[str, Json] = {"value": values[expression]} if expression in values else {"error": True}
        answers[expression] = {**outcome, "bool": expression not in no_validations}
    return answers


def main() -> None:
    with Sandbox.start() as sandbox:
        with contextlib.closing(Oracle(sandbox)) as oracle:
            answers = ask(Server(oracle))
        recorded = {
            "kubernetes": sandbox.record.version,
            "object": THING,
            "sections": {heading: {e: answers[e] for e in expressions} for heading, expressions in sections().items()},
        }
    lines = json.dumps(recorded, ensure_ascii=False, indent=1)
    RECORDED.write_text(f"{lines}\n")


if __name__ == "__main__":
    main()
