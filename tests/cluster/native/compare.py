"""Our answer to a question, in the words of the API server."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from auditor.engine.engine import Engine
from auditor.engine.native import NativeObjects, say_denials
from auditor.engine.native.differences import WORDINGS
from auditor.json import JsonObject
from auditor.model.match import Kinds
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request, User
from auditor.model.world import Given, World
from tests.cluster.native.asker import GROUP, NAMESPACE, Reply

USER = User(username="auditor-sandbox-admin", groups=("system:masters", "system:authenticated"))
RESOURCE = GroupVersionResource(GROUP, "v1", "things")


def compile_things(things: Iterable[JsonObject]) -> Engine:
    native = NativeObjects()
    for thing in things:
        assert native.take(thing)
    policies, mistakes = native.policies()
    assert not [m for m in mistakes if not m.warning], "\n".join(map(str, mistakes))
    return Engine.compile(policies)


def make_world(objects: Sequence[JsonObject]) -> World:
    by_kind: dict[tuple[str, str], list[JsonObject]] = {}
    for each in objects:
        by_kind.setdefault((each["apiVersion"], each["kind"]), []).append(each)
    return World(objects=Given(by_kind), kinds=Kinds(scopes={(GROUP, "Thing"): True}))


def make_request(
    operation: Operation,
    thing: JsonObject | None,
    *,
    old: JsonObject | None = None,
    world: World,
    namespace_object: JsonObject,
) -> Request:
    name = (thing or old or {})["metadata"].get("name", "")
    return Request(
        operation=operation,
        kind=GroupVersionKind(GROUP, "v1", "Thing"),
        resource=RESOURCE,
        object=thing,
        old_object=old,
        name=name,
        namespace=NAMESPACE,
        namespaced=True,
        user=USER,
        dry_run=True,
        options={"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        namespace_object=namespace_object,
        world=world,
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )


def compare(reply: Reply, engine: Engine, request: Request) -> str:
    """What differs; empty where nothing does, or no more than the words for an error."""
    verdict = engine.judge(request)
    prefix = f'things.{GROUP} "{request.name}" is forbidden: '
    ours = {(d.code, d.reason, prefix + d.message) for d in say_denials(verdict.findings)}
    theirs = (reply.code, reply.reason, reply.message)
    if reply.allowed != (not ours) or (ours and not any(_same(theirs, each) for each in ours)):
        return f"theirs {theirs}\n  ours   {sorted(ours)}"
    warned = list(dict.fromkeys(verdict.warnings))
    pairs = zip(sorted(reply.warnings), sorted(warned), strict=False)  # several params come in any order
    if len(warned) != len(reply.warnings) or not all(same_words(*pair) for pair in pairs):
        return f"theirs {reply.warnings}\n  ours   {warned}"
    return ""


def _same(theirs: tuple[int, str, str], ours: tuple[int, str, str]) -> bool:
    return theirs[:2] == ours[:2] and same_words(theirs[2], ours[2])


def same_words(theirs: str, ours: str) -> bool:
    """But for errors that are known to read otherwise."""
    if theirs == ours:
        return True
    for separator in ("' resulted in error: ", " denied request: "):
        what, found, why = theirs.partition(separator)
        our_what, _, our_why = ours.partition(separator)
        if found and what == our_what:
            why, our_why = why.removeprefix(_variable(why)), our_why.removeprefix(_variable(our_why))
            return any(
                re.fullmatch(w.server, why, re.DOTALL) and re.fullmatch(w.ours, our_why, re.DOTALL) for w in WORDINGS
            )
    return False


def _variable(text: str) -> str:
    match = re.match(r'(composited variable "\w+" fails to evaluate: )*', text)
    return match[0] if match else ""
