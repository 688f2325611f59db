"""Admissions that the door has logged, judged again by candidate policies: what would have been refused."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import orjson

from auditor.dataclass import dataclass
from auditor.engine.engine import Engine
from auditor.errors import AuditorError, InputError
from auditor.intake.door import judge_as_door
from auditor.json import Json, JsonObject
from auditor.model.finding import Result
from auditor.model.policy import Enforcement
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Origin, Request, User
from auditor.model.world import EVERYTHING, Narrowing, World

EXAMPLES: Final = 20
_SEEN: Final = "validate"
"""Webhooks of this beginning judge objects as they are to be stored; those that mutate saw them before that."""


class Resources(Protocol):
    def find(self, kind: GroupVersionKind) -> tuple[str, bool | None]:
        """The plural name, and whether it is namespaced."""


@dataclass(frozen=True, slots=True)
class Refusal:
    time: str
    operation: str
    user: str
    kind: str
    namespace: str
    name: str
    policies: tuple[str, ...]
    message: str


@dataclass(slots=True)
class Replay:
    decisions: int = 0
    """That were judged again, each request once."""
    refused: int = 0
    """That were admitted and would be refused."""
    admitted: int = 0
    """That policies of these names refused, and would be admitted by them."""
    warned: int = 0
    errors: int = 0
    """In which a rule could not be evaluated."""
    redacted: int = 0
    """With values that the log does not show: what rules say of those may be wrong."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Lines that cannot be judged again, by the reason."""
    by_policy: Counter[str] = field(default_factory=Counter)
    examples: list[Refusal] = field(default_factory=list)

    @property
    def incomplete(self) -> bool:
        return self.errors > 0 or UNREADABLE in self.skipped


WITHOUT_OBJECT: Final = "without the object: too large for the log, or there was none"
MUTATING: Final = "of a mutating webhook: the object was not as it was stored"
DRY: Final = "a dry run"
TWICE: Final = "of a request that is in the log already"
UNREADABLE: Final = "no line of a decision log"


class GivenOnly:
    """Objects for params beside the policies. Of all others nothing is known: never to be taken for none."""

    def __init__(self, things: Iterable[JsonObject]) -> None:
        self._things: dict[tuple[str, str], list[JsonObject]] = {}
        for thing in things:
            self._things.setdefault((str(thing["apiVersion"]), str(thing["kind"])), []).append(thing)

    def of_kind(self, api_version: str, kind: str) -> Sequence[JsonObject] | None:
        return self._things.get((api_version, kind))

    def of_resource(self, group: str, resource: str, narrowing: Narrowing = EVERYTHING) -> Sequence[JsonObject] | None:
        return None


def read_log(path: str) -> Iterator[Json]:
    """None for lines that are no JSON. Raises InputError."""
    try:
        with Path(path).open("rb") as file:
            for line in file:
                if line.strip():
                    try:
                        yield orjson.loads(line)
                    except orjson.JSONDecodeError:
                        yield None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def find_denied(lines: Iterable[Json]) -> dict[str, set[str]]:
    """The policies that refused each request: one request has a line for each webhook that was asked."""
    found: dict[str, set[str]] = {}
    for line in lines:
        if isinstance(line, dict) and line.get("allowed") is False and isinstance(line.get("uid"), str):
            findings = [each for each in line.get("findings") or () if isinstance(each, dict)]
            blocking = {str(each.get("policy")) for each in findings if each.get("blocks") is True}
            found.setdefault(line["uid"], set()).update(blocking)
    return found


def replay(
    lines: Iterable[Json],
    engine: Engine,
    *,
    denied: Mapping[str, set[str]],
    world: World,
    namespaces: Mapping[str, JsonObject],
    resources: Resources,
    time: datetime,
) -> Replay:
    """The world is that of now: namespaces and lookups may have been others then. `denied` as `find_denied` has it."""
    found = Replay()
    seen: set[str] = set()
    names = {each.policy.name for each in engine.policies}
    for line in lines:
        reason = _find_obstacle(line, seen)
        if reason:
            found.skipped[reason] += 1
            continue
        seen.add(line["uid"])
        try:
            request = _read(line, world=world, namespaces=namespaces, resources=resources, time=time)
            verdict = judge_as_door(engine, request, passes=False)
        except (AuditorError, KeyError, TypeError, ValueError, AttributeError):
            found.skipped[UNREADABLE] += 1
            continue
        found.decisions += 1
        found.redacted += b'"(redacted)"' in orjson.dumps([line.get("object"), line.get("oldObject")])
        found.errors += any(each.result is Result.ERROR for each in verdict.findings)
        found.warned += any(
            Enforcement.WARN in e.enforcements and e.result is not Result.SKIP for e in verdict.findings
        )
        blocking = [each for each in verdict.findings if each.blocks]
        if blocking and line["uid"] not in denied:
            found.refused += 1
            policies = tuple(dict.fromkeys(each.policy for each in blocking))
            found.by_policy.update(policies)
            if len(found.examples) < EXAMPLES:
                found.examples.append(_describe(line, policies, blocking[0].message))
        elif not blocking and names & denied.get(line["uid"], set()):
            found.admitted += 1
    return found


def _find_obstacle(line: Json, seen: set[str]) -> str:
    if not isinstance(line, dict) or not isinstance(line.get("uid"), str) or not isinstance(line.get("webhook"), str):
        return UNREADABLE
    if not line["webhook"].startswith(_SEEN):
        return MUTATING
    if line.get("dryRun") is True:
        return DRY
    if line["uid"] in seen:
        return TWICE
    if line.get("object") is None and line.get("oldObject") is None:
        return WITHOUT_OBJECT
    return ""


def _read(
    line: JsonObject,
    *,
    world: World,
    namespaces: Mapping[str, JsonObject],
    resources: Resources,
    time: datetime,
) -> Request:
    group, _, version = line["apiVersion"].rpartition("/")
    kind = GroupVersionKind(group, version, line["kind"])
    plural, namespaced = resources.find(kind)
    namespace = line.get("namespace") or ""
    return Request(
        operation=Operation(line["operation"]),
        kind=kind,
        resource=GroupVersionResource(group, version, plural),
        object=line.get("object"),
        old_object=line.get("oldObject"),
        subresource=line.get("subresource") or "",
        name=line.get("name") or "",
        namespace=namespace,
        namespaced=namespaced,
        user=User(username=line.get("user") or "", groups=tuple(line.get("groups") or ())),
        origin=Origin.DOOR,
        namespace_object=namespaces.get(namespace) if namespace else None,
        world=world,
        time=time,
    )


def _describe(line: JsonObject, policies: tuple[str, ...], message: str) -> Refusal:
    said = {name: str(line.get(name) or "") for name in ("time", "operation", "user", "kind", "namespace", "name")}
    return Refusal(**said, policies=policies, message=message)
