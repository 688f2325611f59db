"""What the real API server said of many expressions (see tests/cluster/cel/record.py), and how to compare with it."""

import json
import math
from functools import cache
from pathlib import Path

from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.languages import cel
from auditor.languages.cel.differences import DIFFERENCES, Here

FILE = Path(__file__).parent / "kubernetes.json"
SCOPE = cel.admission_scope()
REQUEST: JsonObject = {
    "kind": {"group": "cel.example.com", "version": "v1", "kind": "Thing"},
    "resource": {"group": "cel.example.com", "version": "v1", "resource": "things"},
    "requestKind": {"group": "cel.example.com", "version": "v1", "kind": "Thing"},
    "requestResource": {"group": "cel.example.com", "version": "v1", "resource": "things"},
    "name": "thing",
    "namespace": "default",
    "operation": "CREATE",
    "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"], "extra": {"a": ["b"]}},
    "dryRun": True,
    "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"]},
}
NAMESPACE: JsonObject = {
    "metadata": {
        "name": "default",
        "labels": {"kubernetes.io/metadata.name": "default"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
    },
    "spec": {"finalizers": ["kubernetes"]},
    "status": {"phase": "Active"},
}


class Administrator(dict[cel.Question, cel.Answer]):
    """May do everything, like the user who asked the server."""

    def get(self, key: cel.Question, default: Json = None) -> cel.Answer:
        return cel.Answer(allowed=True)


@cache
def load() -> JsonObject:
    recorded: JsonObject = json.loads(FILE.read_text())
    return recorded


@cache
def bindings() -> cel.Bindings:
    resource = cel.ResourceCheck(cel.Question(group="cel.example.com", resource="things"))
    return cel.Bindings(
        object={**load()["object"], "out": {}},
        oldObject=None,
        request=REQUEST,
        namespaceObject=NAMESPACE,
        authorizer=cel.Answers(Administrator(), resource),
    )


def is_same(ours: Json, theirs: Json) -> bool:
    """JSON from Go has no difference between 1 and 1.0."""
    match ours, theirs:
        case dict(), dict():
            return bool(ours.keys() == theirs.keys() and all(is_same(ours[k], theirs[k]) for k in ours))
        case list(), list():
            return len(ours) == len(theirs) and all(map(is_same, ours, theirs))
        case bool(), _:
            return ours is theirs
        case int() | float(), int() | float():
            return not isinstance(theirs, bool) and math.isclose(ours, theirs, rel_tol=1e-15)
        case _:
            return bool(ours == theirs)


def complaint(expression: str, answer: JsonObject) -> str:
    """How ours differs; nothing if it does not."""
    found = compare(expression, answer)
    expected = {d.example: d.here for d in DIFFERENCES}.get(expression)
    if found is None:
        return f"{expression}: no difference any more" if expected else ""
    return "" if found[0] == expected else f"{expression}: {found[0]}: {found[1]}"


def compare(expression: str, answer: JsonObject) -> tuple[Here, str] | None:
    try:
        program = cel.compile(expression, SCOPE, cel.ANY)
    except CompileError as error:
        return None if answer.get("refused") else (Here.REFUSED, f"{error} (there: {answer})")
    if answer.get("refused"):
        return Here.ACCEPTED, ""
    outcome = program.run(bindings())
    if "value" not in answer:
        return None if outcome.error else (Here.VALUE, f"{outcome.value!r}, there it is an error")
    if outcome.error is not None:
        return Here.ERROR, f"{outcome.error} (there: {answer['value']!r})"
    return (
        None if is_same(outcome.value, answer["value"]) else (Here.VALUE, f"{outcome.value!r}, not {answer['value']!r}")
    )


def is_validation(expression: str) -> bool:
    try:
        cel.compile(expression, SCOPE, cel.BOOL)
    except CompileError:
        return False
    return True
