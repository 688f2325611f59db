"""All by which the objects of a cluster are judged in one look: read before the first object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Final, TypeVar

from auditor.cluster import Client
from auditor.cluster.discovery import CrdKind, Discovery, read_crd
from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.dataclass import dataclass
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.engine.mistakes import Mistake
from auditor.errors import AuditorError, InputError
from auditor.intake.live.enforced import read_since
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import State
from auditor.intake.live.ways import LiveWays, match_stored_kinds
from auditor.intake.once.listed import ListedObjects, list_objects
from auditor.intake.once.policies import read_view
from auditor.intake.once.reading import Reader
from auditor.intake.once.targets import Choice, Target, explain_idle, find_targets
from auditor.intake.prepare import Prepared, prepare, warn
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.match import Kinds
from auditor.model.resource import name_kind
from auditor.model.settings import AuditSettings
from auditor.model.world import SYSTEM_USERS, World

T = TypeVar("T")

CRD_PAGE: Final = 25
"""CRDs of 1 MB exist, and a page is in memory as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The kinds and namespaces of a cluster, whatever the policies are."""

    client: Client
    discovery: Discovery
    reader: Reader
    kinds: Mapping[str, CrdKind]
    schemas: LiveSchemas
    match_kinds: Kinds
    namespaces: Mapping[str, JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What there is to judge by, from the cluster or from files."""

    policies: Sequence[CompiledPolicy]
    exceptions: Sequence[PolicyException] = ()
    conversions: Sequence[Conversion] = ()
    settings: AuditSettings = field(default_factory=AuditSettings)
    enforced_since: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """By policy and rule, since when it denies."""
    given: Sequence[JsonObject] = ()
    """Objects beside the policies, such as their params."""
    warnings: Sequence[str] = ()
    wrong: Sequence[Mistake] = ()
    """Because of which something of it is not in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    ground: Ground
    targets: Sequence[Target]
    world: World
    ways: LiveWays
    settings: AuditSettings
    enforced_since: Mapping[tuple[str, str], datetime]
    time: datetime
    choice: Choice
    idle: Mapping[CompiledPolicy, str]
    """Policies by which nothing is judged, and why."""
    unread: Sequence[InputError]
    warnings: Sequence[str]


def read_ground(client: Client, namespaces: Sequence[str] = ()) -> Ground:
    reader = Reader(client, namespaces)
    crds = reader.all(CRDS, limit=CRD_PAGE, first=True)
    kinds = {kind.name: kind for kind in map(read_crd, crds or ())}
    found = reader.named_namespaces(NAMESPACES)
    match_kinds = match_stored_kinds(kinds)
    return Ground(
        client=client,
        discovery=Discovery(client),
        reader=reader,
        kinds=kinds,
        schemas=LiveSchemas(kinds),
        match_kinds=match_kinds,
        namespaces={each["metadata"]["name"]: each for each in found},
    )


def rules_of_cluster(ground: Ground, time: datetime, *, empty: bool = False) -> Rules:
    """Raises AuditorError where there is nothing to judge by, unless that is all right (`empty`)."""
    view = read_view(ground.reader, ground.kinds, ground.schemas, time)
    mistakes = [
        *_mistakes(view.policies),
        *_mistakes(view.native),
        *_mistakes(view.exceptions),
        *_mistakes(view.conversions),
        *(() if view.config is None else view.config.mistakes),
    ]
    rules = Rules(
        policies=view.compiled(),
        exceptions=view.excusing(),
        conversions=[state.good for _, state in sorted(view.conversions.items()) if state.good is not None],
        settings=view.settings,
        enforced_since={
            (name, rule): since
            for name, state in view.policies.items()
            for rule, since in read_since(state.thing).items()
        },
        warnings=[
            *(str(each) for each in mistakes if each.warning),
            *(f"PolicyException {key} reaches too far ahead, and excuses nothing" for key in sorted(view.too_long)),
        ],
        wrong=[each for each in mistakes if not each.warning],
    )
    if not (rules.policies or rules.wrong or ground.reader.unread or empty):
        raise AuditorError(
            "there is no policy in the cluster: name files with policies by --policies, or ask the built-in drift "
            "checks alone by --checks"
        )
    return rules


def _mistakes(states: Mapping[str, State[T]]) -> Iterator[Mistake]:
    return (mistake for _, state in sorted(states.items()) for mistake in state.mistakes)


def rules_of_files(paths: Sequence[str], ground: Ground, time: datetime) -> Rules:
    """Raises PreparationError with all mistakes of all policies."""
    prepared: Prepared = prepare(paths, schemas=ground.schemas)
    return Rules(
        policies=prepared.engine.policies,
        exceptions=prepared.loaded.exceptions,
        conversions=prepared.loaded.conversions,
        given=[item.thing for item in prepared.loaded.objects],
        warnings=list(warn(prepared, time)),
    )


def make_basis(ground: Ground, rules: Rules, *, choice: Choice, time: datetime) -> Basis:
    targets, unserved = find_targets(rules.policies, ground.kinds, ground.match_kinds, ground.discovery, choice)
    warnings = [*ground.reader.notes, *rules.warnings]
    about = {(each.resource.group, each.resource.plural) for each in targets}
    idle = sorted(name_kind(*each) for each in set(choice.kinds) - about)
    warnings += [f"{name}: no policy matches it" for name in idle if not any(name == e.resource for e in unserved)]
    followed = []
    for target in targets:
        resource = target.resource
        if choice.kinds or rules.settings.of(resource.group, resource.plural).follow:
            followed.append(target)
        else:
            warnings.append(f"{resource.name}: not judged, as the AuditConfig says (follow: false)")
    used = {policy: None for target in followed for policy in target.policies}
    objects: ListedObjects = list_objects(used, ground.reader, ground.discovery, ground.kinds, given=rules.given)
    wrong = [InputError(f"{each}: so it is not in force") for each in rules.wrong]
    return Basis(
        ground=ground,
        targets=followed,
        world=World(
            objects=objects,
            kinds=ground.match_kinds,
            exceptions=tuple(rules.exceptions),
            excluded_users=SYSTEM_USERS | rules.settings.excluded_users,
        ),
        ways=LiveWays(ground.kinds, rules.conversions, ground.schemas),
        settings=rules.settings,
        enforced_since=rules.enforced_since,
        time=time,
        choice=choice,
        idle={
            each: explain_idle(each, ground.kinds, ground.match_kinds) for each in rules.policies if each not in used
        },
        unread=[*ground.reader.unread, *unserved, *wrong],
        warnings=warnings,
    )


def engine_of(policies: Sequence[CompiledPolicy], ground: Ground) -> Engine:
    return Engine.of(policies, schemas=ground.schemas)
