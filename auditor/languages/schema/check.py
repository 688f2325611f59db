"""The exact check of an object against its structural schema, with the API server's findings.

It runs where the fast check says no (see fast.py), and follows the server's validator closely, oddities included:
which alternative of anyOf and oneOf is reported depends on how many checks each of them passed.
"""

import math
from dataclasses import field

from auditor.dataclass import dataclass
from auditor.json import Json, JsonObject
from auditor.languages.schema import fielderror
from auditor.languages.schema.correlation import Correlation
from auditor.languages.schema.formats import FORMATS, is_format
from auditor.languages.schema.node import Node
from auditor.languages.schema.numbers import check_number
from auditor.languages.schema.place import ROOT, Place
from auditor.languages.schema.values import Kind, as_float, is_whole, kind_of, quote, same
from auditor.languages.schema.violation import Violation


@dataclass(slots=True)
class Findings:
    """`by_text` because the server reports each text once; `passed` counts the checks that were made."""

    by_text: dict[str, Violation] = field(default_factory=dict)
    passed: int = 0

    def add(self, text: str, violation: Violation) -> None:
        self.by_text.setdefault(text, violation)

    def merge(self, other: "Findings") -> None:
        for text, violation in other.by_text.items():
            self.by_text.setdefault(text, violation)
        self.passed += other.passed


def check(node: Node, value: JsonObject, against: Correlation | None = None) -> list[Violation]:
    """With `against`, what is wrong in unchanged parts is forgiven."""
    return list(_checked(node, value, ROOT, against).by_text.values())


def _checked(node: Node, value: Json, place: Place, against: Correlation | None) -> Findings:
    findings = _check(node, value, place, against)
    if findings.by_text and against is not None and against.unchanged():
        findings.by_text.clear()
    return findings


def _check(node: Node, value: Json, place: Place, against: Correlation | None) -> Findings:
    findings = Findings()
    kind = kind_of(value)
    if kind is Kind.NULL:
        if node.types and not node.nullable:
            _add_type(findings, place, ",".join(node.types), "null", value)
        else:
            findings.passed += 1
        _check_enum(node, value, kind, place, findings)
        return findings
    if node.types or node.format:
        _check_type(node, value, kind, place, findings)
        findings.passed += 1
    _check_alternatives(node, value, place, findings)
    findings.passed += 2  # itself, and as one of the checks of this level
    if kind is Kind.STRING:
        _check_string(node, value, place, findings)
        if node.format.replace("-", "") in FORMATS:
            _check_format(node, value, place, findings)
    elif kind in (Kind.INTEGER, Kind.NUMBER):
        for text, violation in check_number(node, value, kind, place):
            findings.add(text, violation)
        findings.passed += 2
    elif kind is Kind.ARRAY:
        _check_items(node, value, place, against, findings)
        findings.passed += 2
    _check_enum(node, value, kind, place, findings)
    findings.passed += 1
    if kind is Kind.OBJECT:
        _check_object(node, value, place, against, findings)
        findings.passed += 1
    findings.passed += 1
    return findings


def _add_type(findings: Findings, place: Place, wanted: str, found: str, value: Json) -> None:
    text = f"{place.field} in body must be of type {wanted}: {quote(found)}"
    findings.add(text, fielderror.wrong_type(place, found, text, value))


_FORMATS_OF = {Kind.INTEGER: "int64", Kind.NUMBER: "float64"}


def _check_type(node: Node, value: Json, kind: Kind, place: Place, findings: Findings) -> None:
    types = node.types
    fits = kind in types or (kind is Kind.INTEGER and "number" in types)
    fits = fits or (kind is Kind.NUMBER and "integer" in types and is_whole(as_float(value)))
    textual = kind in (Kind.STRING, Kind.ARRAY)
    own = _FORMATS_OF.get(kind, "")
    if node.format and not textual and not fits and own != node.format:
        _add_type(findings, place, node.format, own, value)
    elif node.format and textual and not {"number", "integer"} & set(types):
        findings.passed += 1  # the server leaves this to the format, and so takes an array for a date
    elif not fits:
        _add_type(findings, place, ",".join(types), kind, value)
    else:
        findings.passed += 1


def _check_alternatives(node: Node, value: Json, place: Place, findings: Findings) -> None:
    """allOf, anyOf, oneOf and not. Nothing is forgiven inside of them."""
    if node.any_of:
        _check_any(node, value, place, findings)
    if node.one_of:
        _check_one(node, value, place, findings)
    if node.all_of:
        results = [_check(n, value, place, None) for n in node.all_of]
        for result in results:
            findings.merge(result)
        valid = sum(not r.by_text for r in results)
        if valid != len(results):
            none = "" if valid else ". None validated"
            _add_general(findings, place, f"must validate all the schemas (allOf){none}", value)
    if node.not_ is not None and not _check(node.not_, value, place, None).by_text:
        _add_general(findings, place, "must not validate the schema (not)", value)


def _add_general(findings: Findings, place: Place, what: str, value: Json) -> None:
    text = f"{quote(place.field)} {what}"
    findings.add(text, fielderror.general(place, text, value))


