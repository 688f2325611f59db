"""Packs into a cluster, by server-side apply: what is theirs is written; what others changed is told, not forced."""

import difflib
import time
from collections.abc import Callable, Iterator
from typing import Final

import yaml

from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.access import dig_list, dig_object, dig_text
from auditor.cluster.discovery import Discovery
from auditor.cluster.discovery.established import wait_established
from auditor.cluster.resource import CRDS
from auditor.errors import ApiError, NotFoundError, ServerTroubleError, UnauthorizedError, UsageError
from auditor.intake.kinds import CONVERSIONS, POLICIES
from auditor.intake.packs import LABEL
from auditor.intake.packs.manifests import Manifests
from auditor.intake.packs.pack import Pack
from auditor.intake.packs.step import Fate, Step
from auditor.json import JsonObject

MANAGER: Final = "auditor-packs"
"""In managedFields: another than that of the webhook, which writes the conversion sections of the same CRDs."""
PATIENCE: Final = 15.0
"""Seconds until a CRD is established. An idle API server takes some tenths; its slowest controller looks every 10 s."""


def check_ground(client: Client) -> None:
    """UsageError: our own CRDs are not in this cluster, so that nothing there could read a policy."""
    missing = [each.name for each in (POLICIES, CONVERSIONS) if _get(client, CRDS, each.name) is None]
    if missing:
        raise UsageError(
            f"auditor is not installed in this cluster: there is no CRD {', '.join(missing)}. Install auditor first "
            "(`auditor run --install` creates its CRDs), or give `--context` if another cluster was meant. "
            "`--to DIR` writes the manifests as files instead"
        )


def install(
    client: Client,
    manifests: Manifests,
    *,
    dry_run: bool = False,
    patience: float = PATIENCE,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[Step]:
    """One step after the other, as they are done. ClusterError: it does not answer, or a CRD is not established."""
    options = WriteOptions(dry_run=dry_run, field_manager=MANAGER)
    for crd in manifests.crds:
        step = _apply_crd(client, crd, options)
        yield step
        if step.done and not dry_run:
            wait_established(client, step.name, until=time.monotonic() + patience, wait=wait)
    for conversion in manifests.conversions:
        yield _apply(client, CONVERSIONS, conversion, options)
    for policy in manifests.policies:
        yield _apply(client, POLICIES, policy, options)
    wanted = {each["metadata"]["name"] for each in manifests.policies}
    for there in list(client.list(POLICIES, labels=f"{LABEL}={manifests.pack.name}")):
        if (name := there["metadata"]["name"]) not in wanted:
            # Of another edition of the pack, or with nothing but mutations, which are left out now.
            yield take_away(client, POLICIES, name, options)


def list_absent(client: Client, pack: Pack) -> list[str]:
    """What others have to bring and is not in this cluster yet, and what that means."""
    targets, lookups = pack.foreign(pack.targets()), pack.foreign(pack.lookups())
    if not (targets or lookups):
        return []
    discovery = Discovery(client)
    there = {(each.group, each.plural) for each in discovery.resources()}
    broken = {version.partition("/")[0] for version in discovery.broken}
    absent = {each for each in (*targets, *lookups) if each not in there and each[0] not in broken}
    waits = [f"waits for the CRD {plural}.{group}" for group, plural in targets if (group, plural) in absent]
    errs = [
        f"looks up {plural}.{group}: the rules that do are errors, and refuse under Deny, until its CRD is there"
        for group, plural in lookups
        if (group, plural) in absent
    ]
    return [*waits, *errs]


def list_unconverted(client: Client, manifests: Manifests) -> list[str]:
    """CRDs whose versions nobody converts yet: no webhook has registered for them."""
    names = [each["metadata"]["name"] for each in manifests.conversions]
    found = {name: _get(client, CRDS, name) for name in names}
    return [
        name
        for name, crd in found.items()
        if crd is not None and dig_text(crd, "spec", "conversion", "strategy") != "Webhook"
    ]


def _apply_crd(client: Client, crd: JsonObject, options: WriteOptions) -> Step:
    name = crd["metadata"]["name"]
    live = _get(client, CRDS, name)
    lost = _versions(live or {}) - _versions(crd)
    if live is not None and lost and find_object(client, live):
        what = f"has versions that this pack does not know ({', '.join(sorted(lost))}), and objects are stored"
        return Step(resource=CRDS, name=name, fate=Fate.KEPT, note=what)
    return _apply(client, CRDS, crd, options)


def _versions(crd: JsonObject) -> set[str]:
    return {dig_text(version, "name") for version in dig_list(crd, "spec", "versions")}


def find_object(client: Client, crd: JsonObject) -> str:
    """The name of one object of that kind, if there is any."""
    served = [each for each in dig_list(crd, "spec", "versions") if each.get("served") is True]
    if not served:
        return ""
    version = next((each for each in served if each.get("storage") is True), served[0])
    resource = Resource(
        dig_text(crd, "spec", "group"),
        version["name"],
        dig_text(crd, "spec", "names", "plural"),
        dig_text(crd, "spec", "names", "kind"),
        namespaced=dig_text(crd, "spec", "scope") == "Namespaced",
    )
    try:
        found = next(client.list(resource, limit=1), None)
    except NotFoundError:  # it is not established
        return ""
    place = dig_object(found, "metadata")
    return "/".join(filter(None, (dig_text(place, "namespace"), dig_text(place, "name"))))


def _apply(client: Client, resource: Resource, thing: JsonObject, options: WriteOptions) -> Step:
    name = thing["metadata"]["name"]
    before = _get(client, resource, name)
    try:
        after = client.apply(resource, thing, options=options)
    except (UnauthorizedError, ServerTroubleError):
        raise
    except ApiError as error:  # a conflict, or admission, or a schema: the others can still be written
        return Step(resource=resource, name=name, fate=Fate.REFUSED, note=str(error))
    fate = Fate.CREATED if before is None else Fate.UNCHANGED if _shown(before) == _shown(after) else Fate.CHANGED
    return Step(resource=resource, name=name, fate=fate, difference=_differ(before, after, f"{resource.name}/{name}"))


def take_away(client: Client, resource: Resource, name: str, options: WriteOptions) -> Step:
    try:
        client.delete(resource, name, options=options)
    except NotFoundError:  # somebody was faster
        pass
    except (UnauthorizedError, ServerTroubleError):
        raise
    except ApiError as error:
        return Step(resource=resource, name=name, fate=Fate.REFUSED, note=str(error))
    return Step(resource=resource, name=name, fate=Fate.REMOVED)


def _get(client: Client, resource: Resource, name: str) -> JsonObject | None:
    try:
        return client.get(resource, name)
    except NotFoundError:
        return None


def _shown(thing: JsonObject) -> JsonObject:
    """What people write of it."""
    metadata = {name: thing["metadata"].get(name) for name in ("name", "labels", "annotations")}
    return {"metadata": {name: each for name, each in metadata.items() if each}, "spec": thing.get("spec")}


def _differ(before: JsonObject | None, after: JsonObject, title: str) -> str:
    there, here = (
        yaml.safe_dump(_shown(each), sort_keys=True, width=120).splitlines(keepends=True) if each else []
        for each in (before, after)
    )
    return "".join(difflib.unified_diff(there, here, f"{title} (there)", f"{title} (to be)"))
