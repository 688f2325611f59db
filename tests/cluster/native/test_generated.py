"""Generated expressions on generated objects: each holds, is violated or errs as on the real API server."""

from auditor.engine.engine import Engine
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.request import Operation, Request
from tests.cluster.native.asker import GROUP, LABEL, NAMESPACE, OBJECTS, Asker, Question, Reply
from tests.cluster.native.compare import compile_things, make_request, make_world, same_words
from tests.cluster.native.expressions import BOOLEANS
from tests.cluster.native.generate import generate, specs
from tests.cluster.native.test_refusals import refused
from tests.cluster.native.validating import Case, make_things

EXPRESSIONS = 120
# Of two errors in one expression the server may tell the other; then only the kind of result is compared.
SAME_WORDS = 0.9


def make_thing(name: str, case: str, spec: JsonObject) -> JsonObject:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {LABEL: case}}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": metadata, "spec": spec}


def classify(warnings: tuple[str, ...]) -> str:
    if not warnings:
        return "pass"
    return "error" if ": expression '" in warnings[0] else "fail"


def judge(engine: Engine, request: Request) -> str:
    (finding,) = engine.judge(request).findings
    return {Result.PASS: "pass", Result.ERROR: "error"}.get(finding.result, "fail")


def test_generated_expressions(asker: Asker) -> None:
    texts = list(dict.fromkeys(generate(BOOLEANS, EXPRESSIONS)))
    actions: JsonObject = {"validationActions": ["Warn"]}
    cases = [
        Case(f"generated-{i}", {"validations": [{"expression": text}]}, (actions,)) for i, text in enumerate(texts)
    ]
    marker = Case("generated-marker", {"validations": [{"expression": "false"}]})
    wrong = refused(asker, [make_things((case,))[0] for case in cases])
    accepted = [case for case in cases if f"native-{case.name}" not in wrong]
    things = make_things((*accepted, marker))
    try:
        asker.install(things)
        probe = make_thing("marker", marker.name, {})
        asker.wait(Question("POST", f"{OBJECTS}?dryRun=All", probe), lambda reply: not reply.allowed)
        pairs = [(case, make_thing(f"new-{i}", case.name, s)) for case in accepted for i, s in enumerate(specs(6))]
        replies = asker.ask_all(Question("POST", f"{OBJECTS}?dryRun=All", thing) for _, thing in pairs)
        namespace = asker.ask("GET", f"/api/v1/namespaces/{NAMESPACE}").body
    finally:
        asker.uninstall(things)
    engine, world = compile_things(things), make_world([])
    differences: list[str] = []
    words: list[bool] = []
    for (case, thing), reply in zip(pairs, replies, strict=True):
        request = make_request(Operation.CREATE, thing, world=world, namespace_object=namespace)
        ours, theirs = judge(engine, request), classify(reply.warnings)
        if ours != theirs:
            text = case.spec["validations"][0]["expression"]
            differences.append(f"{text} on {thing['spec']}: theirs {theirs} {reply.warnings}, ours {ours}")
        elif ours == "error":
            words.append(equal_words(engine, request, reply))
    assert not differences, f"{len(differences)} of {len(pairs)}:\n" + "\n".join(differences[:10])
    assert sum(words) / len(words) > SAME_WORDS, f"{sum(words)} of {len(words)}"


def equal_words(engine: Engine, request: Request, reply: Reply) -> bool:
    return same_words(reply.warnings[0], engine.judge(request).warnings[0])