def _check_any(node: Node, value: Json, place: Place, findings: Findings) -> None:
    best: Findings | None = None
    for alternative in node.any_of:
        result = _check(alternative, value, place, None)
        if not result.by_text:
            findings.merge(result)
            return
        if best is None or result.passed > best.passed:
            best = result
    _add_general(findings, place, "must validate at least one schema (anyOf)", value)
    if best is not None:
        findings.merge(best)


def _check_one(node: Node, value: Json, place: Place, findings: Findings) -> None:
    best: Findings | None = None
    first: Findings | None = None
    valid = 0
    for alternative in node.one_of:
        result = _check(alternative, value, place, None)
        if not result.by_text:
            valid += 1
            first = first or result
        elif valid == 0 and (best is None or result.passed > best.passed):
            best = result
    if valid == 1 and first is not None:
        findings.merge(first)
        return
    found = f"Found {valid} valid alternatives" if valid else "Found none valid"
    _add_general(findings, place, f"must validate one and only one schema (oneOf). {found}", value)
    if valid == 0 and best is not None:
        findings.merge(best)


def _check_string(node: Node, value: str, place: Place, findings: Findings) -> None:
    """At most one of length and pattern is reported."""
    findings.passed += 1
    at = f"{place.field} in body should"
    if node.max_length is not None and len(value) > node.max_length:
        text = f"{at} be at most {node.max_length} chars long"
        findings.add(text, fielderror.too_long(place, value, node.max_length))
    elif node.min_length is not None and len(value) < node.min_length:
        text = f"{at} be at least {node.min_length} chars long"
        findings.add(text, fielderror.invalid(place, value, text))
    elif node.matches is not None and not node.matches(value):
        text = f"{at} match '{node.pattern}'"
        findings.add(text, fielderror.invalid(place, value, text))


def _check_format(node: Node, value: str, place: Place, findings: Findings) -> None:
    findings.passed += 1
    if not is_format(node.format, value):
        text = f"{place.field} in body must be of type {node.format}: {quote(value)}"
        findings.add(text, fielderror.wrong_type(place, value, text, value))


def _check_items(node: Node, value: list[Json], place: Place, against: Correlation | None, findings: Findings) -> None:
    if node.items is not None:
        for i, item in enumerate(value):
            findings.merge(_checked(node.items, item, place.item(i), against.index(i) if against else None))
    if node.min_items is not None and len(value) < node.min_items:
        text = f"{place.field} in body should have at least {node.min_items} items"
        findings.add(text, fielderror.invalid(place, len(value), text, value=value))
    if node.max_items is not None and len(value) > node.max_items:
        text = f"{place.field} in body should have at most {node.max_items} items"
        findings.add(text, fielderror.too_many(place, value, node.max_items))


def _check_object(node: Node, value: JsonObject, place: Place, against: Correlation | None, findings: Findings) -> None:
    if node.min_properties is not None and len(value) < node.min_properties:
        text = f"{place.field} in body should have at least {node.min_properties} properties"
        findings.add(text, fielderror.invalid(place, len(value), text, value=value))
    if node.max_properties is not None and len(value) > node.max_properties:
        text = f"{place.field} in body should have at most {node.max_properties} properties"
        findings.add(text, fielderror.too_many(place, value, node.max_properties))
    for name, item in value.items():
        child = node.child(name)
        if child is not None:
            hidden = not place.field and name in ("kind", "apiVersion")  # the server does not see their change
            old = against.key(name) if against is not None and not hidden else None
            findings.merge(_checked(child, item, place.child(name), old))
        elif node.additional is False:
            text = f"{place.field}.{name} in body is a forbidden property"
            at = Place(place.child(name).pointer, place.field)
            findings.add(text, fielderror.invalid(at, name, text, value=item))
    for name in node.required:
        if name not in value:
            missing = place.child(name)
            findings.add(f"{missing.field} in body is required", fielderror.required(missing))


def _check_enum(node: Node, value: Json, kind: Kind, place: Place, findings: Findings) -> None:
    if node.enum and not any(_is_member(value, kind, allowed) for allowed in node.enum):
        text = f"{place.field} in body should be one of {node.enum}"
        findings.add(text, fielderror.not_supported(place, value, node.enum))


def _is_member(value: Json, kind: Kind, allowed: Json) -> bool:
    """As Go converts between types: 1.5 is truncated to meet an int, 65 is "A". null is no member of anything."""
    wanted = kind_of(allowed)
    if Kind.NULL in (kind, wanted):
        return False
    if kind is Kind.INTEGER and wanted is Kind.NUMBER:
        return float(value) == as_float(allowed)
    if kind is Kind.INTEGER and wanted is Kind.STRING:
        in_unicode = 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF
        return bool((chr(value) if in_unicode else "\ufffd") == allowed)
    if kind is Kind.NUMBER and wanted is Kind.INTEGER:
        number = as_float(value)
        return math.isfinite(number) and math.trunc(number) == allowed
    return same(value, allowed)
