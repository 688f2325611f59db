"""What the engine says of a request, and what the door makes of it: whether it may pass, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from auditor.engine.engine import Engine
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.request import Request
from auditor.model.world import EVERYTHING, Narrowing, Objects
from auditor.webhooks.snapshot import Settings


class Outcome(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"
    PATCHED = "patched"
    ERRORED = "errored"
    """It could not be judged at all; whether it passes the failurePolicy says."""


class Fault(StrEnum):
    """Why something could not be judged at all."""

    NONE = ""
    REQUEST = "request"
    """It is not what an API server asks."""
    CLUSTER = "cluster"
    """What it rests on could not be read there, or not in time."""
    INTERNAL = "internal"
    """A mistake of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    allowed: bool
    findings: Sequence[Finding] = ()
    """Without what passed."""
    warnings: Sequence[str] = ()
    patch: Sequence[JsonObject] = ()
    applied: Sequence[tuple[str, str]] = ()
    """(policy, mutation) of those that changed something."""
    broke_glass: bool = False
    """It would have been refused, but for who asked."""
    error: str = ""
    """Why it could not be judged."""
    fault: Fault = Fault.NONE

    @property
    def outcome(self) -> Outcome:
        if self.error:
            return Outcome.ERRORED
        if not self.allowed:
            return Outcome.DENIED
        return Outcome.PATCHED if self.patch else Outcome.ALLOWED

    @property
    def plain(self) -> bool:
        """There is nothing to tell of it."""
        return self.allowed and not (self.findings or self.patch or self.warnings or self.error or self.broke_glass)


def validate(engine: Engine, request: Request) -> Judgement:
    verdict = engine.judge(request, passes=False)
    return Judgement(allowed=verdict.allowed, findings=verdict.findings, warnings=verdict.warnings)


def mutate(engine: Engine, request: Request) -> Judgement:
    """What it becomes is not judged here: the API server asks for that when all webhooks have mutated."""
    mutated = engine.mutate(request)
    warnings = [
        f"{each.policy}: {each.message}" for each in mutated.findings if each.result is Result.ERROR and not each.blocks
    ]
    return Judgement(
        allowed=mutated.allowed,
        findings=mutated.findings,
        warnings=warnings,
        patch=mutated.patch,
        applied=mutated.applied if mutated.patch else (),
    )


def fail(error: str, *, closed: bool, fault: Fault) -> Judgement:
    """It could not be judged: the failurePolicy decides, and an error is never silent."""
    if closed:
        return Judgement(allowed=False, error=error, fault=fault)
    warning = f"admitted without being judged (failurePolicy Ignore): {error}"
    return Judgement(allowed=True, error=error, fault=fault, warnings=(warning,))


def break_glass(judgement: Judgement, request: Request | None, settings: Settings) -> Judgement:
    """Members of the group that breaks the glass pass in any case; what would have stopped them is kept."""
    group = settings.break_glass_group
    if judgement.allowed or not group or request is None or request.user is None or group not in request.user.groups:
        return judgement
    return replace(judgement, allowed=True, broke_glass=True)


class Noted:
    """Objects for lookups that remember whether somebody asked for them: then the verdict rests on them."""

    __slots__ = ("_objects", "asked")

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.asked = False

    def of_kind(self, api_version: str, kind: str) -> Sequence[JsonObject] | None:
        self.asked = True
        return self._objects.of_kind(api_version, kind)

    def of_resource(self, group: str, resource: str, narrowing: Narrowing = EVERYTHING) -> Sequence[JsonObject] | None:
        self.asked = True
        return self._objects.of_resource(group, resource, narrowing)
