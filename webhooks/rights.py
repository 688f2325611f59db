"""What `auditor webhook` may do in a cluster, and why: the one place where that is written.

What its policies look up is added to this: see `intake/reach`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auditor.cluster import Resource
from auditor.cluster.resource import CRDS, EVENTS, LEASES, NAMESPACES, SECRETS
from auditor.intake.kinds import CONFIGS, CONVERSIONS, EXCEPTIONS, POLICIES
from auditor.model.rights import FOLLOW, Right
from auditor.webhooks.certificates.own import DEFAULT_NAME
from auditor.webhooks.registration.writing import CONFIGURATIONS

UNNAMED: Final = "RBAC knows no names of what is created"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPlace:
    """How it is run, as far as its rights depend on that."""

    namespace: str = "auditor-system"
    name: str = "auditor"
    """`--name`: of the webhook configurations, and of the Lease."""
    owner: str = ""
    """The ClusterRole that owns what is registered (`--owner ClusterRole/NAME`)."""
    secret: str = DEFAULT_NAME
    """Of its own authority; empty: somebody else keeps the certificates."""
    events: bool = True
    brought: bool = True
    """The chart, or a person, has made what it shares with its replicas: Leases, Secret. It cannot make them then."""


def list_door_rights(place: DoorPlace) -> tuple[Right, ...]:
    return (*_read(), *_register(place), *_tell(place), *_stay(place))


def list_conversion_rights(crds: tuple[str, ...]) -> tuple[Right, ...]:
    """Of the CRDs that have a Conversion, which has their name, or whose section is still ours."""
    if not crds:
        return ()
    return (
        _of(CRDS, ("get", "patch"), "the conversion sections of CRDs with a Conversion", names=crds),
        _of(CONVERSIONS, ("get",), "their conditions are written on what is there now", names=crds),
    )


def _read() -> Iterator[Right]:
    yield _of(NAMESPACES, FOLLOW, "the labels of namespaces, by which policies select")
    yield _of(CRDS, FOLLOW, "kinds come and go with their CRDs, which have the schemas")
    ours = tuple(each.plural for each in (POLICIES, EXCEPTIONS, CONVERSIONS, CONFIGS))
    yield Right(group=POLICIES.group, resources=ours, verbs=FOLLOW, why="by which requests are judged")


def _register(place: DoorPlace) -> Iterator[Right]:
    resources = tuple(each.plural for each in CONFIGURATIONS.values())
    group = next(iter(CONFIGURATIONS.values())).group
    why = "its own registration; update: what others have put into it is taken out"
    verbs = ("get", "list", "watch", "create", "patch", "update")
    yield Right(group=group, resources=resources, verbs=verbs, names=(place.name,), why=why)
    if place.owner:
        why = "it owns what is registered: once it is gone, nothing is put back"
        group = "rbac.authorization.k8s.io"
        yield Right(group=group, resources=("clusterroles",), verbs=("get",), names=(place.owner,), why=why)


def _tell(place: DoorPlace) -> Iterator[Right]:
    status = tuple(f"{each.plural}/status" for each in (POLICIES, EXCEPTIONS, CONVERSIONS))
    yield Right(group=POLICIES.group, resources=status, verbs=("patch",), why="whether they are in force")
    if place.events:
        yield _of(EVENTS, ("create", "patch"), "what was refused; patch: the same again")


def _stay(place: DoorPlace) -> Iterator[Right]:
    inside = place.namespace
    if place.secret:
        why = "its authority and certificate"
        yield _of(SECRETS, ("get", "update"), why, names=(place.secret,), namespace=inside)
        if not place.brought:
            yield _of(SECRETS, ("create",), f"the same: {UNNAMED}", namespace=inside)
    yield _of(LEASES, ("get", "update"), "which replica registers", names=(f"{place.name}-webhook",), namespace=inside)
    if not place.brought:
        yield _of(LEASES, ("create",), f"the same: {UNNAMED}", namespace=inside)


def _of(
    resource: Resource, verbs: tuple[str, ...], why: str, *, names: tuple[str, ...] = (), namespace: str = ""
) -> Right:
    return Right(
        group=resource.group, resources=(resource.plural,), verbs=verbs, why=why, names=names, namespace=namespace
    )
