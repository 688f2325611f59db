"""The conversion section of a CRD: whether it is to be ours. Pure.

Measured on Kubernetes 1.36, of those who write the same CRD:
- GitOps tools that apply it by server-side apply without `spec.conversion` own nothing of it: ours stays, also under
  their force. This is how a CRD with a Conversion should be written.
- With `strategy: None` in their manifest, their apply is a conflict with us; by force it is refused with 422, because
  our webhook section would stay behind. So nothing breaks, but their sync fails until the section is taken out.
- kubectl apply and Helm, client-side, own `strategy: None` from the creation on, because the API server filled it in:
  so we take it over by force. They leave our section alone afterwards, for their file does not name it.
- kubectl replace, and whoever updates whole objects, removes our section: that is drift, and corrected.
- A webhook of somebody else, as operators bring their own, is never taken over, also where ours was before: objects may
  need it, and the one who wrote it may know. Conditions, log and metrics say that it is not ours.
- cert-manager's cainjector writes `caBundle` alone, and keeps it where we do not know the authorities ourselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.cluster.discovery import CrdKind
from auditor.engine.convert import Conversion
from auditor.json import JsonObject
from auditor.webhooks.registration.configurations import Address
from auditor.webhooks.registration.drift import MANAGER, without_foreign_bundle


class Turn(StrEnum):
    SET = "set"
    REMOVE = "remove"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Decision:
    turn: Turn
    reason: str
    """A word, as conditions have it."""
    message: str
    good: bool
    """Whether the CRD is, or will be, as the Conversion asks for; where there is none, as if there had never been."""


def make_section(crd: str, address: Address) -> JsonObject:
    """`spec.conversion`."""
    return {
        "strategy": "Webhook",
        "webhook": {"clientConfig": address.client_config(f"/convert/{crd}"), "conversionReviewVersions": ["v1"]},
    }


def is_ours(crd: JsonObject, address: Address) -> bool:
    """Whether its objects are converted by us: what we have written, or what leads to us, whoever wrote it."""
    section = dig_object(crd, "spec", "conversion")
    if dig_text(section, "strategy") != "Webhook":
        return False
    wanted = make_section(dig_text(crd, "metadata", "name"), address)["webhook"]
    if _without_bundle(dig_object(section, "webhook", "clientConfig")) == _without_bundle(wanted["clientConfig"]):
        return True
    for entry in dig_list(crd, "metadata", "managedFields"):
        if dig_text(entry, "manager") == MANAGER:
            owned = dig_object(entry, "fieldsV1", "f:spec", "f:conversion", "f:webhook", "f:clientConfig")
            if owned.keys() & {"f:url", "f:service"}:
                return True
    return False


def leads_to_us(kind: CrdKind, address: Address) -> bool:
    """The same of what discovery keeps of it: enough to look closer."""
    if kind.conversion.strategy != "Webhook" or kind.conversion.webhook is None:
        return False
    config = dig_object(kind.conversion.webhook.unpack(), "clientConfig")
    return _without_bundle(config) == _without_bundle(address.client_config(f"/convert/{kind.name}"))


def find_section_drift(crd: JsonObject, wanted: JsonObject) -> list[str]:
    found = dig_object(crd, "spec", "conversion")
    webhook = without_foreign_bundle(dig_object(found, "webhook"), wanted["webhook"])
    drift = [] if found.get("strategy") == wanted["strategy"] else ["spec.conversion.strategy"]
    parts = sorted({*webhook, *wanted["webhook"]})
    return drift + [f"spec.conversion.webhook.{p}" for p in parts if webhook.get(p) != wanted["webhook"].get(p)]


def decide(kind: CrdKind, conversion: Conversion | None, *, ours: bool, broken: bool = False) -> Decision:
    """`broken`: there is a Conversion, and it does not compile."""
    if kind.terminating:
        return Decision(Turn.LEAVE, "CrdTerminating", f"{kind.name} is being deleted", good=conversion is None)
    if broken:
        message = f"the Conversion of {kind.name} does not compile: what is registered for it stays as it is"
        return Decision(Turn.LEAVE, "NotCompiled", message, good=False)
    if conversion is None:
        return _decide_without(kind, ours=ours)
    known = {version for step in conversion.steps for version in step}
    needed = {*kind.served_versions, *kind.stored_versions}
    if missing := sorted(needed - known):
        kept = ". What is registered stays, for the other versions" if ours else ""
        message = (
            f"{kind.name} serves or stores {', '.join(sorted(needed))}, and no step converts {', '.join(missing)}{kept}"
        )
        return Decision(Turn.LEAVE, "VersionsNotCovered", message, good=False)
    if kind.conversion.strategy == "Webhook" and not ours:
        message = (
            f"{kind.name} has the conversion webhook of somebody else, which is left in place. To have it converted by "
            f"us, remove that: kubectl patch crd {kind.name} --type=merge "
            """-p '{"spec": {"conversion": {"strategy": "None", "webhook": null}}}'"""
        )
        return Decision(Turn.LEAVE, "OtherWebhook", message, good=False)
    return Decision(Turn.SET, "Registered", f"{kind.name} is converted by this", good=True)


def _decide_without(kind: CrdKind, *, ours: bool) -> Decision:
    if not ours:
        return Decision(Turn.LEAVE, "NotOurs", f"{kind.name} has no Conversion", good=True)
    if debt := describe_debt(kind):
        message = f"{kind.name} has no Conversion any more, but its section is kept: {debt}"
        return Decision(Turn.LEAVE, "StillNeeded", message, good=False)
    return Decision(Turn.REMOVE, "Removed", f"{kind.name} has no Conversion any more", good=True)


def list_debt(kind: CrdKind) -> list[str]:
    """The versions in which objects may still be stored, beside the one in which they are stored from now on."""
    return [version for version in kind.stored_versions if version != kind.storage_version]


def describe_debt(kind: CrdKind) -> str:
    if not (debt := list_debt(kind)):
        return ""
    return (
        f"objects of {kind.name} may be stored in {', '.join(debt)}, and without conversion they would be read as "
        f"{kind.storage_version} as they are. Write them anew first: auditor convert --migrate-storage {kind.name}"
    )


def list_others(kind: CrdKind) -> list[str]:
    """The versions for which it is converted: served or stored, and not the one in which objects are stored."""
    return sorted({*kind.served_versions, *kind.stored_versions} - {kind.storage_version})


def describe_use(kind: CrdKind) -> str:
    """What has to be done before it can do without conversion. Empty: nothing."""
    if not (others := list_others(kind)):
        return ""
    steps = []
    if list_debt(kind):
        steps.append(f"write the stored objects anew, auditor convert --migrate-storage {kind.name}")
    if served := [version for version in others if version in kind.served_versions]:
        steps.append(f"let the CRD no longer serve {', '.join(served)}")
    between = f"between {kind.storage_version} and {', '.join(others)}"
    return f"{kind.name} is converted by this, {between}. First {'; then '.join(steps)}"


def describe_loss(kind: CrdKind) -> str:
    """What nobody gets any more when it is no longer converted. Empty: nothing."""
    if not (others := list_others(kind)):
        return ""
    stored = ""
    if debt := list_debt(kind):
        stored = (
            f" Objects that are still stored in {', '.join(debt)} are read as {kind.storage_version} as they are: "
            "fields that its schema does not know are lost when they are next written."
        )
    return (
        f"{kind.name}: clients that use {', '.join(others)} get objects as they are in {kind.storage_version}, without "
        f"the fields that the schema of their version does not know, and what they write loses these.{stored}"
    )


def _without_bundle(config: Mapping[str, object]) -> JsonObject:
    return {name: value for name, value in config.items() if name != "caBundle"}


def make_patch(crd: JsonObject, section: JsonObject | None) -> JsonObject:
    """To apply: of that CRD alone (one that was made again meanwhile is another), and of nothing else in it."""
    metadata = {"name": dig_text(crd, "metadata", "name"), "uid": dig(crd, "metadata", "uid")}
    patch: JsonObject = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
    }
    return patch if section is None else patch | {"spec": {"conversion": section}}
