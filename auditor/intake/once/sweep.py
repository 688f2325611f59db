"""The objects of a cluster, judged as they are stored, each kind page by page: no body outlives its page."""

import contextlib
import functools
import logging
from collections.abc import Callable, Generator, Iterable, Iterator

from auditor.engine.engine import Engine
from auditor.errors import ClusterError, InputError, UnreachableError
from auditor.intake.coverage import UnreadKindError
from auditor.intake.found import Scan
from auditor.intake.judged import Place, subject_of
from auditor.intake.once.basis import Basis, engine_of
from auditor.intake.once.drift import add_checks, check_definitions
from auditor.intake.once.reading import count, explain, stream
from auditor.intake.once.targets import Target
from auditor.intake.stored import ask_stored, judge_stored
from auditor.json import JsonObject
from auditor.model.request import Request

log = logging.getLogger(__name__)

EXCLUDED = "its namespace is excluded by the AuditConfig"
INTERRUPTED = "interrupted before it was read to the end"


def ask_all(things: Iterable[JsonObject], target: Target, basis: Basis) -> Iterator[Request]:
    for thing in things:
        namespace = thing["metadata"].get("namespace") or ""
        yield ask_stored(
            thing,
            target.gvr,
            namespaced=target.resource.namespaced,
            world=basis.world,
            namespace_object=basis.ground.namespaces.get(namespace) if namespace else None,
            time=basis.time,
        )


def sweep(
    basis: Basis, unread: list[InputError], *, progress: Callable[[int], None] = lambda _: None
) -> Generator[tuple[Target, Request]]:
    """Each object of each kind. `unread` gets the kinds that could not be read to the end; `progress` hears how many
    objects came.

    When the server is gone, it is not asked for the others. Whoever stops early closes it, and is told of the rest.
    """
    done, objects, lost = 0, 0, ""
    try:
        for target in basis.targets:
            if lost:
                unread.append(_unread(target, lost))
            else:
                read = 0
                try:
                    for request in ask_all(_things(target, basis), target, basis):
                        yield target, request
                        read, objects = read + 1, objects + 1
                        progress(objects)
                except ClusterError as error:
                    one = basis.choice.namespaces[0] if len(basis.choice.namespaces) == 1 else ""
                    unread.append(explain(error, target.resource, namespace=one, read=read))
                    if isinstance(error, UnreachableError):
                        lost = "not asked for, since the API server is gone"
            done += 1
    finally:
        unread += [_unread(target, INTERRUPTED) for target in basis.targets[done:]]


def count_objects(basis: Basis) -> int:
    """About as many as `sweep` will give."""
    ground, namespaces = basis.ground, basis.choice.namespaces
    return sum(count(ground.client, target.resource, namespaces) for target in basis.targets)


def _things(target: Target, basis: Basis) -> Iterator[JsonObject]:
    return stream(basis.ground.client, target.resource, basis.choice.namespaces)


def _unread(target: Target, reason: str) -> UnreadKindError:
    resource = target.resource
    return UnreadKindError(resource.name, reason, api_version=resource.api_version, kind=resource.kind)


def scan_cluster(
    basis: Basis, scan: Scan, *, checks: bool = False, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Fills `scan`, whose engine has all policies. On Ctrl-C it holds what was found so far.

    With `checks` the built-in ones are asked as well.
    """
    coverage = scan.coverage
    scan.unreadable += basis.unread
    scan.warnings += basis.warnings
    for policy, reason in basis.idle.items():
        coverage.explain(policy, reason)
    engines: dict[Target, Engine] = {}
    for target in basis.targets:
        engines[target] = engine_of(target.policies, basis.ground)
        coverage.expect(target.resource.api_version, target.resource.kind, known=target.gvr in basis.ground.schemas)

    for definition, findings in check_definitions(basis) if checks else ():
        scan.tell(definition, findings)
    with contextlib.closing(sweep(basis, scan.unreadable, progress=progress)) as asked:
        for target, request in asked:
            if is_excluded(request, basis):
                coverage.leave_out(request, EXCLUDED, functools.partial(_place, request))
                continue
            try:
                verdict = judge_stored(engines[target], request, basis.ways if target.converts else None)
                if checks:
                    verdict = add_checks(basis, target, engines[target], request, verdict)
            except Exception as error:
                scan.unreadable.append(tell_defect(request, error))
                continue
            scan.take(request, verdict, functools.partial(_place, request))
    if not scan.objects and not scan.unreadable:
        scan.warnings.append("no policy matches any object in the cluster")


def is_excluded(request: Request, basis: Basis) -> bool:
    return request.namespaced is True and request.namespace in basis.settings.excluded_namespaces


def tell_defect(request: Request, error: Exception) -> InputError:
    log.exception("%s could not be judged: a defect of auditor", subject_of(request))
    what = f"could not be judged, which is a defect of auditor: {type(error).__name__}: {error}"
    return InputError(f"{subject_of(request)}: {what}")


def _place(request: Request) -> Place:
    return Place(subject_of(request))
