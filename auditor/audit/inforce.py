"""All that is in force at one moment, and the setting of each kind that follows from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from auditor.audit.kinds import CRDS_PAIR, Chosen
from auditor.audit.setting import Setting
from auditor.checks import check_crd
from auditor.cluster import Resource
from auditor.cluster.discovery import read_crd
from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.intake.live.facts import find_facts
from auditor.intake.live.view import View
from auditor.intake.live.ways import LiveWays, match_stored_kinds
from auditor.json import JsonObject
from auditor.model.finding import Finding
from auditor.model.request import GroupVersionKind, GroupVersionResource
from auditor.model.settings import KindSettings, ReportApi
from auditor.model.world import SYSTEM_USERS, Objects, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What judging asks of the watcher, the same for all kinds; each answers for now."""

    own_namespace: str
    objects: Objects
    namespace: Callable[[str], JsonObject | None]
    enforced_since: Callable[[], Mapping[tuple[str, str], datetime]]
    pardons: Callable[[str, str, str], Sequence[datetime]]
    """By group, kind and key."""
    owners: Callable[[JsonObject, str], bool | datetime | None]


class InForce:
    """Of one view: what the settings of all kinds have in common is made once."""

    def __init__(self, view: View, around: Around) -> None:
        self._view, self._around = view, around
        self._settings = view.settings
        self._debts = _Debts(self._settings.default, self._settings.kinds)
        self._engine = Engine.of(view.compiled(), schemas=view.schemas)
        self._ways = LiveWays(
            view.kinds, [s.good for s in view.conversions.values() if s.good is not None], view.schemas
        )
        self._world = World(
            objects=around.objects,
            kinds=match_stored_kinds(view.kinds),
            exceptions=tuple(view.excusing()),
            own_namespace=around.own_namespace,
            excluded_users=SYSTEM_USERS | self._settings.excluded_users,
        )

    def make(self, chosen: Chosen, resource: Resource) -> Setting:
        around, settings = self._around, self._settings
        where = GroupVersionResource(chosen.group, resource.version, chosen.plural)
        policies = [policy for _, policy in self._engine.index.find(where, self._world.kinds)]
        kind = GroupVersionKind(chosen.group, resource.version, resource.kind)
        return Setting(
            resource=where,
            namespaced=resource.namespaced,
            engine=Engine.of(policies, schemas=self._view.schemas),
            world=self._world,
            namespace=around.namespace,
            ways=self._ways,
            convertible=self._ways.reachable(kind) if chosen.crd is not None else (),
            conversion=self._conversion(chosen),
            facts=find_facts(chosen.crd) if chosen.crd is not None else None,
            schema=self._view.schemas.get(where),
            kind=settings.of(chosen.group, chosen.plural),
            excluded_namespaces=settings.excluded_namespaces,
            passes=settings.reports.passes and settings.reports.api is not ReportApi.NONE,
            enforced_since=around.enforced_since,
            pardons=lambda key: around.pardons(chosen.group, resource.kind, key),
            owners=around.owners,
            debts=self._debts if (chosen.group, chosen.plural) == CRDS_PAIR else None,
        )

    def _conversion(self, chosen: Chosen) -> Conversion | None:
        state = self._view.conversions.get(chosen.name)  # its name is that of the CRD
        return None if state is None else state.good


@dataclass(frozen=True, slots=True)
class _Debts:
    """Equal where CRDs are judged in the same way."""

    default: KindSettings
    kinds: Mapping[tuple[str, str], KindSettings]

    def __call__(self, crd: JsonObject) -> Sequence[Finding]:
        kind = read_crd(crd)
        return check_crd(crd, find_facts(kind), self.kinds.get((kind.group, kind.plural), self.default))
