"""An explanation for programs."""

from dataclasses import asdict
from typing import Final

from auditor.engine.explain import Account, RuleAccount, State, Step
from auditor.intake.explain.explain import Explanation
from auditor.json import JsonObject

_NO_VALUE: Final = (State.ERROR, State.HIDDEN, State.SKIPPED)


def write_data(explanation: Explanation) -> JsonObject:
    return {
        "objects": [
            {
                "file": each.file,
                "line": each.line,
                "kind": each.kind,
                "name": each.name,
                "allowed": each.allowed,
                "policies": [_account(account) for account in each.accounts],
            }
            for each in explanation.objects
        ],
        "unreadable": list(map(str, explanation.unreadable)),
    }


def _account(account: Account) -> JsonObject:
    return {
        "policy": account.policy,
        "state": account.state,
        "reason": account.reason,
        "findings": [{"result": result, "message": message} for result, message in account.findings],
        "match": [asdict(each) for each in account.matches],
        "conditions": [{"name": each.name, **_step(each.step)} for each in account.conditions],
        "params": asdict(account.params) if account.params else None,
        "lookups": [{**asdict(each), "count": len(each.found)} for each in account.lookups],
        "variables": [{"name": each.name, **_step(each.step)} for each in account.variables],
        "rules": [_rule(each) for each in account.rules],
        "mutations": list(account.mutations),
        "patch": list(account.patch),
    }


def _rule(rule: RuleAccount) -> JsonObject:
    return {
        "name": rule.name,
        "language": rule.language,
        "result": rule.result,
        "findings": [{"result": r, "path": path, "message": message} for r, path, message in rule.findings],
        "severity": {"value": rule.severity, "from": rule.severity_from},
        "enforcement": {"value": list(rule.enforcement), "from": rule.enforcement_from},
        "exception": rule.exception,
        "note": rule.note,
        "milliseconds": rule.milliseconds,
        "steps": [_step(each) for each in rule.steps],
    }


def _step(step: Step) -> JsonObject:
    data: JsonObject = {"text": step.text, "state": str(step.state)}
    if step.state not in _NO_VALUE:
        data["value"] = step.value
    if step.note:
        data["note"] = step.note
    if step.steps:
        data["steps"] = [_step(each) for each in step.steps]
    return data
