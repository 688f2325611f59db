"""Writes what is registered, if it is not so already. One object at a time; who decides when is `registrar`.

Each request asks for leave right before it is sent: of a leader whose term has ended meanwhile no further one goes out.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.access import dig, dig_text
from auditor.cluster.discovery.crd import read_crd
from auditor.cluster.resource import CRDS
from auditor.engine.convert import Conversion
from auditor.errors import InvalidError, NotFoundError
from auditor.json import JsonObject
from auditor.webhooks.registration import drift
from auditor.webhooks.registration.configurations import Address
from auditor.webhooks.registration.drift import MANAGER
from auditor.webhooks.registration.sections import (
    Decision,
    Turn,
    decide,
    find_section_drift,
    is_ours,
    make_patch,
    make_section,
)

log = logging.getLogger(__name__)

OPTIONS = WriteOptions(field_manager=MANAGER)
Leave = Callable[[], WriteOptions]
"""To write now, and how. LeaseLostError: there is none."""
_ADMISSION = "admissionregistration.k8s.io"
CONFIGURATIONS = {
    kind: Resource(_ADMISSION, "v1", f"{kind.lower()}s", kind, namespaced=False)
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
}


def at_will() -> WriteOptions:
    return OPTIONS


@dataclass(frozen=True, slots=True)
class Found:
    """One object as it is now, and in what it differs from what we want."""

    live: JsonObject | None
    drift: list[str]

    @property
    def rivals(self) -> list[str]:
        return [] if self.live is None else drift.list_rivals(self.live)


@dataclass(frozen=True, slots=True)
class Written:
    accepted: JsonObject
    """What we want without what the API server refuses."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Webhooks that it refused, in whole or with their conditions, and why."""
    writes: int = 1


def read_configuration(client: Client, wanted: JsonObject) -> Found:
    try:
        live = client.get(CONFIGURATIONS[wanted["kind"]], wanted["metadata"]["name"])
    except NotFoundError:
        live = None
    return Found(live, drift.find_drift(wanted, live))


def write_configuration(client: Client, wanted: JsonObject, leave: Leave = at_will) -> Written:
    """By server-side apply, with force for our own fields. Faulty webhooks are left out, so that the others stand."""
    resource = CONFIGURATIONS[wanted["kind"]]
    faults: dict[str, str] = {}
    while True:
        try:
            live = _apply(client, resource, wanted, leave)
            break
        except InvalidError as error:
            relieved = drift.relieve(wanted, error.causes)
            if relieved is None:
                raise
            wanted = relieved[0]
            faults |= relieved[1]
    if not drift.find_drift(wanted, live):
        return Written(wanted, faults)
    # What others added inside of our webhooks, apply leaves there. Refused if somebody has written meanwhile.
    client.update(resource, live | {"webhooks": drift.exact_webhooks(wanted, live)}, options=leave())
    return Written(wanted, faults, writes=2)


def _apply(client: Client, resource: Resource, wanted: JsonObject, leave: Leave) -> JsonObject:
    try:
        return client.apply(resource, wanted, force=True, options=leave())
    except InvalidError:
        # What others have put in may not go together with ours, a service beside a URL. Then it has to be taken out
        # first; and if ours is refused alone, it is ours that is wrong.
        try:
            live = client.get(resource, wanted["metadata"]["name"])
        except NotFoundError:
            live = None
        if live is None:
            raise
        client.update(resource, live | {"webhooks": drift.exact_webhooks(wanted, live)}, options=leave())
        return client.apply(resource, wanted, force=True, options=leave())


@dataclass(frozen=True, slots=True)
class FoundSection:
    crd: JsonObject
    decision: Decision
    section: JsonObject
    drift: list[str]

    @property
    def rivals(self) -> list[str]:
        return drift.list_rivals(self.crd)


def read_section(
    client: Client, name: str, conversion: Conversion | None, address: Address, *, broken: bool = False
) -> FoundSection | None:
    """None: there is no such CRD. The drift is empty if nothing is to be written."""
    try:
        crd = client.get(CRDS, name)
    except NotFoundError:
        return None
    decision = decide(read_crd(crd), conversion, ours=is_ours(crd, address), broken=broken)
    section = make_section(name, address)
    found: list[str] = []
    if decision.turn is Turn.SET:
        found = find_section_drift(crd, section)
    elif decision.turn is Turn.REMOVE:
        found = ["spec.conversion is no longer wanted"]
    return FoundSection(crd, decision, section, found)


def write_section(client: Client, found: FoundSection, leave: Leave = at_will) -> int:
    """How many writes it took."""
    if found.decision.turn is Turn.REMOVE:
        return remove_section(client, found.crd, leave)
    client.apply(CRDS, make_patch(found.crd, found.section), force=True, options=leave())
    return 1


def remove_section(client: Client, crd: JsonObject, leave: Leave = at_will) -> int:
    """Gives up what we own. If something stays, as the caBundle that another tool has put in, it goes, too: without us
    it leads nowhere."""
    try:
        left = client.apply(CRDS, make_patch(crd, None), options=leave())
        if dig(left, "spec", "conversion", "strategy") != "Webhook":
            return 1
    except InvalidError:
        left = crd
    patch = {
        "metadata": {"resourceVersion": dig_text(left, "metadata", "resourceVersion")},
        "spec": {"conversion": {"strategy": "None", "webhook": None}},
    }
    client.patch_merge(CRDS, dig_text(crd, "metadata", "name"), patch, options=leave())
    return 2
