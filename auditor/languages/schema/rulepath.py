"""The fieldPath of a rule: names with dots, and names in brackets: `.spec['a.b'].c`."""

import re

from auditor.dataclass import dataclass
from auditor.languages.schema.node import Node
from auditor.languages.schema.place import Place
from auditor.languages.schema.violation import pointer

_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class RulePath:
    """`text` as the server prints it."""

    steps: tuple[str, ...] = ()
    text: str = ""

    def under(self, place: Place) -> Place:
        if not self.steps:
            return place
        at = place.pointer
        for step in self.steps:
            at = pointer(at, step)
        return Place(at, f"{place.field}.{self.text}" if place.field else self.text)


def parse_rule_path(text: str, node: Node) -> tuple[RulePath, str]:
    """The path, and what is wrong with it: it has to lead to fields that the schema describes."""
    steps: list[str] = []
    shown = ""
    at, here = 0, node
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            return RulePath(), f"{text!r} is no path such as .spec.replicas or .spec['a.b']"
        name = found[1] if found[1] is not None else _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[0]), found[2])
        below = here.child(name)
        if below is None:
            return RulePath(), f"{text!r} does not refer to a valid field: there is no {name!r}"
        shown += (f".{name}" if shown else name) if here.properties else f"[{name}]"
        steps.append(name)
        at, here = found.end(), below
    return RulePath(tuple(steps), shown), ""
