"""In what an object in the cluster differs from what we want of it. Pure.

Only what is ours counts. Labels and annotations that others add to a configuration are theirs, and so are whole
webhooks under names that are not ours. Inside of one of our webhooks nothing may be added: a matchCondition that is
never true would switch it off. A `caBundle` is ours only if we know what should be in it; else somebody injects it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.errors import Cause
from auditor.intake.load import OWN_GROUP
from auditor.json import Json, JsonObject

MANAGER = "auditor-registration"
"""In managedFields, of what we write."""
OURS = f".{OWN_GROUP}"
"""The end of the name of each webhook of ours."""
POLICIES = "policies"
"""The matchCondition that is made of those of policies."""
LOOSE = frozenset(["clientConfig", "rules"])
"""Where a newer API server may fill in fields of its own; all that there are today we say ourselves."""
REFUSED = re.compile(r"webhooks\[(\d+)\]")


def find_drift(wanted: JsonObject, live: JsonObject | None) -> list[str]:
    """Of a webhook configuration, in words; empty if nothing has to be written."""
    if live is None:
        return ["it is not there"]
    return [*_metadata_drift(wanted, live), *_webhook_drift(wanted, live)]


def _metadata_drift(wanted: JsonObject, live: JsonObject) -> Iterator[str]:
    for part in ("labels", "annotations"):
        there = dig_object(live, "metadata", part)
        for name, value in dig_object(wanted, "metadata", part).items():
            if there.get(name) != value:
                yield f"metadata.{part} {name}"
    uids = {dig_text(each, "uid") for each in dig_list(live, "metadata", "ownerReferences")}
    for owner in dig_list(wanted, "metadata", "ownerReferences"):
        if owner["uid"] not in uids:
            yield f"its owner {owner['kind']} {owner['name']}"


def _webhook_drift(wanted: JsonObject, live: JsonObject) -> Iterator[str]:
    there = _by_name(live)
    ours = _by_name(wanted)
    for name, webhook in ours.items():
        found = there.get(name)
        if found is None:
            yield f"{name} is missing"
            continue
        found = without_foreign_bundle(found, webhook)
        for part in sorted({*webhook, "matchConditions"}):
            if not _holds(webhook.get(part), found.get(part), loose=part in LOOSE):
                yield f"{name} {part}"
    for name in there:
        if name.endswith(OURS) and name not in ours:
            yield f"{name} is no longer wanted"


def _holds(wanted: Json, found: Json, *, loose: bool) -> bool:
    if loose and isinstance(wanted, dict) and isinstance(found, dict):
        return all(_holds(value, found.get(name), loose=True) for name, value in wanted.items())
    if loose and isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(_holds(w, f, loose=True) for w, f in zip(wanted, found, strict=True))
    return bool(wanted == found)


def exact_webhooks(wanted: JsonObject, live: JsonObject) -> list[JsonObject]:
    """As they have to be where others have added to ours what only they could remove: caBundles and webhooks of theirs
    stay."""
    ours, there = _by_name(wanted), _by_name(live)
    foreign = [webhook for name, webhook in there.items() if name not in ours and not name.endswith(OURS)]
    return [_with_bundle(webhook, there.get(name)) for name, webhook in ours.items()] + foreign


def without_foreign_bundle(found: JsonObject, wanted: JsonObject) -> JsonObject:
    """A clientConfig is `found["clientConfig"]`. Its bundle counts only where we want one."""
    config = dig_object(found, "clientConfig")
    if "caBundle" not in config or "caBundle" in dig_object(wanted, "clientConfig"):
        return found
    return found | {"clientConfig": {name: value for name, value in config.items() if name != "caBundle"}}


def _with_bundle(webhook: JsonObject, found: JsonObject | None) -> JsonObject:
    config = dig_object(webhook, "clientConfig")
    bundle = dig(found, "clientConfig", "caBundle")
    if bundle is None or "caBundle" in config:
        return webhook
    return webhook | {"clientConfig": {**config, "caBundle": bundle}}


def _by_name(configuration: Json) -> dict[str, JsonObject]:
    return {dig_text(each, "name"): each for each in dig_list(configuration, "webhooks")}


def relieve(wanted: JsonObject, causes: Sequence[Cause]) -> tuple[JsonObject, Mapping[str, str]] | None:
    """What is left when the API server has refused it: all webhooks but the faulty ones, and what was wrong with those.

    One policy's mistake must not take the others from their posts. A condition of policies that it refuses is left to
    us, which costs calls and nothing else; any other fault costs the webhook. None: it is not about single webhooks.
    """
    webhooks = dig_list(wanted, "webhooks")
    faults: dict[int, list[Cause]] = {}
    for cause in causes:
        if (found := REFUSED.match(cause.field)) and int(found[1]) < len(webhooks):
            faults.setdefault(int(found[1]), []).append(cause)
    if not faults:
        return None
    left = []
    for i, webhook in enumerate(webhooks):
        kept = _relieve_one(webhook, faults[i]) if i in faults else webhook
        left += [] if kept is None else [kept]
    told = {dig_text(webhooks[i], "name"): f"{its[0].field}: {its[0].message}" for i, its in sorted(faults.items())}
    return wanted | {"webhooks": left}, told


def _relieve_one(webhook: JsonObject, causes: Sequence[Cause]) -> JsonObject | None:
    """Each time less: when the condition of policies has gone, and it is refused still, nothing is left of it."""
    conditions = dig_list(webhook, "matchConditions")
    kept = [each for each in conditions if each["name"] != POLICIES]
    if len(kept) == len(conditions) or any("].matchConditions" not in cause.field for cause in causes):
        return None
    without = {name: value for name, value in webhook.items() if name != "matchConditions"}
    return without | {"matchConditions": kept} if kept else without


def list_rivals(live: JsonObject) -> list[str]:
    """Who else has written it, the latest first. The API server itself notes status under its own name."""
    entries = [
        (dig_text(each, "time"), dig_text(each, "manager"))
        for each in dig_list(live, "metadata", "managedFields")
        if dig_text(each, "manager") not in (MANAGER, "kube-apiserver") and not dig_text(each, "subresource")
    ]
    return list(dict.fromkeys(manager for _, manager in sorted(entries, reverse=True)))
