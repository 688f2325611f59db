"""The rules of our own CRDs in Python, for the quick look: importing CEL and compiling them takes longer than a scan.

Each says yes only where the rule in CEL does; a rule that is not here is asked in CEL.
"""

import re
from collections.abc import Callable
from typing import Final

from auditor.json import JsonObject
from auditor.languages.schema.surely import SureRules

_QUALIFIED: Final = re.compile(
    r"((?P<prefix>[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)/)?"
    r"(?P<name>[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)"
)
_MAX_PREFIX: Final = 253
_MAX_NAME: Final = 63
# What CEL keeps for itself.
_WORDS: Final = (
    "'true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', "
    "'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while'"
)
_RESERVED: Final = frozenset(re.findall(r"\w+", _WORDS))


def _is_qualified(text: str) -> bool:
    found = _QUALIFIED.fullmatch(text)
    return found is not None and len(found["prefix"] or "") <= _MAX_PREFIX and len(found["name"]) <= _MAX_NAME


def _has_one(names: str) -> tuple[str, Callable[[JsonObject], bool]]:
    listed = names.split()
    text = f"[{', '.join(f'has(self.{name})' for name in listed)}].filter(set, set).size() == 1"
    return text, lambda self: sum(name in self for name in listed) == 1


def _values_fit(self: JsonObject) -> bool:
    return (self["operator"] in ("In", "NotIn")) == bool(self.get("values"))


def _names_itself(self: JsonObject) -> bool:
    of = self["spec"]["resource"]
    return bool(self["metadata"].get("name") == f"{of['resource']}.{of['group']}")


def _hub_is_known(self: JsonObject) -> bool:
    return "hub" not in self or any(self["hub"] in (step["from"], step["to"]) for step in self["steps"])


OWN_RULES: Final[SureRules] = {
    "(has(self.rules) && size(self.rules) > 0) || (has(self.mutate) && size(self.mutate) > 0)": lambda self: bool(
        self.get("rules") or self.get("mutate")
    ),
    "!(has(self.params) && has(self.paramKind))": lambda self: not ("params" in self and "paramKind" in self),
    "has(self.paramKind) || !has(self.paramRef)": lambda self: "paramKind" in self or "paramRef" not in self,
    "has(self.paramRef) || !has(self.paramKind)": lambda self: "paramRef" in self or "paramKind" not in self,
    "size(self) == 1 || !('*' in self)": lambda self: len(self) == 1 or "*" not in self,
    "size(self) == 1 || !('*/*' in self)": lambda self: len(self) == 1 or "*/*" not in self,
    "!('*' in self) || self.all(r, r == '*' || r.contains('/'))": lambda self: (
        "*" not in self or all(r == "*" or "/" in r for r in self)
    ),
    "self.all(r, !r.contains('/') || r.endsWith('/*') || !((r.split('/')[0] + '/*') in self))": lambda self: all(
        "/" not in r or r.endswith("/*") or f"{r.split('/')[0]}/*" not in self for r in self
    ),
    "self.all(r, !r.contains('/') || r.startsWith('*/') || !(('*/' + r.split('/')[1]) in self))": lambda self: all(
        "/" not in r or r.startswith("*/") or f"*/{r.split('/')[1]}" not in self for r in self
    ),
    "self.all(key, !format.qualifiedName().validate(key).hasValue())": lambda self: all(map(_is_qualified, self)),
    "!format.qualifiedName().validate(self).hasValue()": _is_qualified,
    "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)": _values_fit,
    "has(self.name) != has(self.selector)": lambda self: ("name" in self) != ("selector" in self),
    f"!(self in [{_WORDS}])": lambda self: self not in _RESERVED,
    "!has(self.messageExpression) || has(self.cel)": lambda self: "messageExpression" not in self or "cel" in self,
    "(self.op in ['move', 'copy']) == has(self.from)": lambda self: (
        (self["op"] in ("move", "copy")) == ("from" in self)
    ),
    "self.metadata.name == self.spec.resource.resource + '.' + self.spec.resource.group": _names_itself,
    "!has(self.hub) || self.steps.exists(step, step.from == self.hub || step.to == self.hub)": _hub_is_known,
    "self.from != self.to": lambda self: bool(self["from"] != self["to"]),
    **dict([_has_one("jq deny schema cel"), _has_one("jq jsonPatch mergePatch cel")]),
}
