"""Label selectors as `kubectl -l` and the API server have them: `app=web,tier in (a, b),!canary`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditor.cluster.access import dig_object
from auditor.json import JsonObject

_TOKEN = re.compile(r"[ \t\r\n]*(==|!=|[=!<>(),]|[^ \t\r\n=!<>(),]+)[ \t\r\n]*")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
MAX_PREFIX: Final = 253
"""Characters of a DNS name."""
OPERATORS = frozenset({"=", "==", "!=", "in", "notin", "<", ">"})
SYMBOLS = frozenset("=!<>(),") | {"==", "!="}


class SelectorError(ValueError):
    """The text is no label selector."""


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    operator: str
    """`in`, `notin`, `exists`, `absent`, `<` or `>`; `=` and `!=` are `in` and `notin` with one value."""
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, object]) -> bool:
        value = labels.get(self.key)
        if not isinstance(value, str):
            return self.operator in ("absent", "notin")
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return True
            case "absent":
                return False
        limit, number = _integer(next(iter(self.values))), _integer(value)
        if limit is None or number is None:
            return False
        return number > limit if self.operator == ">" else number < limit


@dataclass(frozen=True, slots=True)
class Selector:
    """All of its requirements have to be met; without any it lets everything through."""

    requirements: tuple[Requirement, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(requirement.key for requirement in self.requirements)

    def matches(self, obj: JsonObject) -> bool:
        if not self.requirements:
            return True
        labels = dig_object(obj, "metadata", "labels")
        return all(requirement.matches(labels) for requirement in self.requirements)


def parse_selector(text: str) -> Selector:
    """Raises SelectorError with the place of the mistake."""
    reader = _Reader(text)
    requirements = []
    if reader.peek():
        requirements.append(_read_requirement(reader))
        while reader.accept(","):
            requirements.append(_read_requirement(reader))
        if reader.peek():
            raise reader.wrong("a comma or the end")
    return Selector(tuple(requirements))


@dataclass(slots=True)
class _Reader:
    text: str
    tokens: Sequence[tuple[str, int]] = field(init=False)
    at: int = 0

    def __post_init__(self) -> None:
        self.tokens = [(match[1], match.start(1)) for match in _TOKEN.finditer(self.text)]

    def peek(self) -> str:
        """The next token; empty at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def accept(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self.at += 1
        return True

    def word(self) -> str:
        """A name or value; empty if something else comes."""
        token = self.peek()
        if token in SYMBOLS or not token:
            return ""
        self.at += 1
        return token

    def wrong(self, expected: str) -> SelectorError:
        place = self.tokens[self.at][1] + 1 if self.at < len(self.tokens) else len(self.text) + 1
        found = self.peek() or "the end"
        return SelectorError(f"label selector {self.text!r}, column {place}: expected {expected}, found {found}")


def _read_requirement(reader: _Reader) -> Requirement:
    absent = reader.accept("!")
    before = reader.at
    key = reader.word()
    if not _is_key(key):
        reader.at = before
        raise reader.wrong("the key of a label")
    if absent or reader.peek() in ("", ","):
        return Requirement(key, "absent" if absent else "exists")
    operator = reader.peek()
    if operator not in OPERATORS:
        raise reader.wrong("one of " + " ".join(sorted(OPERATORS)))
    reader.at += 1
    if operator in ("in", "notin"):
        return Requirement(key, operator, _read_set(reader))
    value = _read_value(reader)
    if operator in ("<", ">"):
        if _integer(value) is None:
            reader.at -= value != ""
            raise reader.wrong("a whole number")
        return Requirement(key, operator, frozenset({value}))
    return Requirement(key, "notin" if operator == "!=" else "in", frozenset({value}))


def _read_set(reader: _Reader) -> frozenset[str]:
    """In parentheses; between two commas, or if nothing is between them, is the empty value."""
    if not reader.accept("("):
        raise reader.wrong("(")
    values = [_read_value(reader)]
    while reader.accept(","):
        values.append(_read_value(reader))
    if not reader.accept(")"):
        raise reader.wrong("a comma or )")
    return frozenset(values)


def _read_value(reader: _Reader) -> str:
    before = reader.at
    value = reader.word()
    if value and not _NAME.fullmatch(value):
        reader.at = before
        raise reader.wrong("the value of a label")
    return value


def _is_key(text: str) -> bool:
    """A name, or a DNS name, a slash and a name."""
    prefix, slash, name = text.rpartition("/")
    if slash and (len(prefix) > MAX_PREFIX or not all(_LABEL.fullmatch(part) for part in prefix.split("."))):
        return False
    return _NAME.fullmatch(name) is not None


def _integer(text: str) -> int | None:
    """As Go reads an int64."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None
