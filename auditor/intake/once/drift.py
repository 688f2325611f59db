"""The built-in checks in one look at a cluster. What only a watcher sees (who broke the glass) they are not told."""

from collections.abc import Iterator
from dataclasses import replace

from auditor.checks import Stored, check_crd, run_checks
from auditor.cluster.resource import CRDS
from auditor.engine.engine import Engine
from auditor.intake.judged import Place
from auditor.intake.live.facts import find_facts
from auditor.intake.once.basis import Basis
from auditor.intake.once.targets import Target
from auditor.model.finding import Finding, Verdict
from auditor.model.request import Request
from auditor.model.settings import Check
from auditor.model.subject import Subject


def add_checks(basis: Basis, target: Target, engine: Engine, request: Request, verdict: Verdict) -> Verdict:
    """The verdict, and what the checks say beside it."""
    resource = target.resource
    kind = basis.ground.kinds.get(resource.name)
    settings = basis.settings.of(resource.group, resource.plural)
    outcome = run_checks(
        Stored(
            request=request,
            verdict=verdict,
            engine=engine,
            schema=basis.ground.schemas.get(request.resource),
            facts=None if kind is None else find_facts(kind),
            ways=basis.ways,
            convertible=basis.ways.reachable(request.kind),
            enforced_since=basis.enforced_since,
            settings=settings,
        )
    )
    told = verdict if settings.checks[Check.POLICY].enabled else Verdict()
    return replace(
        told,
        findings=(*told.findings, *outcome.findings),
        not_applicable=(*told.not_applicable, *outcome.not_applicable),
    )


def check_definitions(basis: Basis) -> Iterator[tuple[Place, tuple[Finding, ...]]]:
    """What the checks say of the CRDs of the kinds that are judged."""
    for target in basis.targets:
        kind = basis.ground.kinds.get(target.resource.name)
        if kind is not None:
            thing = {
                "apiVersion": CRDS.api_version,
                "kind": CRDS.kind,
                "metadata": {"name": kind.name, "uid": kind.uid},
            }
            settings = basis.settings.of(target.resource.group, target.resource.plural)
            findings = check_crd(thing, find_facts(kind), settings)
            if findings:
                subject = Subject(CRDS.api_version, CRDS.kind, CRDS.plural, "", kind.name, kind.uid)
                yield Place(subject), findings
