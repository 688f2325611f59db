"""The parts of a CEL expression with their places in the text. The library has expanded macros when it hands out its
tree, so that nothing in there is in the author's words; this reads the grammar for the places only. Only texts that
have compiled come here."""

import re
from collections.abc import Iterator
from typing import Final

from auditor.dataclass import dataclass

_TOKEN: Final = re.compile(
    r"""
    (?P<skip>   \s+ | //[^\n]* )
  | (?P<text>   [rRbB]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3}) )
  | (?P<raw>    (?:[rR][bB]?|[bB][rR])(?:"[^"\n]*"|'[^'\n]*') )
  | (?P<quoted> [bB]?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*') )
  | (?P<number> 0x[0-9a-fA-F]+[uU]? | (?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?[uU]? )
  | (?P<name>   [A-Za-z_][A-Za-z0-9_]* | `[^`\n]*` )
  | (?P<sign>   && | \|\| | == | != | <= | >= | \.\? | \[\? | . )
    """,
    re.VERBOSE | re.DOTALL,
)
MACROS: Final = {
    "all": 1,
    "exists": 1,
    "exists_one": 1,
    "existsOne": 1,
    "map": 1,
    "filter": 1,
    "transformList": 2,
    "transformMap": 2,
    "transformMapEntry": 2,
}
_LEVELS: Final = (
    ("or", ("||",)),
    ("and", ("&&",)),
    ("compare", ("==", "!=", "<=", ">=", "<", ">", "in")),
    ("arithmetic", ("+", "-")),
    ("arithmetic", ("*", "/", "%")),
)
_WORDS: Final = ("true", "false", "null")


class SpanError(ValueError):
    """A text that this reader does not know how to read."""


@dataclass(frozen=True, slots=True)
class Span:
    kind: str
    """or, and, compare, arithmetic, not, choice, macro, call, path, literal, list."""
    start: int
    end: int
    parts: "tuple[Span, ...]" = ()
    """Of a macro its range and its body; of a path what it begins with, where that is more than a name."""
    name: str = ""
    """Of a macro or a call."""
    variables: tuple[str, ...] = ()


def read_spans(text: str) -> Span:
    """Raises SpanError."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str, int, int]] = list(_tokens(text))
        self._at = 0

    def read(self) -> Span:
        span = self._choice()
        if self._at != len(self._tokens):
            raise SpanError(f"at {self._tokens[self._at][2]}")
        return span

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            return ""
        kind, word, _, _ = self._tokens[self._at]
        return word if kind in ("sign", "name") else kind

    def _take(self, wanted: str = "") -> tuple[str, str, int, int]:
        if self._at >= len(self._tokens) or (wanted and self._peek() != wanted):
            raise SpanError(f"{wanted or 'more'} is missing")
        self._at += 1
        return self._tokens[self._at - 1]

    def _choice(self) -> Span:
        condition = self._binary(0)
        if self._peek() != "?":
            return condition
        self._take()
        yes = self._binary(0)
        self._take(":")
        no = self._choice()
        return Span("choice", condition.start, no.end, (condition, yes, no))

    def _binary(self, level: int) -> Span:
        if level == len(_LEVELS):
            return self._unary()
        kind, signs = _LEVELS[level]
        parts = [self._binary(level + 1)]
        whole = parts[0]
        while self._peek() in signs:
            self._take()
            part = self._binary(level + 1)
            # `a && b && c` is one thing with three parts; of all else each sign makes another.
            parts = [*parts, part] if kind in ("and", "or") else [whole, part]
            whole = Span(kind, whole.start, part.end, tuple(parts))
        return whole

    def _unary(self) -> Span:
        if self._peek() not in ("!", "-"):
            return self._member()
        _, sign, start, _ = self._take()
        part = self._unary()
        literal = sign == "-" and part.kind == "literal"
        return Span("literal" if literal else "not" if sign == "!" else "arithmetic", start, part.end, (part,))

    def _member(self) -> Span:
        span = self._primary()
        while True:
            sign = self._peek()
            if sign in (".", ".?"):
                self._take()
                _, name, _, end = self._take()
                called = self._peek() == "(" and sign == "."
                span = self._call(name, span.start, span) if called else _path(span, end)
            elif sign in ("[", "[?"):
                self._take()
                key = self._choice()
                span = _path(span, self._take("]")[3], key)
            elif sign == "{" and span.kind == "path":
                span = Span("literal", span.start, self._braces(span.start).end)  # `Object{...}`: keys are no names
            else:
                return span

    def _call(self, name: str, start: int, target: Span | None = None) -> Span:
        self._take("(")
        arguments, end = self._list(")")
        count = MACROS.get(name, 0)
        two = name in ("all", "exists", "exists_one", "existsOne") and len(arguments) == 3
        count = 2 if two else count
        names = [a.name for a in arguments[:count] if a.kind == "path" and not a.parts and a.name]
        if target is not None and count and len(names) == count and len(arguments) > count:
            return Span("macro", start, end, (target, *arguments[count:]), name, tuple(names))
        parts = ((target,) if target is not None else ()) + tuple(arguments)
        return Span("call", start, end, parts, name)

    def _list(self, close: str) -> tuple[list[Span], int]:
        parts: list[Span] = []
        while self._peek() != close:
            if self._peek() == "?":
                self._take()
            parts.append(self._choice())
            if self._peek() in (",", ":"):
                self._take()
            elif self._peek() != close:
                raise SpanError("a comma is missing")
        return parts, self._take(close)[3]

    def _braces(self, start: int) -> Span:
        self._take("{")
        parts, end = self._list("}")
        return _listed(start, end, parts)

    def _primary(self) -> Span:
        kind, word, start, end = self._take()
        if kind in ("text", "raw", "quoted", "number") or word in _WORDS:
            return Span("literal", start, end)
        if word == "(":
            inner = self._choice()
            return Span(inner.kind, start, self._take(")")[3], inner.parts, inner.name, inner.variables)
        if word == "[":
            parts, end = self._list("]")
            return _listed(start, end, parts)
        if word == "{":
            self._at -= 1
            return self._braces(start)
        if word == ".":
            _, word, _, end = self._take()
            kind = "name"
        if kind != "name":
            raise SpanError(f"at {start}")
        if self._peek() == "(":
            return self._call(word, start)
        return Span("path", start, end, name=word)


def _listed(start: int, end: int, parts: list[Span]) -> Span:
    """One of literals is one itself."""
    return Span("literal" if all(part.kind == "literal" for part in parts) else "list", start, end, tuple(parts))


def _path(base: Span, end: int, key: Span | None = None) -> Span:
    """`a.b[c]`: parts are what it begins with, if that is a call or the like, and keys that are computed."""
    parts = base.parts if base.kind == "path" else (base,)
    if key is not None and key.kind != "literal":
        parts = (*parts, key)
    return Span("path", base.start, end, parts)


def _tokens(text: str) -> Iterator[tuple[str, str, int, int]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise SpanError(f"at {at}")
        if match.lastgroup != "skip":
            yield match.lastgroup, match[0], at, match.end()
        at = match.end()
