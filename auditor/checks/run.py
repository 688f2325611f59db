"""All checks, one after the other."""

import traceback
from collections.abc import Callable
from pathlib import PurePath
from typing import Final

from auditor.checks.bypass import find_bypasses
from auditor.checks.conversion import find_losses
from auditor.checks.mutation import find_unmutated
from auditor.checks.notes import Notes
from auditor.checks.ownership import find_taken
from auditor.checks.reconcile import find_unreconciled
from auditor.checks.schema import find_invalid
from auditor.checks.stored import KindFacts, Outcome, Stored
from auditor.checks.versions import find_debt, find_old_writers
from auditor.engine.engine import Engine
from auditor.errors import AuditorError
from auditor.json import JsonObject
from auditor.model.finding import Finding, Verdict
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Origin, Request
from auditor.model.settings import Check, KindSettings

# `policy` is the engine itself.
CHECKS: Final[tuple[tuple[Check, Callable[[Stored, Notes], None]], ...]] = (
    (Check.SCHEMA, find_invalid),
    (Check.BYPASS, find_bypasses),
    (Check.MUTATION, find_unmutated),
    (Check.OWNERSHIP, find_taken),
    (Check.VERSIONS, find_old_writers),
    (Check.CONVERSION, find_losses),
    (Check.RECONCILE, find_unreconciled),
)


def run_checks(stored: Stored) -> Outcome:
    findings: list[Finding] = []
    gaps: dict[tuple[str, str], None] = {}
    asked = []
    recheck = None
    chosen = stored.settings.checks
    for check, find in CHECKS:
        settings = chosen.get(check)
        if settings is None or not settings.enabled:
            continue
        notes = Notes(stored, check, settings)
        _run(find, stored, notes)
        if not notes.skipped:
            asked.append(check.value)
        if notes.any:
            findings += notes.findings()
            gaps |= dict.fromkeys(notes.gaps)
        if notes.recheck_at is not None:
            recheck = notes.recheck_at if recheck is None else min(recheck, notes.recheck_at)
    return Outcome(findings=tuple(findings), not_applicable=tuple(gaps), recheck_at=recheck, asked=tuple(asked))


def _run(find: Callable[[Stored, Notes], None], stored: Stored, notes: Notes) -> None:
    try:
        find(stored, notes)
    except AuditorError as error:
        notes.error("", f"the check could not be asked: {error}")
    except Exception as error:  # a defect of ours is an error of this object, never a pass
        # The text of the error may hold a value that must not be shown.
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {PurePath(last.filename).name}:{last.lineno}"
        notes.error("", f"the check failed, which is a defect of auditor: {where}")


def check_crd(crd: JsonObject, facts: KindFacts, settings: KindSettings) -> tuple[Finding, ...]:
    """What `versions` finds on the CRD itself. `settings` are those of the kind that it defines."""
    check = settings.checks.get(Check.VERSIONS)
    if check is None or not check.enabled:
        return ()
    group, _, version = "apiextensions.k8s.io/v1".partition("/")
    request = Request(
        operation=Operation.CREATE,
        kind=GroupVersionKind(group, version, "CustomResourceDefinition"),
        resource=GroupVersionResource(group, version, "customresourcedefinitions"),
        object=crd,
        name=facts.name,
        origin=Origin.STORED,
    )
    stored = Stored(request=request, verdict=Verdict(), engine=Engine.of(()), schema=None, facts=None)
    notes = Notes(stored, Check.VERSIONS, check)
    find_debt(facts, notes)
    return tuple(notes.findings())
