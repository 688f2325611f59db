"""Objects of our own kinds, good and wrong ones: the real API server and our own schemas judge the same table."""

import copy
from dataclasses import dataclass
from pathlib import Path

import yaml

from auditor.json import Json, JsonObject

_HERE = Path(__file__).parent


def _load(folder: str) -> dict[str, JsonObject]:
    return {
        file.stem: yaml.load(file.read_text(), yaml.CSafeLoader) for file in sorted((_HERE / folder).glob("*.yaml"))
    }


BASES = _load("objects")
"""One good object of each CRD, with every field."""
_CHANGES = _load("changes")


@dataclass(frozen=True, slots=True)
class Case:
    """An object of the CRD `name`. A wrong one is refused at `field`, and the message has the words `says`."""

    name: str
    what: str
    object: JsonObject
    field: str = ""
    says: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"

    @property
    def of_status(self) -> bool:
        return self.field.startswith("status")


def change(base: JsonObject, put: JsonObject, drop: list[str]) -> JsonObject:
    changed = copy.deepcopy(base)
    for pointer, value in put.items():
        place, last = _find(changed, pointer)
        if isinstance(place, list):
            place[int(last) :] = [value]
        else:
            place[last] = value
    for pointer in drop:
        place, last = _find(changed, pointer)
        del place[last]
    return changed


def _find(place: Json, pointer: str) -> tuple[Json, str]:
    *steps, last = pointer.strip("/").split("/")
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    return place, last


def _read(kind: str) -> list[Case]:
    """The cases that are `good`, `wrong`, or have a field that is `unknown`."""
    return [
        Case(
            name,
            row["what"],
            change(base, row.get("set", {}), row.get("drop", [])),
            row.get("field", ""),
            row.get("says", ""),
        )
        for name, base in BASES.items()
        for row in _CHANGES[name][kind]
    ]


def _too_much(put: JsonObject, field: str, says: str) -> Case:
    return Case("policy", f"too much in {field}", change(BASES["policy"], put, []), field, says)


_RULES = [{"name": f"rule-{number}", "jq": "true"} for number in range(101)]

GOOD = [*(Case(name, "every field", base) for name, base in BASES.items()), *_read("good")]
WRONG = [
    *_read("wrong"),
    _too_much({"/spec/title": "x" * 201}, "spec.title", "may not be more than 200"),
    _too_much({"/spec/rules/0/jq": "x" * 65537}, "spec.rules[0].jq", "may not be more than 65536"),
    _too_much({"/spec/rules": _RULES}, "spec.rules", "must have at most 100 items"),
]
UNKNOWN = _read("unknown")
"""The door drops these fields, and says so to who asks for strict validation."""
