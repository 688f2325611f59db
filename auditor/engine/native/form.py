"""The fields of native policies and bindings, and of what types they are, as strict decoding knows them."""

from functools import cache

from auditor.json import JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.policy import Kind

_TEXT: JsonObject = {"type": "string"}
# Read, with all their mistakes, by those who know them.
_OTHER: JsonObject = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _object(**fields: JsonObject) -> JsonObject:
    return {"type": "object", "properties": fields}


def _list(**fields: JsonObject) -> JsonObject:
    return {"type": "array", "items": _object(**fields)}


def _whole(spec: JsonObject) -> JsonObject:
    return _object(apiVersion=_TEXT, kind=_TEXT, metadata=_OTHER, spec=spec, status=_OTHER)


@cache
def policy_form(kind: Kind) -> StructuralSchema:
    common = {
        "paramKind": _object(apiVersion=_TEXT, kind=_TEXT),
        "matchConstraints": _OTHER,
        "matchConditions": _list(name=_TEXT, expression=_TEXT),
        "variables": _list(name=_TEXT, expression=_TEXT),
        "failurePolicy": _TEXT,
    }
    if kind is Kind.VALIDATING:
        rules = {
            "validations": _list(expression=_TEXT, message=_TEXT, messageExpression=_TEXT, reason=_TEXT),
            "auditAnnotations": _list(key=_TEXT, valueExpression=_TEXT),
        }
    else:
        expression = _object(expression=_TEXT)
        rules = {
            "mutations": _list(patchType=_TEXT, applyConfiguration=expression, jsonPatch=expression),
            "reinvocationPolicy": _TEXT,
        }
    return StructuralSchema.compile(_whole(_object(**common, **rules)))


@cache
def binding_form(kind: Kind) -> StructuralSchema:
    fields = {
        "policyName": _TEXT,
        "paramRef": _object(name=_TEXT, namespace=_TEXT, selector=_OTHER, parameterNotFoundAction=_TEXT),
        "matchResources": _OTHER,
    }
    if kind is Kind.VALIDATING:
        fields["validationActions"] = {"type": "array", "items": _TEXT}
    return StructuralSchema.compile(_whole(_object(**fields)))
