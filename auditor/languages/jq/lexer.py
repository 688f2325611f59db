"""The words of a jq program with their places. libjq parses; this is for what libjq does not tell."""

import re
from collections.abc import Iterator
from enum import Enum, auto

from auditor.dataclass import dataclass


class Kind(Enum):
    FIELD = auto()  # .name
    VARIABLE = auto()  # $name
    NAME = auto()  # functions and keywords
    NUMBER = auto()
    FORMAT = auto()  # @name
    OPEN = auto()  # ( [ { and the start of an interpolation
    CLOSE = auto()  # ) ] } and the end of an interpolation
    QUOTE = auto()  # at either end of a string
    TEXT = auto()  # inside of a string
    SIGN = auto()  # all else


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    offset: int


_NAME = r"(?:[A-Za-z_][A-Za-z0-9_]*::)*[A-Za-z_][A-Za-z0-9_]*"
_CODE = re.compile(
    rf"""
    (?P<skip>   [ \t\r\n]+ | \#(?:\\[\\\n] | \\\r\n | [^\n])* )   # a comment goes on after a backslash at its end
  | (?P<FIELD>  \.[A-Za-z_][A-Za-z0-9_]* )
  | (?P<VARIABLE> \$\s*{_NAME} )
  | (?P<NAME>   {_NAME} )
  | (?P<NUMBER> (?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? )
  | (?P<FORMAT> @[A-Za-z0-9_]+ )
  | (?P<OPEN>   [(\[{{] )
  | (?P<CLOSE>  [)\]}}] )
  | (?P<QUOTE>  " )
  | (?P<SIGN>   \?// | //= | \|= | \+= | -= | \*= | /= | %= | == | != | <= | >= | // | \.\. | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_STRING = re.compile(r'(?P<OPEN>\\\()|(?P<QUOTE>")|(?P<TEXT>(?:[^"\\]|\\[^(])+|\\)', re.DOTALL)


def tokens(text: str) -> Iterator[Token]:
    """Every text has tokens, also one that is no program: then the parser says so."""
    offset = 0
    inside: list[str] = []  # the brackets and strings that are open
    while offset < len(text):
        in_string = bool(inside) and inside[-1] == '"'
        match = (_STRING if in_string else _CODE).match(text, offset)
        if match is None or match.lastgroup is None:  # cannot be: both patterns take any character
            raise AssertionError(f"no token at {offset}")
        word, name = match.group(), match.lastgroup
        if name != "skip":
            yield Token(Kind[name], word, offset)
            if name == "QUOTE":
                if in_string:
                    inside.pop()
                else:
                    inside.append(word)
            elif name == "OPEN":
                inside.append(word)
            elif name == "CLOSE" and inside:
                inside.pop()
        offset = match.end()


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, in characters."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
