"""A stored object is invalid against the schema that its CRD has now: it was written before the schema got stricter.

An update is forgiven what it leaves as it is, but nothing is forgiven here: whoever has to touch these fields, or to
make the object anew from a backup, will be refused.
"""

from collections.abc import Iterator
from typing import Final

from auditor.checks.notes import Notes
from auditor.checks.stored import Stored
from auditor.json import Json
from auditor.languages.privacy import SECRET
from auditor.languages.schema import Violation
from auditor.languages.schema.fielderror import unchecked_rules
from auditor.languages.schema.values import show

BUILT_IN: Final = "the kind is built in: the API server keeps no invalid object of it"
NO_SCHEMA: Final = "the schema of the CRD cannot be used"
UNASKED: Final = "x-kubernetes-validations are not asked while the object is invalid otherwise"
_UNCHECKED: Final = unchecked_rules()

# What is wrong, where the value must not be shown: the texts of the server hold it.
_PLAIN: Final = {
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueTypeInvalid": "Invalid value: it has the wrong type",
}
_VALUELESS: Final = frozenset({"FieldValueRequired", "FieldValueForbidden", "FieldValueTooLong", "FieldValueTooMany"})
REPAIR: Final = "Change the object so that it is valid, or the schema of the CRD so that it allows what is stored."


def find_invalid(stored: Stored, notes: Notes) -> None:
    thing, schema = stored.request.object, stored.schema
    if schema is None or thing is None:
        notes.skip(BUILT_IN if stored.facts is None else NO_SCHEMA)
        return
    for violation in schema.validate(thing):
        if violation == _UNCHECKED:
            notes.gap(UNASKED)
        elif violation.is_error:
            notes.error(rule_of(violation), violation.message, path=violation.path)
        else:
            message = f"{violation.path or 'the object'}: {say(violation)}"
            notes.fail(rule_of(violation), message, path=violation.path, remediation=REPAIR, shows_value=True)


def rule_of(violation: Violation) -> str:
    return violation.cause.removeprefix("FieldValue").lower() or "invalid"


def say(violation: Violation) -> str:
    """In the words of the API server, unless they show what looks secret."""
    secret = violation.cause not in _VALUELESS and SECRET.search(violation.path)
    if secret or any(text in violation.message for text in _secrets(violation.value)):
        return _PLAIN.get(violation.cause, "Invalid value")
    return violation.message


def _secrets(value: Json, *, named: bool = False) -> Iterator[str]:
    """What stands under names that look secret, as it would stand in a message."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _secrets(below, named=named or SECRET.search(str(name)) is not None)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets(item, named=named)
    elif named and value not in ("", None):
        yield show(value).strip('"')
