"""What libjq says of a text that does not compile, for people: where it is, and without the parser's inner words."""

import re

from auditor.errors import Problem

_ERROR = re.compile(
    r"jq: error: (?P<what>.*?) at <top-level>, line (?P<line>\d+)(?:, column (?P<column>\d+))?:", re.DOTALL
)
_PLAIN = re.compile(r"^jq: error: (?P<what>.+)$", re.MULTILINE)
_SHELL = re.compile(r" \((?:Unix|Windows cmd) shell quoting issues\?\)")
_LONGEST_EXCERPT = 120
"""Characters of a line that are shown: the width of the lines of this project, and of most terminals."""

_TOKENS = {
    "IDENT": "a name",
    "FIELD": "a field",
    "BINDING": "a variable",
    "LITERAL": "a number",
    "FORMAT": "a format",
    "QQSTRING_START": "a string",
    "QQSTRING_TEXT": "text",
    "QQSTRING_INTERP_START": "\\(",
    "QQSTRING_INTERP_END": "')' of an interpolation",
    "QQSTRING_END": "the end of the string",
    "INVALID_CHARACTER": "a character that has no place here",
    "end of file": "the end of the program",
    "$end": "the end of the program",
}
_TOKEN = re.compile("|".join(map(re.escape, _TOKENS)))


def problems(said: str, text: str, *, above: int) -> list[Problem]:
    """`above`: how many lines of our own stood above the text when libjq read it."""
    lines = text.split("\n")
    found = []
    for match in _ERROR.finditer(said):
        line = min(max(int(match["line"]) - above, 1), len(lines))
        shown = lines[line - 1]
        column = _characters(shown, int(match["column"]) - 1) + 1 if match["column"] else 0
        found.append(Problem(f"{_readable(match['what'])}{_excerpt(shown, column)}", line, column))
    if not found:
        found = [Problem(_readable(match["what"])) for match in _PLAIN.finditer(said)]
    return list(dict.fromkeys(found)) or [Problem(_readable(said) or "the program is not valid")]


def _readable(what: str) -> str:
    return _TOKEN.sub(lambda match: _TOKENS[match.group()], _SHELL.sub("", what)).strip()


def _characters(line: str, count: int) -> int:
    """libjq counts bytes."""
    return len(line.encode(errors="replace")[:count].decode(errors="ignore"))


def _excerpt(line: str, column: int) -> str:
    if not column or not line.strip():
        return ""
    start = max(0, column - _LONGEST_EXCERPT // 2)
    shown = line[start : start + _LONGEST_EXCERPT].replace("\t", " ")
    return f"\n    {shown}\n    {' ' * (column - 1 - start)}^"
