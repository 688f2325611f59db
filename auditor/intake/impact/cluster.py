"""The impact of a changed CRD on the objects of a cluster, and what a replay of decisions asks one."""

from collections.abc import Callable, Mapping, Sequence

from auditor.cluster.discovery import CrdKind, Discovery, read_crd
from auditor.cluster.resource import CRDS
from auditor.engine.convert import Conversion
from auditor.errors import ClusterError, InputError, NotFoundError, UnknownKindError, UsageError
from auditor.intake.catalog import Catalog, guess_plural
from auditor.intake.impact.crd import Convert, CrdChange, CrdImpact
from auditor.intake.load import load
from auditor.intake.once.basis import Ground
from auditor.intake.once.reading import explain, stream
from auditor.json import JsonObject
from auditor.model.resource import GroupVersionKind


def load_crds(paths: Sequence[str]) -> list[JsonObject]:
    """Raises InputError, and UsageError where there is none."""
    loaded = load(paths)
    wrong = [*map(str, loaded.unreadable), *map(str, loaded.mistakes)]
    if wrong:
        raise InputError("\n".join(wrong))
    if not loaded.crds:
        raise UsageError(f"no CustomResourceDefinition in {', '.join(paths)}")
    return [each.item.thing for each in loaded.crds]


def compare_crd(
    ground: Ground,
    new: JsonObject,
    conversions: Sequence[Conversion] = (),
    *,
    tell: Callable[[CrdImpact], None] = lambda _: None,
) -> CrdImpact:
    """`tell` gets what is being filled at the start: on Ctrl-C that is what was found so far. Raises CompileError."""
    name = str(new["metadata"].get("name"))
    try:
        old = ground.client.get(CRDS, name)
    except NotFoundError:
        nothing = CrdImpact(name, warnings=["it is not in the cluster: there are no objects that it could change"])
        tell(nothing)
        return nothing
    kind = read_crd(old)
    change = CrdChange(old, new, convert=_find_way(kind, conversions))
    tell(change.impact)
    resource = kind.resource(kind.storage_version) or kind.resource()
    if resource is None:
        change.impact.unread.append(f"{name}: no version of it is served: what is stored cannot be read")
        return change.impact
    try:
        for thing in stream(ground.client, resource):
            change.judge(thing)
    except ClusterError as error:
        change.impact.unread.append(str(explain(error, resource, read=change.impact.objects)))
    except KeyboardInterrupt:
        change.impact.unread.append(f"{name}: interrupted after {change.impact.objects} objects")
        raise
    return change.impact


def _find_way(kind: CrdKind, conversions: Sequence[Conversion]) -> Convert | None:
    ours = next((e for e in conversions if (e.group, e.resource) == (kind.group, kind.plural)), None)
    return None if ours is None else ours.convert


class ClusterResources:
    """What a kind is called, by what the cluster serves."""

    def __init__(self, discovery: Discovery, kinds: Mapping[str, CrdKind]) -> None:
        self._discovery = discovery
        self._kinds = {(each.group, each.kind): each for each in kinds.values()}

    def find(self, kind: GroupVersionKind) -> tuple[str, bool | None]:
        custom = self._kinds.get((kind.group, kind.kind))
        if custom is not None:
            return custom.plural, custom.namespaced
        try:
            found = self._discovery.find_exact(kind.api_version, kind.kind)
        except UnknownKindError:  # it may be gone since
            return guess_plural(kind.kind), None
        return found.plural, found.namespaced


class CatalogResources:
    """By CRDs in files, and what one would guess."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def find(self, kind: GroupVersionKind) -> tuple[str, bool | None]:
        return self._catalog.resource_of(kind).resource, self._catalog.is_namespaced(kind)
