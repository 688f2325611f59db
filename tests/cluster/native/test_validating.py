"""ValidatingAdmissionPolicies: our verdict, message, reason, code and warnings beside those of the real API server."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from auditor.engine.engine import Engine
from auditor.json import Json, JsonObject
from auditor.model.request import Operation
from auditor.model.world import World
from tests.cluster.native.asker import GROUP, LABEL, NAMESPACE, OBJECTS, Asker, Question
from tests.cluster.native.compare import compare, compile_things, make_request, make_world
from tests.cluster.native.generate import specs
from tests.cluster.native.validating import CASES, PARAMS, make_things

GENERATED = 12
OLD: tuple[JsonObject, ...] = ({}, {"n": 5, "s": "prod"}, {"n": None, "s": "a"})


def make_thing(name: str, case: str, spec: Json) -> JsonObject:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {LABEL: case}}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": metadata, "spec": spec}


@dataclass(frozen=True)
class Server:
    asker: Asker
    engine: Engine
    world: World
    namespace: JsonObject
    old: tuple[JsonObject, ...]
    doomed: tuple[JsonObject, ...]
    """Those to ask about updates and about deletions."""


@pytest.fixture(scope="module")
def server(asker: Asker) -> Iterator[Server]:
    places = {"ConfigMap": "/api/v1/namespaces/{}/configmaps", "Thing": OBJECTS}
    for each in PARAMS:
        place = places.get(each["kind"], "/apis/rbac.authorization.k8s.io/v1/clusterroles")
        asker.ask("POST", place.format(each["metadata"].get("namespace")), each)
    made = [make_thing(f"old-{i}", "none", spec) for i, spec in enumerate(OLD)]
    made += [make_thing(f"doomed-{i}", "on-delete", spec) for i, spec in enumerate(OLD)]
    for each in made:
        asker.ask("POST", OBJECTS, each)
    stored = [asker.ask("GET", f"{OBJECTS}/{each['metadata']['name']}").body for each in made]
    things = make_things()
    try:
        asker.install(things)
        marker = make_thing("marker", "binding-here", {})
        asker.wait(Question("POST", f"{OBJECTS}?dryRun=All", marker), lambda reply: not reply.allowed)
        yield Server(
            asker,
            compile_things(things),
            make_world(PARAMS),
            asker.ask("GET", f"/api/v1/namespaces/{NAMESPACE}").body,
            tuple(stored[: len(OLD)]),
            tuple(stored[len(OLD) :]),
        )
    finally:
        asker.uninstall(things)


def check(server: Server, questions: list[tuple[Operation, JsonObject | None, JsonObject | None]]) -> None:
    asked = []
    for operation, thing, old in questions:
        name = (thing or old or {})["metadata"]["name"]
        path = OBJECTS if operation is Operation.CREATE else f"{OBJECTS}/{name}"
        method = {Operation.CREATE: "POST", Operation.UPDATE: "PUT"}.get(operation, "DELETE")
        asked.append(Question(method, f"{path}?dryRun=All", thing))
    differences = []
    for reply, (operation, thing, old) in zip(server.asker.ask_all(asked), questions, strict=True):
        request = make_request(operation, thing, old=old, world=server.world, namespace_object=server.namespace)
        difference = compare(reply, server.engine, request)
        if difference:
            labels, spec = (thing or old or {})["metadata"]["labels"], (thing or old or {}).get("spec")
            differences.append(f"{labels[LABEL]} {operation} {spec}:\n  {difference}")
    assert not differences, f"{len(differences)} of {len(questions)}:\n" + "\n".join(differences[:10])


def test_creations(server: Server) -> None:
    check(
        server,
        [
            (Operation.CREATE, make_thing(f"new-{i}", case.name, spec), None)
            for case in CASES
            for i, spec in enumerate(specs(GENERATED))
        ],
    )


def test_updates(server: Server) -> None:
    questions: list[tuple[Operation, JsonObject | None, JsonObject | None]] = []
    for case in CASES:
        for old, spec in zip(server.old, ({"n": 3, "s": "prod"}, {"n": 4, "s": "b"}, {}), strict=True):
            metadata = {**old["metadata"], "labels": {LABEL: case.name}}
            questions.append((Operation.UPDATE, {**old, "metadata": metadata, "spec": spec}, old))
    check(server, questions)


def test_deletions(server: Server) -> None:
    check(server, [(Operation.DELETE, None, old) for old in server.doomed])
