"""What is read of the cluster: a few calls, and none that writes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from auditor.audit.turf import NAME as WATCH
from auditor.cluster import Client, Resource
from auditor.cluster.access import dig, dig_list, dig_object, dig_text, dig_time
from auditor.cluster.resource import CRDS, LEASES
from auditor.errors import ForbiddenError, NotFoundError
from auditor.intake.kinds import CONFIGS, CONVERSIONS, EXCEPTIONS, POLICIES
from auditor.intake.live.config import NAME
from auditor.json import JsonObject
from auditor.model.settings import ReportApi
from auditor.report.crs import FORMS

T = TypeVar("T")

OURS: Final = tuple(each.name for each in (POLICIES, EXCEPTIONS, CONVERSIONS, CONFIGS))
"""The CRDs of an installation."""
SHARDS: Final = f"auditor.dev/shard-group={WATCH}"
ADMISSION: Final = "admissionregistration.k8s.io"
CONFIGURATIONS: Final = (
    Resource(ADMISSION, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", namespaced=False),
    Resource(ADMISSION, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced=False),
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Of a Lease."""

    name: str
    """Who holds it; empty: it was given back."""
    renewed: datetime | None
    seconds: int
    """For which a renewal lasts."""
    acquired: datetime | None = None
    """Since when it is held by whoever holds it."""


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    name: str
    generation: int
    enforcement: str
    status: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    time: datetime
    namespace: str
    missing: tuple[str, ...] = ()
    """CRDs of ours that are not installed."""
    config: JsonObject | None = None
    """The AuditConfig; None: there is none."""
    policies: tuple[PolicyFacts, ...] = ()
    watchers: tuple[Holder, ...] = ()
    """One that leads, or those that share."""
    door: Holder | None = None
    """Which of its replicas registers; None: there never was one."""
    webhooks: Mapping[str, int | None] = field(default_factory=dict)
    """Webhooks of each configuration of ours, by its kind; None: it is not there."""
    reports: tuple[str, ...] = ()
    """The APIs of which the cluster has the kinds of reports."""
    unread: tuple[str, ...] = ()
    """What could not be read, and why."""
    unseen: frozenset[str] = frozenset()
    """The kinds of that, plural.group: that nothing of them was found says nothing."""

    @property
    def coverage(self) -> Sequence[JsonObject]:
        return [each for each in dig_list(self.config, "status", "coverage") if isinstance(each, dict)]


class _Reader:
    """A right that is missing leaves a gap, which is told; anything else ends it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.unread: list[str] = []
        self.unseen: set[str] = set()

    def get(self, resource: Resource, name: str, namespace: str = "") -> JsonObject | None:
        return self._maybe(resource, lambda: self.client.get(resource, name, namespace=namespace), None)

    def all(self, resource: Resource, *, namespace: str = "", labels: str = "") -> list[JsonObject]:
        return self._maybe(resource, lambda: list(self.client.list(resource, namespace=namespace, labels=labels)), [])

    def _maybe(self, resource: Resource, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except NotFoundError:
            return otherwise
        except ForbiddenError as error:
            self.unread.append(str(error))
            self.unseen.add(resource.name)
            return otherwise


def read_facts(client: Client, *, namespace: str, name: str, time: datetime) -> Facts:
    """`namespace` is where the Leases are, `name` what the installation is registered as."""
    reader = _Reader(client)
    crds = {each: reader.get(CRDS, each) is not None for each in (*OURS, *_report_crds())}
    missing = () if reader.unread else tuple(each for each in OURS if not crds[each])
    door = reader.get(LEASES, f"{name}-webhook", namespace)
    return Facts(
        time=time,
        namespace=namespace,
        missing=missing,
        config=reader.get(CONFIGS, NAME),
        policies=tuple(_policy(each) for each in reader.all(POLICIES)),
        watchers=_find_watchers(reader, namespace),
        door=None if door is None else _holder(door),
        webhooks={each.kind: _count(reader.get(each, name)) for each in CONFIGURATIONS},
        reports=tuple(str(api) for api, forms in FORMS.items() if all(crds[form.crd] for form in forms)),
        unread=tuple(reader.unread),
        unseen=frozenset(reader.unseen),
    )


def _report_crds() -> list[str]:
    return [form.crd for api in ReportApi for form in FORMS.get(api, ())]


def _find_watchers(reader: _Reader, namespace: str) -> tuple[Holder, ...]:
    leader = reader.get(LEASES, WATCH, namespace)
    shards = reader.all(LEASES, namespace=namespace, labels=SHARDS)
    found = [_holder(each) for each in ([] if leader is None else [leader]) + shards]
    return tuple(each for each in found if each.name) or tuple(found)[:1]


def _holder(lease: JsonObject) -> Holder:
    renewed, seconds = dig_time(lease, "spec", "renewTime"), dig(lease, "spec", "leaseDurationSeconds")
    return Holder(
        dig_text(lease, "spec", "holderIdentity"),
        renewed,
        seconds if type(seconds) is int else 0,
        dig_time(lease, "spec", "acquireTime"),
    )


def _policy(thing: JsonObject) -> PolicyFacts:
    return PolicyFacts(
        dig_text(thing, "metadata", "name"),
        int(dig(thing, "metadata", "generation") or 0),
        dig_text(thing, "spec", "enforcement"),
        dig_object(thing, "status"),
    )


def _count(configuration: JsonObject | None) -> int | None:
    return None if configuration is None else len(dig_list(configuration, "webhooks"))
