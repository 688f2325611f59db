"""Findings, made in one place: what they say of the object, the rule and how it is enforced."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from auditor.engine.compiled import CompiledPolicy, CompiledRule
from auditor.engine.excuse import Excuse
from auditor.engine.match import selects
from auditor.engine.veil import Veil
from auditor.json import Json, JsonObject
from auditor.languages.privacy import is_private_at
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Enforcement, FailurePolicy, Policy
from auditor.model.request import Operation, Request

if TYPE_CHECKING:
    from auditor.languages.schema import StructuralSchema


class FindingMaker:
    def __init__(self, request: Request, schema: "StructuralSchema | None" = None) -> None:
        self.request = request
        self._schema = schema
        self.subject: JsonObject = (
            request.old_object if request.operation is Operation.DELETE else request.object
        ) or {}
        """What rules are about: the object, and on DELETE the one that goes."""
        metadata = self.subject.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else ""
        self._identity = (request.kind.group, request.kind.kind, request.namespace, request.name or str(name or ""))

    @cached_property
    def _veil(self) -> Veil:
        """Once for all errors: it looks through the whole object."""
        return Veil(self.request)

    def passed(self, policy: CompiledPolicy, rule: CompiledRule) -> Finding:
        return self._make(policy, rule, Result.PASS, "")

    def violated(
        self, policy: CompiledPolicy, rule: CompiledRule, message: str, *, path: str, excuse: Excuse | None
    ) -> Finding:
        enforcements = self.enforcements(policy.policy, rule)
        blocks = Enforcement.DENY in enforcements
        warned = Enforcement.WARN in enforcements and not blocks
        result = Result.SKIP if excuse else Result.WARN if warned else Result.FAIL
        return self._make(policy, rule, result, message, path=path, blocks=blocks and not excuse, excuse=excuse)

    def errored(
        self,
        policy: CompiledPolicy,
        rule: CompiledRule | None,
        message: str,
        *,
        excuse: Excuse | None = None,
        always: bool = False,
    ) -> Finding:
        """It refuses the request under failurePolicy Fail at Deny, or `always`: whatever the enforcement.

        Of a native policy the API server makes nothing under Ignore, not even a warning.
        """
        fails = policy.policy.failure_policy is FailurePolicy.FAIL
        enforcements = self.enforcements(policy.policy, rule)
        if policy.policy.native:
            enforcements = ((Enforcement.DENY,) if always else enforcements) if fails else ()
        blocks = fails and (always or Enforcement.DENY in enforcements)
        result = Result.SKIP if excuse else Result.ERROR
        # What a language says of a value that does not fit may show it.
        message = self._veil.over_text(message)
        made = self._make(policy, rule, result, message, blocks=blocks and not excuse, excuse=excuse)
        return replace(made, enforcements=enforcements)

    def enforcements(self, policy: Policy, rule: CompiledRule | None) -> tuple[Enforcement, ...]:
        """The first override that selects the namespace, else the rule's own, else the policy's."""
        for override in policy.overrides:
            labels = self._namespace_labels()
            if labels is not None and selects(override.namespaces, labels):
                return (override.enforcement,)
        if rule is not None and rule.rule.enforcement is not None:
            return (rule.rule.enforcement,)
        if rule is None and policy.rules and all(each.enforcement for each in policy.rules):
            return tuple({each.enforcement for each in policy.rules if each.enforcement})
        return policy.enforcements

    def _namespace_labels(self) -> dict[str, str] | None:
        """None for cluster-scoped objects. Of an unknown namespace the name is known: no more is overridden by it."""
        request = self.request
        if not request.namespace:
            return None
        metadata = (request.namespace_object or {}).get("metadata") or {}
        return {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": request.namespace}

    def _make(
        self,
        policy: CompiledPolicy,
        rule: CompiledRule | None,
        result: Result,
        message: str,
        *,
        path: str = "",
        blocks: bool = False,
        excuse: Excuse | None = None,
    ) -> Finding:
        source = policy.policy
        name = rule.rule.name if rule else ""
        own = rule.rule if rule else None
        hidden = own is not None and own.sensitive
        return Finding(
            policy=source.name,
            rule=name,
            result=result,
            severity=(own.severity if own and own.severity else source.severity),
            message=message,
            fingerprint=make_fingerprint(
                *_name(source),
                name,
                *self._identity,
                self._schema.stable_path(self.subject, path) if self._schema else path,
            ),
            path=path,
            value=None if hidden or not path else value_at(self.subject, path),
            enforcements=self.enforcements(source, rule),
            blocks=blocks,
            remediation=(own.remediation if own and own.remediation else source.remediation),
            controls=tuple(dict.fromkeys((*source.controls, *(own.controls if own else ())))),
            reason=own.reason if own else "",
            exception=excuse.name if excuse else "",
            kind=source.kind,
            binding=source.binding,
        )


def _name(policy: Policy) -> tuple[str, ...]:
    """A native policy has a name among those of its kind only, and judges once for each binding."""
    return (policy.kind, policy.name, policy.binding) if policy.native else (policy.name,)


def value_at(thing: Json, path: str) -> Json:
    """None where nothing stands, and where the path, or a URL that stands there, looks as if it held a secret."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    around: Json = None
    for step in steps:
        around = thing
        if isinstance(thing, dict):
            thing = thing.get(step)
        elif isinstance(thing, list) and step.isdigit() and int(step) < len(thing):
            thing = thing[int(step)]
        else:
            return None
    return None if is_private_at(path, thing, around) else thing
