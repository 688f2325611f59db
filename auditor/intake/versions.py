"""A file may hold another version of its kind than a policy wants to see: it is converted, as the API server would.

The engine refuses to ask a rule about a version that it was not written for; here the object comes to it in each
version that some policy wants. A conversion that fails is an error of the policies that wanted it, never a pass.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from auditor.engine.compiled import CompiledPolicy
from auditor.engine.engine import Engine
from auditor.engine.findings import FindingMaker
from auditor.errors import AuditorError
from auditor.json import JsonObject
from auditor.model.finding import Finding, Verdict
from auditor.model.request import GroupVersionKind, GroupVersionResource, Request


class Ways(Protocol):
    """How the versions of a kind hang together."""

    def storage_version(self, kind: GroupVersionKind) -> str:
        """Its own where that is not known."""

    def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
        """As the API server would ask for it. Raises AuditorError where no way leads there, or it fails."""


def split(engine: Engine, request: Request, ways: Ways) -> tuple[Sequence[tuple[Engine, Request]], Sequence[Finding]]:
    """The engine and the request once for each version that is wanted, and errors for those that cannot be had."""
    wanted: dict[str, list[CompiledPolicy]] = {}
    for _, policy in engine.index.find(request.resource, request.world.kinds):
        wanted.setdefault(find_wanted(policy, request, ways), []).append(policy)
    if not wanted.keys() - {request.kind.version}:
        return [(engine, request)], ()
    parts: list[tuple[Engine, Request]] = []
    errors: list[Finding] = []
    for version, policies in wanted.items():
        try:
            part = Engine.of(policies, schemas=engine.schemas)
            parts.append((part, _convert(request, version, ways)))
        except AuditorError as error:
            make = FindingMaker(request)
            errors += [make.errored(policy, None, str(error)) for policy in policies]
    return parts, errors


def join(errors: Sequence[Finding], verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of those on all versions."""
    if len(verdicts) == 1 and not errors:
        return verdicts[0]
    return Verdict(
        findings=(*errors, *(finding for verdict in verdicts for finding in verdict.findings)),
        warnings=tuple(warning for verdict in verdicts for warning in verdict.warnings),
        audit_annotations=tuple(each for verdict in verdicts for each in verdict.audit_annotations),
        passed=tuple(each for verdict in verdicts for each in verdict.passed),
        not_applicable=tuple(each for verdict in verdicts for each in verdict.not_applicable),
        recheck_at=min((verdict.recheck_at for verdict in verdicts if verdict.recheck_at), default=None),
    )


def find_wanted(policy: CompiledPolicy, request: Request, ways: Ways) -> str:
    """The version in which a policy sees the object; its own if it does not match.

    `*` in our own policies means the storage version; native policies get what was asked, as in Kubernetes.
    """
    version = request.kind.version
    for index, program in enumerate(policy.matches):
        matched = program(request, request.world.kinds)
        if not matched.matched:
            return request.kind.version
        if index == 0 and matched.kind is not None:  # a binding only narrows down
            version = matched.kind.version
    named = any(version in rule.versions for match in policy.policy.matches[:1] for rule in match.rules)
    if version == request.kind.version and not named and not policy.policy.native:
        return ways.storage_version(request.kind)
    return version


def _convert(request: Request, version: str, ways: Ways) -> Request:
    kind = request.kind
    if version == kind.version or request.object is None:
        return request
    return replace(
        request,
        object=ways.convert(request.object, kind, version),
        kind=GroupVersionKind(kind.group, version, kind.kind),
        resource=GroupVersionResource(kind.group, version, request.resource.resource),
        request_kind=kind,
        request_resource=request.resource,
    )
