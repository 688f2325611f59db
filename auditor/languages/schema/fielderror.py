"""The violations of a custom resource, with the cause types and texts that the API server uses."""

from collections.abc import Iterable, Sequence

from auditor.json import Json
from auditor.languages.schema.place import Place
from auditor.languages.schema.values import quote, show, show_json
from auditor.languages.schema.violation import Violation

NOWHERE = "<nil>"
"""What the server prints as the field when it names none."""
BLOCKING = frozenset(
    ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid")
)
"""With one of these the server does not run CEL rules."""


def _violation(place: Place, cause: str, message: str, value: Json) -> Violation:
    return Violation(place.pointer, message, value, place.field or NOWHERE, cause)


def _detailed(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def required(place: Place, detail: str = "") -> Violation:
    return _violation(place, "FieldValueRequired", _detailed("Required value", detail), None)


def forbidden(place: Place, value: Json, detail: str) -> Violation:
    return _violation(place, "FieldValueForbidden", _detailed("Forbidden", detail), value)


def invalid(place: Place, shown: Json, detail: str, *, value: Json = None) -> Violation:
    """`shown` stands in the message; `value` is what is there, where that differs."""
    text = _detailed(f"Invalid value: {show(shown)}", detail)
    return _violation(place, "FieldValueInvalid", text, shown if value is None else value)


def invalid_text(place: Place, shown: str, detail: str, value: Json) -> Violation:
    """With the value as text already."""
    return _violation(place, "FieldValueInvalid", f"Invalid value: {shown}: {detail}", value)


def invalid_composite(place: Place, value: Json, detail: str) -> Violation:
    """Of objects and arrays CEL rules do not show the value."""
    return _violation(place, "FieldValueInvalid", _detailed("Invalid value", detail), value)


def wrong_type(place: Place, shown: str, detail: str, value: Json) -> Violation:
    text = _detailed(f"Invalid value: {quote(shown)}", detail)
    return _violation(place, "FieldValueTypeInvalid", text, value)


def not_supported(place: Place, value: Json, supported: Sequence[Json]) -> Violation:
    names = ", ".join(quote(v if isinstance(v, str) else show_json(v)) for v in supported)
    text = _detailed(f"Unsupported value: {show(value)}", f"supported values: {names}")
    return _violation(place, "FieldValueNotSupported", text, value)


def too_long(place: Place, value: str, limit: int) -> Violation:
    detail = f"may not be more than {limit} byte{'' if limit == 1 else 's'}" if limit >= 0 else "value is too long"
    return _violation(place, "FieldValueTooLong", f"Too long: {detail}", value)


def too_many(place: Place, value: Json, limit: int) -> Violation:
    detail = f"must have at most {limit} item{'' if limit == 1 else 's'}" if limit >= 0 else "has too many items"
    return _violation(place, "FieldValueTooMany", f"Too many: {len(value)}: {detail}", value)


def duplicate(place: Place, shown: Json, *, value: Json = None) -> Violation:
    text = f"Duplicate value: {show(shown)}"
    return _violation(place, "FieldValueDuplicate", text, shown if value is None else value)


def duplicate_composite(place: Place, value: Json) -> Violation:
    return _violation(place, "FieldValueDuplicate", "Duplicate value", value)


def general(place: Place, detail: str, value: Json) -> Violation:
    """What the server reports without a field."""
    return Violation(place.pointer, f'Invalid value: "": {detail}', value, NOWHERE, "FieldValueInvalid")


def internal(place: Place, detail: str, value: Json) -> Violation:
    return _violation(place, "InternalError", f"Internal error: {detail}", value)


def unchecked_rules() -> Violation:
    return Violation(
        "",
        "Invalid value: null: some validation rules were not checked because the object was invalid;"
        " correct the existing errors to complete validation",
        None,
        NOWHERE,
        "FieldValueInvalid",
    )


def blocks_rules(violations: Iterable[Violation]) -> bool:
    return any(v.cause in BLOCKING for v in violations)
