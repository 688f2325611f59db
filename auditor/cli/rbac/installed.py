"""What there is to derive rights from: policies, CRDs, settings; of a cluster, or of files and packs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from auditor.cluster import Client, Resource
from auditor.cluster.access import dig_object, dig_text
from auditor.cluster.discovery import Discovery
from auditor.cluster.resource import CRDS
from auditor.engine.mistakes import PolicyError
from auditor.engine.native import NativeObjects
from auditor.engine.read import name_of, read_policy
from auditor.errors import ClusterError, NotFoundError
from auditor.intake.load import Loaded, read_items, sort
from auditor.intake.own import check_own
from auditor.intake.packs.pack import find_pack
from auditor.intake.prepare import PreparationError
from auditor.intake.reach import Custom, read_custom
from auditor.json import Json, JsonObject
from auditor.model.policy import ParamKind, Policy
from auditor.model.settings import AuditSettings

CRD_PAGE = 25
"""CRDs of 1 MB exist, and a page is in memory as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    policies: Sequence[Policy]
    customs: Sequence[Custom]
    settings: AuditSettings = field(default_factory=AuditSettings)
    conversions: tuple[str, ...] = ()
    """The CRDs that have one, or lead to our webhook."""
    secrets: tuple[str, ...] = ()
    """That deliveries of ReportSchedules and Notifications name."""
    plurals: Mapping[ParamKind, tuple[str, str]] = field(default_factory=dict)
    whole: bool = True
    """These are all CRDs there are."""
    unread: Sequence[str] = ()
    """What could not be taken into account, and why."""


def read_files(paths: Sequence[str], packs: Sequence[str]) -> Installed:
    """Raises PreparationError with all mistakes."""
    loaded = Loaded()
    items = list(read_items(paths, loaded.unreadable)) if paths else []
    sort(items, loaded)
    wrong = [each for each in loaded.mistakes if not each.warning]
    if loaded.unreadable or wrong:
        raise PreparationError(loaded.unreadable, wrong)
    found = [find_pack(each) for each in dict.fromkeys(packs)]
    policies = [*loaded.policies, *(each for pack in found for each in pack.read_policies())]
    crds = [*(each.item.thing for each in loaded.crds), *(crd for pack in found for crd in pack.crds)]
    things = [item.thing for item in items]
    conversions = [name_of(each) for each in things if each.get("kind") == "Conversion"]
    conversions += [name_of(each) for pack in found for each in pack.conversions]
    sent = [each for each in things if each.get("kind") in ("ReportSchedule", "Notification")]
    return Installed(
        policies=policies,
        customs=[read_custom(each) for each in crds],
        conversions=tuple(sorted(set(conversions))),
        secrets=tuple(sorted({name for each in sent for name in find_secrets(each.get("spec"))})),
        whole=False,
    )


def read_cluster(client: Client, *, namespace: str, service: str) -> Installed:
    """Raises ClusterError where something cannot be read: rights by half of the policies would be too few."""
    from auditor.audit.notices import NOTIFICATIONS
    from auditor.audit.schedules import SCHEDULES
    from auditor.intake.kinds import CONFIGS, CONVERSIONS, POLICIES
    from auditor.intake.live.reading import read_live_settings

    crds = list(client.list(CRDS, limit=CRD_PAGE))
    customs = [read_custom(each) for each in crds]
    unread: list[str] = []
    policies = [*_read_policies(_list(client, POLICIES), unread), *_read_native(client, unread)]
    settings = AuditSettings()
    secrets = set()
    for resource in (SCHEDULES, NOTIFICATIONS):
        secrets |= {name for each in _list(client, resource) for name in find_secrets(each.get("spec"))}
    for thing in _list(client, CONFIGS):
        read, mistakes = read_live_settings(thing)
        if read is None:
            unread += [f"AuditConfig default: {each.message}" for each in mistakes]
        settings = read or settings
    conversions = {name_of(each) for each in _list(client, CONVERSIONS)}
    conversions |= {name_of(each) for each in crds if _leads_to(each, namespace, service)}
    return Installed(
        policies=policies,
        customs=customs,
        settings=settings,
        conversions=tuple(sorted(conversions)),
        secrets=tuple(sorted(secrets)),
        plurals=_find_plurals(client, policies, customs, unread),
        unread=unread,
    )


def _list(client: Client, resource: Resource) -> Iterator[JsonObject]:
    """A kind that is not there has no objects."""
    try:
        yield from client.list(resource)
    except NotFoundError:
        return


def _read_policies(things: Iterator[JsonObject], unread: list[str]) -> Iterator[Policy]:
    """What does not compile may be mended at any time: what it matches can be read all the same."""
    for thing in things:
        checked, mistakes = check_own({name: value for name, value in thing.items() if name != "status"})
        try:
            if checked is not None:
                yield read_policy(checked)
                continue
            told = "; ".join(each.message for each in mistakes)
        except PolicyError as error:
            told = str(error)
        unread.append(f"Policy {name_of(thing)}: {told}")


def _read_native(client: Client, unread: list[str]) -> Sequence[Policy]:
    from auditor.intake.live.native import BINDINGS, NATIVE

    found = NativeObjects()
    for resource in (*NATIVE, *BINDINGS):
        for thing in _list(client, resource):
            found.take(thing)
    policies, mistakes = found.policies()
    unread += [f"{each.kind} {each.policy}: {each.message}" for each in mistakes if not each.warning]
    return [each for each in policies if each.binding]  # without one it does nothing


def _leads_to(crd: JsonObject, namespace: str, service: str) -> bool:
    """A Conversion that was deleted leaves its section behind, for us to take away."""
    found = dig_object(crd, "spec", "conversion", "webhook", "clientConfig", "service")
    return (dig_text(found, "namespace"), dig_text(found, "name")) == (namespace, service)


def _find_plurals(
    client: Client, policies: Sequence[Policy], customs: Sequence[Custom], unread: list[str]
) -> Mapping[ParamKind, tuple[str, str]]:
    known = {(each.group, each.kind) for each in customs}
    wanted = {each.param_kind for each in policies if each.param_kind is not None}
    discovery, found = Discovery(client), {}
    for kind in wanted:
        if (kind.api_version.rpartition("/")[0], kind.kind) not in known:
            try:
                resource = discovery.find_exact(kind.api_version, kind.kind)
                found[kind] = (resource.group, resource.plural)
            except ClusterError as error:
                unread.append(f"{kind.kind} of {kind.api_version}, which holds params: {error}")
    return found


def find_secrets(value: Json) -> Iterator[str]:
    """Wherever a delivery says `{secret: NAME}`, with or without a key."""
    if isinstance(value, dict):
        if isinstance(name := value.get("secret"), str):
            yield name
        for each in value.values():
            yield from find_secrets(each)
    elif isinstance(value, list):
        for each in value:
            yield from find_secrets(each)
