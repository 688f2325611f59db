"""MutatingAdmissionPolicies: the object that comes out, or why none does, beside the real API server's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from auditor.engine.engine import Engine
from auditor.engine.native import say_denials
from auditor.json import Json, JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request
from auditor.model.world import World
from tests.cluster.native.asker import GROUP, LABEL, NAMESPACE, Asker, Question, Reply, install_crd, make_crd
from tests.cluster.native.compare import compile_things, make_request, make_world, same_words
from tests.cluster.native.mutating import CASES, SCHEMA, SPECS, Case, make_things
from tests.cluster.native.validating import PARAMS

KINDS = {"mutants": "Mutant", "things": "Thing"}
RESOURCES = {plural: GroupVersionResource(GROUP, "v1", plural) for plural in KINDS}
# Refused with another code and other words, for the same reason: see the differences.
OTHERWISE_REFUSED = {
    "apply-list-without-key",
    "patch-kind",
    "patch-version",
    "patch-no-kind",
    "patch-namespace",
    "apply-namespace",
    "patch-no-metadata",
    "patch-list",
    "patch-text",
}
REFUSED_UPDATES = {"patch-uid"}


def make_thing(name: str, case: str, plural: str, spec: Json) -> JsonObject:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {LABEL: case}}
    return {"apiVersion": f"{GROUP}/v1", "kind": KINDS[plural], "metadata": metadata, "spec": spec}


def path_of(plural: str) -> str:
    return f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/{plural}"


@dataclass(frozen=True)
class Server:
    asker: Asker
    engine: Engine
    world: World
    namespace: JsonObject
    stored: dict[str, JsonObject]


@pytest.fixture(scope="module")
def server(asker: Asker) -> Iterator[Server]:
    install_crd(asker, make_crd(SCHEMA, plural="mutants", kind="Mutant"))
    for each in PARAMS[:3]:
        asker.ask("POST", f"/api/v1/namespaces/{each['metadata']['namespace']}/configmaps", each)
    stored = {}
    for plural in KINDS:
        asker.ask("POST", path_of(plural), make_thing("stored", "none", plural, {"s": "before"}))
        stored[plural] = asker.ask("GET", f"{path_of(plural)}/stored").body
    things = make_things()
    try:
        asker.install(things)
        marker = make_thing("marker", "marker", "mutants", {})
        # Its apply configuration works when the server has read the schema of the kind, too.
        asker.wait(
            Question("POST", f"{path_of('mutants')}?dryRun=All", marker),
            lambda reply: reply.allowed and reply.body["spec"].get("s") == "marked",
        )
        schema = StructuralSchema.compile(SCHEMA)
        yield Server(
            asker,
            replace(compile_things(things), schemas={RESOURCES["mutants"]: schema}),
            make_world(PARAMS),
            asker.ask("GET", f"/api/v1/namespaces/{NAMESPACE}").body,
            stored,
        )
    finally:
        asker.uninstall(things)


def view(thing: JsonObject) -> JsonObject:
    """What a mutation can change; what the server sets by itself is left out."""
    metadata = {key: (thing.get("metadata") or {}).get(key) for key in ("name", "labels", "annotations", "finalizers")}
    return {"metadata": metadata, **{key: value for key, value in thing.items() if key != "metadata"}}


def request_of(server: Server, case: Case, thing: JsonObject, old: JsonObject | None) -> Request:
    schema = server.engine.schemas.get(RESOURCES[case.plural])
    asked = make_request(
        Operation.UPDATE if old else Operation.CREATE,
        schema.receive(thing).object if schema else thing,
        old=old,
        world=server.world,
        namespace_object=server.namespace,
    )
    kind = GroupVersionKind(GROUP, "v1", KINDS[case.plural])
    return replace(asked, kind=kind, resource=RESOURCES[case.plural])


def compare(server: Server, case: Case, reply: Reply, thing: JsonObject, old: JsonObject | None) -> str:
    schema = server.engine.schemas.get(RESOURCES[case.plural])
    mutated = server.engine.mutate(request_of(server, case, thing, old))
    denials = [(int(each.code), each.reason, each.message) for each in say_denials(mutated.findings)]
    if not reply.allowed and not denials:
        refused = schema is not None and reply.code == 422 and schema.validate(mutated.object, old)
        return "" if refused else f"theirs {reply.code} {reply.message}\n  ours {view(mutated.object)}"
    if denials:
        theirs = (reply.code, reply.reason, reply.message)
        equal = any(theirs[:2] == each[:2] and same_words(theirs[2], each[2]) for each in denials)
        return "" if equal else f"theirs {theirs}\n  ours   {denials}"
    theirs_made, ours_made = view(reply.body), view(mutated.object)
    return "" if theirs_made == ours_made else f"theirs {theirs_made}\n  ours   {ours_made}"


def check(server: Server, questions: list[tuple[Case, JsonObject, JsonObject | None]]) -> None:
    asked = [
        Question("PUT", f"{path_of(case.plural)}/{thing['metadata']['name']}?dryRun=All", thing)
        if old
        else Question("POST", f"{path_of(case.plural)}?dryRun=All", thing)
        for case, thing, old in questions
    ]
    differences = []
    for reply, (case, thing, old) in zip(server.asker.ask_all(asked), questions, strict=True):
        if case.name in OTHERWISE_REFUSED or (old and case.name in REFUSED_UPDATES):
            mutated = server.engine.mutate(request_of(server, case, thing, old))
            assert not reply.allowed, case.name
            assert not mutated.allowed, case.name
            continue
        difference = compare(server, case, reply, thing, old)
        if difference:
            differences.append(f"{case.name} {thing['spec']}:\n  {difference}")
    assert not differences, f"{len(differences)} of {len(questions)}:\n" + "\n".join(differences[:10])


def test_creations(server: Server) -> None:
    check(
        server,
        [
            (case, make_thing(f"new-{i}", case.name, case.plural, spec), None)
            for case in CASES
            for i, spec in enumerate(SPECS[case.plural])
        ],
    )


def test_updates(server: Server) -> None:
    questions: list[tuple[Case, JsonObject, JsonObject | None]] = []
    for case in CASES:
        old = server.stored[case.plural]
        metadata = {**old["metadata"], "labels": {LABEL: case.name}}
        # A name that changes is another object's: the server answers that before anything else.
        if "rename" not in case.name and case.name != "apply-name":
            questions.append((case, {**old, "metadata": metadata, "spec": {"s": "after", "n": 4}}, old))
    check(server, questions)
