"""`--dry-run`: what would be registered, and in what it differs from what is there, as text for people."""

import difflib
import hashlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from auditor.cluster import Client
from auditor.cluster.access import dig_object, dig_text
from auditor.json import Json, JsonObject
from auditor.webhooks.registration.drift import exact_webhooks
from auditor.webhooks.registration.sections import Turn, leads_to_us, make_patch
from auditor.webhooks.registration.wanted import Wanted
from auditor.webhooks.registration.writing import read_configuration, read_section

KEPT = ("name", "labels", "annotations", "ownerReferences")
"""Of metadata, what people write."""


@dataclass(frozen=True, slots=True)
class Plan:
    objects: tuple[JsonObject, ...]
    """What would be applied, in whole: the configurations, and of CRDs their conversion sections. To be given to
    kubectl apply --server-side, if somebody else shall do it."""
    differences: str
    """As `diff -u`, empty if nothing would be written. Bundles are shown by size and digest."""
    notes: tuple[str, ...] = ()
    """What would be left as it is though it was asked for, and why."""


def make_plan(client: Client, wanted: Wanted) -> Plan:
    """Reads, and writes nothing."""
    objects: list[JsonObject] = []
    texts: list[str] = []
    notes: list[str] = []
    for thing in wanted.configurations():
        objects.append(thing)
        found = read_configuration(client, thing)
        if found.drift:
            live = found.live or {}
            after = thing | {"metadata": _merge(live, thing), "webhooks": exact_webhooks(thing, live)}
            texts += _differ(f"{thing['kind']} {thing['metadata']['name']}", _shown(live), _shown(after))
    address = wanted.installation.address
    ours = {kind.name for kind in wanted.kinds.values() if leads_to_us(kind, address)}
    for name in sorted({*wanted.conversions, *wanted.broken, *ours}):
        conversion, broken = wanted.conversions.get(name), name in wanted.broken
        section = read_section(client, name, conversion, address, broken=broken)
        if section is None:
            notes.append(f"there is no CRD {name}")
            continue
        decision = section.decision
        if decision.turn is Turn.SET:
            objects.append(make_patch(section.crd, section.section))
        elif not decision.good:
            notes.append(decision.message)
        if section.drift:
            before = {"conversion": dig_object(section.crd, "spec", "conversion")}
            after = {"conversion": section.section if decision.turn is Turn.SET else {"strategy": "None"}}
            texts += _differ(f"CustomResourceDefinition {name}", before, after)
    return Plan(tuple(objects), "".join(texts), tuple(notes))


def _merge(live: JsonObject, thing: JsonObject) -> JsonObject:
    merged = dict(thing["metadata"])
    for part in ("labels", "annotations"):
        if both := {**dig_object(live, "metadata", part), **dig_object(thing, "metadata", part)}:
            merged[part] = both
    return merged


def _shown(thing: JsonObject) -> JsonObject:
    if not thing:
        return {}
    metadata = dig_object(thing, "metadata")
    webhooks = sorted(thing.get("webhooks") or (), key=lambda each: dig_text(each, "name"))
    return {"metadata": {name: metadata[name] for name in KEPT if name in metadata}, "webhooks": webhooks}


def _differ(title: str, before: JsonObject, after: JsonObject) -> Iterator[str]:
    there, here = (_render(each).splitlines(keepends=True) for each in (before, after))
    return difflib.unified_diff(there, here, f"{title} (there)", f"{title} (to be)")


def _render(thing: JsonObject) -> str:
    return yaml.safe_dump(_shorten(thing), sort_keys=True, width=120) if thing else ""


def _shorten(value: Json) -> Json:
    if isinstance(value, list):
        return [_shorten(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _digest(each) if name == "caBundle" else _shorten(each) for name, each in value.items()}


def _digest(bundle: Json) -> str:
    content = b64decode(bundle) if isinstance(bundle, str) else b""
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:12]}"
