"""One native policy with one of its bindings, as a policy of ours. Both have been checked before."""

from typing import Final

from auditor.engine.read import Reader, name_of, read_expressions, read_param_ref
from auditor.json import JsonObject
from auditor.model.policy import (
    Change,
    Enforcement,
    Expression,
    FailurePolicy,
    Kind,
    Language,
    Mutation,
    ParamKind,
    Policy,
    Rule,
)

NATIVE_GROUP: Final = "admissionregistration.k8s.io"
_DEFAULT_REASON: Final = "Invalid"


def read_native(kind: Kind, thing: JsonObject, binding: JsonObject | None) -> Policy:
    """Raises PolicyError with what is wrong in its selectors and rules."""
    reader = Reader(thing)
    spec, bound = thing.get("spec") or {}, (binding or {}).get("spec") or {}
    param_kind = spec.get("paramKind")
    validating = kind is Kind.VALIDATING
    # A mutating policy has no actions: an error of it refuses the request.
    actions = bound.get("validationActions") or [Enforcement.DENY]
    policy = Policy(
        name=name_of(thing),
        kind=kind,
        binding=name_of(binding) if binding else "",
        matches=(
            reader.match(spec.get("matchConstraints"), "/spec/matchConstraints"),
            reader.match(bound.get("matchResources"), "/spec/matchResources", rules_required=False),
        ),
        conditions=read_expressions(spec, "matchConditions"),
        param_kind=ParamKind(param_kind["apiVersion"], param_kind["kind"]) if param_kind else None,
        param_ref=read_param_ref(reader, bound.get("paramRef")),
        variables=read_expressions(spec, "variables"),
        rules=tuple(_rule(each, i) for i, each in enumerate(spec.get("validations") or ())) if validating else (),
        mutations=() if validating else tuple(_mutation(each, i) for i, each in enumerate(spec.get("mutations") or ())),
        audit_annotations=tuple(
            Expression(
                each.get("key", ""), each.get("valueExpression", ""), f"/spec/auditAnnotations/{i}/valueExpression"
            )
            for i, each in enumerate(spec.get("auditAnnotations") or ())
        ),
        enforcements=tuple(Enforcement(action) for action in actions),
        ratchets=False,
        failure_policy=FailurePolicy(spec.get("failurePolicy", FailurePolicy.FAIL)),
        reinvoke=spec.get("reinvocationPolicy") == "IfNeeded",
        labels=(thing.get("metadata") or {}).get("labels") or {},
    )
    reader.finish()
    return policy


def _rule(each: JsonObject, index: int) -> Rule:
    """Validations have no names: they are known by their place."""
    return Rule(
        name=f"validations[{index}]",
        language=Language.CEL,
        body=each.get("expression", ""),
        pointer=f"/spec/validations/{index}",
        message=each.get("message", ""),
        message_expression=each.get("messageExpression", ""),
        reason=each.get("reason", _DEFAULT_REASON),
    )


def _mutation(each: JsonObject, index: int) -> Mutation:
    apply = each.get("patchType") == "ApplyConfiguration"
    field_name = "applyConfiguration" if apply else "jsonPatch"
    return Mutation(
        name=f"mutations[{index}]",
        change=Change.APPLY_CONFIGURATION if apply else Change.CEL_JSON_PATCH,
        body=(each.get(field_name) or {}).get("expression", ""),
        pointer=f"/spec/mutations/{index}/{field_name}/expression",
    )
