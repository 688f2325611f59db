"""What `auditor watch` may do in a cluster, and why: the one place where that is written.

What it reads of the kinds that policies are about is added to this: see `intake/reach`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from auditor.audit.doors.endpoints import ENDPOINT_SLICES
from auditor.audit.notices import NOTIFICATIONS
from auditor.audit.schedules import SCHEDULES
from auditor.audit.turf import NAME
from auditor.cluster import Resource
from auditor.cluster.resource import CRDS, EVENTS, LEASES, NAMESPACES, SECRETS
from auditor.engine.native import NATIVE_GROUP
from auditor.intake.kinds import CONFIGS, CONVERSIONS, EXCEPTIONS, POLICIES
from auditor.intake.live.config import NAME as CONFIG
from auditor.intake.live.native import BINDINGS, NATIVE
from auditor.model.rights import FOLLOW, READ, Right
from auditor.model.settings import ReportApi
from auditor.report.crs import FORMS

UNNAMED: Final = "RBAC knows no names of what is created"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherPlace:
    """How it is run, as far as its rights depend on that."""

    namespace: str = "auditor-system"
    reports: frozenset[ReportApi] = field(default_factory=lambda: frozenset({ReportApi.OPENREPORTS}))
    report_crds: bool = False
    """`--report-crds`."""
    doors: bool = True
    """It finds doors by their Service."""
    events: bool = True
    brought: bool = True
    """The chart, or a person, has made what it shares with its replicas: Leases, Secret. It cannot make them then."""
    share: bool = False
    """`--share`: each watcher has a Lease of its own."""
    history: bool = True


def list_watcher_rights(place: WatcherPlace) -> tuple[Right, ...]:
    return (*_read(place), *_write(place), *_stay(place))


def list_delivery_rights(secrets: tuple[str, ...], *, namespace: str) -> tuple[Right, ...]:
    """`secrets`: those that deliveries name, and no others."""
    why = "addresses and passwords of deliveries"
    return (_of(SECRETS, ("get",), why, names=secrets, namespace=namespace),) if secrets else ()


def _read(place: WatcherPlace) -> Iterator[Right]:
    yield _of(NAMESPACES, FOLLOW, "the labels of namespaces, by which policies select")
    if place.history:
        yield _of(NAMESPACES, ("get",), "its uid is the name of the cluster in the history", names=("kube-system",))
    yield _of(CRDS, READ, "kinds come and go with their CRDs, and what is wrong with a kind is found on its CRD")
    native = tuple(each.plural for each in (*NATIVE, *BINDINGS))
    yield Right(group=NATIVE_GROUP, resources=native, verbs=FOLLOW, why="native policies are audited, too")
    yield _of(POLICIES, READ, "by which everything is judged; get: their status is written on what is there now")
    ours = (EXCEPTIONS.plural, CONVERSIONS.plural, CONFIGS.plural)
    yield Right(group=POLICIES.group, resources=ours, verbs=FOLLOW, why="by which everything is judged")
    why = "reports and news that are to be delivered; get: one that somebody has changed meanwhile"
    sent = (SCHEDULES.plural, NOTIFICATIONS.plural)
    yield Right(group=SCHEDULES.group, resources=sent, verbs=("get", "list"), why=why)
    if place.doors:
        why = "where the doors are whose decisions it collects"
        yield _of(ENDPOINT_SLICES, FOLLOW, why, namespace=place.namespace)


def _write(place: WatcherPlace) -> Iterator[Right]:
    why = "its status has the coverage; it is made where there is none"
    yield _of(CONFIGS, ("get", "create", "patch"), why, names=(CONFIG,))
    status = (f"{POLICIES.plural}/status", f"{CONFIGS.plural}/status")
    yield Right(group=POLICIES.group, resources=status, verbs=("update",), why="counts and coverage")
    status = (f"{SCHEDULES.plural}/status", f"{NOTIFICATIONS.plural}/status")
    yield Right(group=SCHEDULES.group, resources=status, verbs=("update",), why="what became of deliveries")
    for api in sorted(place.reports):
        for group, plurals in _forms(api).items():
            why = "reports of findings: its own are written, and put right; get: one that has lost our label"
            verbs = (*READ, "create", "patch", "delete")
            yield Right(group=group, resources=plurals, verbs=verbs, why=why)
    if place.report_crds:
        yield _of(CRDS, ("create",), "the CRDs of the reports, where they are absent (--report-crds)")
    if place.events:
        yield _of(EVENTS, ("create", "patch"), "findings that appear or are resolved; patch: one that happens again")


def _stay(place: WatcherPlace) -> Iterator[Right]:
    inside = place.namespace
    if place.share:
        why = "each watcher has a Lease of its own, with a name of its own"
        yield _of(LEASES, ("get", "list", "create", "update", "delete"), why, namespace=inside)
        return
    yield _of(LEASES, ("get", "update"), "who leads", names=(NAME,), namespace=inside)
    if not place.brought:
        yield _of(LEASES, ("create",), f"the same: {UNNAMED}", namespace=inside)


def _forms(api: ReportApi) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for form in FORMS[api]:
        found[form.group] = (*found.get(form.group, ()), form.plural)
    return found


def _of(
    resource: Resource,
    verbs: tuple[str, ...],
    why: str,
    *,
    names: tuple[str, ...] = (),
    namespace: str = "",
) -> Right:
    return Right(
        group=resource.group, resources=(resource.plural,), verbs=verbs, why=why, names=names, namespace=namespace
    )
