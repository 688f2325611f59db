"""JSON for programs."""

from collections.abc import Iterable

from auditor.intake.impact.crd import CrdImpact, Effect
from auditor.intake.impact.decisions import Replay
from auditor.intake.impact.policies import Fate, Impact, PolicyImpact
from auditor.json import JsonObject
from auditor.model.subject import Subject
from auditor.report.formats.json import render
from auditor.report.impact import Foreseen


def write(found: Foreseen) -> str:
    document: JsonObject = {"refuses": found.refuses, "incomplete": found.incomplete}
    if found.policies is not None:
        document["cluster"] = _policies(found.policies)
    if found.decisions is not None:
        document["decisions"] = _decisions(found.decisions)
    if found.crds:
        document["crds"] = [_crd(each) for each in found.crds]
    return render(document)


def _policies(impact: Impact) -> JsonObject:
    return {
        "objects": impact.objects,
        "refused": impact.refused,
        "policies": [_policy(each) for each in impact.policies.values()],
        "unread": [str(each) for each in impact.unread],
        "warnings": list(impact.warnings),
    }


def _policy(each: PolicyImpact) -> JsonObject:
    return {
        "policy": each.name,
        "replaces": each.replaces,
        "matched": each.matched,
        "findings": {str(fate): each.findings[fate] for fate in Fate},
        "objects": {
            "violating": each.violating,
            "refusedAtUpdate": each.refused,
            "refusedAtCreation": each.recreated,
            "warned": each.warned,
            "mutated": each.changed,
            "errors": each.errors,
        },
        "places": [
            {"kind": kind, "namespace": namespace, "objects": count}
            for (kind, namespace), count in each.places.most_common()
        ],
        "examples": [
            {
                "fate": str(fate),
                "resource": _subject(one.subject),
                "rule": one.rule,
                "path": one.path,
                "message": one.message,
            }
            for fate, examples in each.examples.items()
            for one in examples
        ],
    }


def _decisions(replay: Replay) -> JsonObject:
    return {
        "replayed": replay.decisions,
        "refused": replay.refused,
        "admitted": replay.admitted,
        "warned": replay.warned,
        "errors": replay.errors,
        "redacted": replay.redacted,
        "skipped": dict(replay.skipped),
        "policies": dict(replay.by_policy.most_common()),
        "examples": [
            {
                "time": each.time,
                "operation": each.operation,
                "user": each.user,
                "kind": each.kind,
                "namespace": each.namespace,
                "name": each.name,
                "policies": list(each.policies),
                "message": each.message,
            }
            for each in replay.examples
        ],
    }


def _crd(impact: CrdImpact) -> JsonObject:
    return {
        "crd": impact.name,
        "objects": impact.objects,
        "refusals": list(impact.refusals),
        "invalid": {
            "objects": impact.invalid_objects,
            "already": impact.already,
            "rulesNotAsked": impact.unasked,
            "at": _effects(impact.invalid),
        },
        "pruned": {"objects": impact.pruned_objects, "at": _effects(impact.pruned)},
        "stranded": _effects(impact.stranded),
        "defaulted": _effects(impact.defaulted),
        "notEvaluated": [
            *({"reason": reason, "objects": count} for reason, count in impact.unjudged.items()),
            *({"reason": reason} for reason in impact.unread),
        ],
        "warnings": list(impact.warnings),
    }


def _effects(effects: Iterable[Effect]) -> list[JsonObject]:
    return [
        {
            "version": each.version,
            "path": each.path,
            "what": each.what,
            "objects": each.objects,
            "examples": [_subject(subject) for subject in each.examples],
        }
        for each in effects
    ]


def _subject(subject: Subject) -> JsonObject:
    return {
        "apiVersion": subject.api_version,
        "kind": subject.kind,
        "namespace": subject.namespace,
        "name": subject.name,
    }
