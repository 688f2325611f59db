"""The literal paths that a program selects from its input, so that a typo can be found by the schema of the kind.

Conservative: only what surely starts at the input counts. Right of a pipe, in the arguments of most functions and in
functions of the rule's own, '.' may be anything, so nothing there is reported.
"""

from collections.abc import Set
from dataclasses import field
from itertools import pairwise
from typing import TypeAlias

from auditor.dataclass import dataclass
from auditor.languages.jq.lexer import Kind, Token, position, tokens

Step: TypeAlias = str | None
"""A field by its name, or None for any item of a list, or of a map."""


@dataclass(frozen=True, slots=True)
class SelectedPath:
    path: tuple[Step, ...]
    line: int
    column: int


_SAME_INPUT = frozenset({"select", "path", "del", "first", "last", "isempty", "error", "has"})
"""Functions whose first argument sees the input that they were called with."""
_GENERATORS = frozenset({"any", "all"})
"""The same, but with two arguments only."""
_NOT_TERMS = frozenset(
    {"if", "then", "elif", "else", "and", "or", "reduce", "foreach", "try", "catch", "label", "def", "as"}
)
"""Keywords that a path may follow, or that take no arguments."""


@dataclass(slots=True)
class _Level:
    """One bracket, or what acts like one: `if ... end` and the body of `def`."""

    opened: str
    rooted: bool
    """Whether '.' is still the input of the program here."""
    start: bool = field(init=False)
    pattern: bool = False
    """After `as` or `label`, before its pipe: that pipe passes the input on."""

    def __post_init__(self) -> None:
        self.start = self.rooted


def selected_paths(text: str) -> list[SelectedPath]:
    words = list(tokens(text))
    own = {name.text for word, name in pairwise(words) if word.kind is Kind.NAME and word.text == "def"}
    found = []
    levels = [_Level("", rooted=True)]
    index = 0
    while index < len(words):
        token, level = words[index], levels[-1]
        starts = _starts_path(words, index)
        if starts and level.rooted and not level.pattern:
            path, index = _path(words, index)
            if any(path):
                found.append(SelectedPath(path, *position(text, token.offset)))
            continue
        _step(levels, words, index, own)
        index += 1
    return found


def _step(levels: list[_Level], words: list[Token], index: int, own: Set[str]) -> None:
    token, level = words[index], levels[-1]
    if token.kind is Kind.OPEN:
        rooted = level.rooted and not level.pattern and _keeps_input(words, index, own)
        if level.pattern and token.text == "(":
            level.pattern = False  # what follows the pattern of `reduce` and `foreach`
        levels.append(_Level(token.text, rooted=rooted))
    elif token.kind is Kind.CLOSE or (token.kind is Kind.NAME and token.text == "end"):
        if len(levels) > 1:
            levels.pop()
    elif token.kind is Kind.NAME:
        if token.text == "if":
            levels.append(_Level("if", rooted=level.rooted))
        elif token.text == "def":
            levels.append(_Level("def", rooted=False))
        elif token.text in ("as", "label"):
            level.pattern = True
        elif token.text in ("then", "else", "elif"):
            level.rooted = level.start
        elif token.text == "catch":
            level.rooted = False  # there '.' is the error
    elif token.kind is Kind.SIGN:
        _sign(levels, token.text)


def _sign(levels: list[_Level], sign: str) -> None:
    level = levels[-1]
    if sign == "|":
        level.rooted = level.rooted and level.pattern
        level.pattern = False
    elif sign == "|=":
        level.rooted = False
    elif sign == ";" and level.opened == "def":
        levels.pop()
    elif sign == ";":
        level.rooted = False  # the second argument of a function
    elif sign == "," and level.opened == "{":
        level.rooted = level.start


def _keeps_input(words: list[Token], index: int, own: Set[str]) -> bool:
    """Whether '.' inside of the bracket is that outside: so it is, but for the arguments of functions."""
    before = words[index - 1] if index else None
    if words[index].text != "(" or before is None or before.kind is not Kind.NAME or before.text in _NOT_TERMS:
        return True
    if before.text in own:
        return False
    return before.text in _SAME_INPUT or (before.text in _GENERATORS and _has_two_arguments(words, index))


def _has_two_arguments(words: list[Token], index: int) -> bool:
    depth = 0
    for word in words[index:]:
        depth += (word.kind is Kind.OPEN) - (word.kind is Kind.CLOSE)
        if depth == 0:
            return False
        if depth == 1 and word.kind is Kind.SIGN and word.text == ";":
            return True
    return False


def _starts_path(words: list[Token], index: int) -> bool:
    """A field that follows no term: after a term it is a step of that."""
    token, before = words[index], words[index - 1] if index else None
    is_root = token.text == "." and index + 1 < len(words) and words[index + 1].text in ("[", '"')
    if token.kind is not Kind.FIELD and not is_root:
        return False
    if before is None:
        return True
    if before.kind is Kind.NAME:
        return before.text in _NOT_TERMS
    if before.kind in (Kind.SIGN, Kind.OPEN):
        return before.text not in (".", "..", "?")
    return False


def _path(words: list[Token], index: int) -> tuple[tuple[Step, ...], int]:
    """The steps from here on that are literal, and the index of the first token that is none of them."""
    steps: list[Step] = []
    while index < len(words):
        token = words[index]
        ahead = [word.text for word in words[index + 1 : index + 5]]
        if token.kind is Kind.FIELD:
            steps.append(token.text[1:])
            index += 1
        elif token.text == "?" or (token.text == "." and ahead[:1] in (["["], ['"'])):
            index += 1
        elif token.text == "[" and ahead[:1] == ["]"]:
            steps.append(None)
            index += 2
        elif token.text == "[" and ahead[1:2] == ["]"] and words[index + 1].kind is Kind.NUMBER:
            steps.append(None)
            index += 3
        elif token.text == "[" and ahead[:1] == ['"'] and ahead[2:4] == ['"', "]"] and "\\" not in ahead[1]:
            steps.append(ahead[1])
            index += 5
        elif token.text == '"' and words[index - 1].text == "." and ahead[1:2] == ['"'] and "\\" not in ahead[0]:
            steps.append(ahead[0])
            index += 3
        else:
            break
    return tuple(steps), index
