"""Objects that a cluster has, as a scan of it judges them, explained: by the policies in it, or by those in files."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from auditor.cluster import Client, Resource
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.engine import Engine
from auditor.engine.explain import Account, explain
from auditor.errors import InputError
from auditor.intake.explain.explain import Explained, Explanation, choose_named, find_own
from auditor.intake.judged import subject_of
from auditor.intake.once.basis import Basis, engine_of, make_basis, read_ground, rules_of_cluster, rules_of_files
from auditor.intake.once.sweep import EXCLUDED, is_excluded
from auditor.intake.once.targets import Choice
from auditor.intake.stored import ask_stored, judge_stored
from auditor.intake.versions import split
from auditor.model.finding import Finding
from auditor.model.request import GroupVersionResource, Request

Place = tuple[Resource, str, str]
"""Kind, namespace (empty where it has none) and name of an object."""


def explain_stored(
    name: str,
    places: Sequence[Place],
    client: Client,
    *,
    policies: Sequence[str] = (),
    time: datetime,
    clock: Callable[[], float],
) -> Explanation:
    """`name` is a policy or POLICY/RULE, in the cluster or in `policies`, or a file: one that is not installed yet.

    Raises UsageError for a policy that is not there, NotFoundError for an object that is not.
    """
    namespaces = sorted({namespace for _, namespace, _ in places if namespace})
    ground = read_ground(client, namespaces if all(namespace for _, namespace, _ in places) else ())
    is_file = Path(name).exists()
    paths = (name, *policies) if is_file else policies
    rules = rules_of_files(paths, ground, time) if paths else rules_of_cluster(ground, time)
    kinds = frozenset((resource.group, resource.plural) for resource, _, _ in places)
    basis = make_basis(ground, rules, choice=Choice(kinds=kinds), time=time)
    if is_file:
        keys = {each.policy.key for each in rules_of_files([name], ground, time).policies}
        chosen = [each for each in rules.policies if each.policy.key in keys]
    else:
        chosen = choose_named(name, rules.policies)
    engine = engine_of(rules.policies, ground)
    unreadable = [*basis.unread, *map(InputError, ground.reader.notes)]
    result = Explanation(unreadable=unreadable)
    for place in places:
        request = _ask(place, basis)
        if is_excluded(request, basis):
            result.unreadable.append(InputError(f"{subject_of(request)}: not judged, as {EXCLUDED}"))
            continue
        result.objects.append(_explain(request, chosen, engine, basis, clock))
    return result


def _ask(place: Place, basis: Basis) -> Request:
    """In the version in which a scan lists it: that in which it is stored."""
    resource, namespace, name = place
    ground = basis.ground
    if kind := ground.kinds.get(resource.name):
        resource = kind.resource(kind.storage_version) or resource
    return ask_stored(
        ground.client.get(resource, name, namespace=namespace),
        GroupVersionResource(resource.group, resource.version, resource.plural),
        namespaced=resource.namespaced,
        world=basis.world,
        namespace_object=ground.namespaces.get(namespace) if namespace else None,
        time=basis.time,
    )


def _explain(
    request: Request, chosen: Sequence[CompiledPolicy], engine: Engine, basis: Basis, clock: Callable[[], float]
) -> Explained:
    verdict = judge_stored(engine, request, basis.ways)
    parts, _ = split(engine, request, basis.ways)
    accounts: list[Account] = []
    findings: list[Finding] = []
    for policy in chosen:
        own = find_own(verdict, policy)
        findings += [finding for finding in own if finding not in findings]
        seen = next((converted for part, converted in parts if policy in part.policies), request)
        accounts += explain(policy, seen, own, clock=clock, schema=engine.schemas.get(seen.resource))
    subject = subject_of(request)
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    allowed = not any(finding.blocks for finding in findings)
    return Explained("", 0, subject.kind, name, allowed, tuple(accounts), tuple(findings))
