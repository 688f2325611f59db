"""A mutation in force would still change the stored object: it came in before the mutation did, or past the door."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from auditor.checks.door import is_left_alone
from auditor.checks.notes import Notes
from auditor.checks.stored import Stored
from auditor.engine.compile import needs_user
from auditor.engine.compiled import CompiledMutation, CompiledPolicy
from auditor.engine.engine import Engine
from auditor.engine.patch import diff
from auditor.errors import AuditorError
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.request import GroupVersionKind, GroupVersionResource, Request

NEEDS_USER: Final = "mutations that ask for the user cannot be asked of a stored object"
MAX_NAMED: Final = 10
"""Paths that one message names."""


def find_unmutated(stored: Stored, notes: Notes) -> None:
    request = stored.request
    found = stored.engine.index.find(request.resource, request.world.kinds)
    policies = every = [policy for _, policy in found if policy.mutations]
    if not policies:
        return
    if is_left_alone(request):  # the API server evaluates native policies there all the same
        policies = [policy for policy in policies if policy.policy.native]
    by_version: dict[str, list[CompiledPolicy]] = {}
    for policy in policies:
        able = _without_user(policy)
        if len(able.mutations) < len(policy.mutations):
            notes.gap(NEEDS_USER)
        if able.mutations:
            by_version.setdefault(_wanted_version(able, request), []).append(able)
    for version, wanting in by_version.items():
        try:
            there = _in_version(stored, version)
        except AuditorError as error:
            for policy in wanting:
                notes.error(f"{policy.policy.name}/mutate", str(error))
            continue
        # Mostly all of them as they are, and then there is an engine.
        engine = stored.engine if there is request and wanting == every else _engine_of(stored, wanting)
        _ask(stored, notes, engine, wanting, there)


def _without_user(policy: CompiledPolicy) -> CompiledPolicy:
    if policy.conditions_need_user:
        return replace(policy, mutations=())
    if not any(map(_needs_user, policy.mutations)):
        return policy
    return replace(policy, mutations=tuple(each for each in policy.mutations if not _needs_user(each)))


def _needs_user(mutation: CompiledMutation) -> bool:
    if mutation.cel is not None:
        return needs_user(mutation.cel)
    return mutation.jq is not None and "request" in mutation.jq.uses and "userInfo" in str(mutation.mutation.body)


def _wanted_version(policy: CompiledPolicy, request: Request) -> str:
    """That of the policy's own match, the first; the request's own where it does not match."""
    matched = policy.matches[0](request, request.world.kinds) if policy.matches else None
    return matched.kind.version if matched and matched.matched and matched.kind else request.kind.version


def _in_version(stored: Stored, version: str) -> Request:
    request = stored.request
    kind, resource = request.kind, request.resource
    if version == kind.version or request.object is None:
        return request
    if stored.ways is None:
        raise AuditorError(f"the policy wants {version}, the object is {kind.version}, and no Conversion leads there")
    return replace(
        request,
        object=stored.ways.convert(request.object, kind, version),
        kind=GroupVersionKind(kind.group, version, kind.kind),
        resource=GroupVersionResource(resource.group, version, resource.resource),
        request_kind=kind,
        request_resource=resource,
    )


def _engine_of(stored: Stored, policies: Sequence[CompiledPolicy]) -> Engine:
    return Engine.of(policies, schemas=stored.engine.schemas)


def _ask(stored: Stored, notes: Notes, engine: Engine, policies: Sequence[CompiledPolicy], request: Request) -> None:
    mutated = engine.mutate(request)
    for finding in mutated.findings:
        if finding.result is Result.ERROR:
            notes.error(f"{finding.policy}/mutate", finding.message)
    if not mutated.applied or not _differences(stored, request, mutated.object):
        return
    for policy, mutation in mutated.applied:
        paths = _paths_of(stored, request, policies, (policy, mutation), alone=len(mutated.applied) == 1)
        if paths == []:
            continue  # what it changes the defaults of the CRD change back
        where = "the object, after what the other mutations make of it" if paths is None else _name(paths)
        notes.fail(
            f"{policy}/{mutation}",
            f"the mutation {policy}/{mutation} would still change {where}",
            path=paths[0] if paths and len(paths) == 1 else "",
            distinct="/",  # which paths it would change is no part of what it is
            remediation="Write the object anew, unchanged: the mutation is then applied at the door. Where it is not,"
            " look whether the webhook is called.",
        )


def _paths_of(
    stored: Stored, request: Request, policies: Iterable[CompiledPolicy], applied: tuple[str, str], *, alone: bool
) -> list[str] | None:
    """What this mutation changes in the object as it is, without the others; None: without them it does nothing."""
    chosen = policies if alone else [_only(policy, applied) for policy in policies if policy.policy.name == applied[0]]
    mutated = _engine_of(stored, list(chosen)).mutate(request)
    return _differences(stored, request, mutated.object) if mutated.applied else None


def _only(policy: CompiledPolicy, applied: tuple[str, str]) -> CompiledPolicy:
    return replace(policy, mutations=tuple(each for each in policy.mutations if each.mutation.name == applied[1]))


def _differences(stored: Stored, request: Request, after: JsonObject) -> list[str]:
    """The paths that would be stored differently: after defaults, without what the server drops."""
    schema = stored.engine.schemas.get(request.resource) or (stored.schema if request is stored.request else None)
    if schema is not None:
        after = schema.receive(after).object
    status_apart = stored.facts is not None and stored.facts.status_subresource
    paths = [str(each["path"]) for each in diff(request.object, after)]
    return [path for path in paths if not (status_apart and (path == "/status" or path.startswith("/status/")))]


def _name(paths: Sequence[str]) -> str:
    more = len(paths) - MAX_NAMED
    return ", ".join(paths[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
