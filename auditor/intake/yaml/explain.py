"""The parser's words for a mistake, said so that somebody can act on them."""

import re
from typing import TYPE_CHECKING

from auditor.intake.yaml.document import Fault

if TYPE_CHECKING:
    from yaml import YAMLError

# What libyaml says, what it means, what helps. The first that fits is used.
_MEANINGS = (
    ("mapping values are not allowed", "a colon where no key can stand", "check the indentation, or quote the value"),
    ("did not find expected key", "the indentation fits no mapping above it", "align the key with its neighbours"),
    ("could not find expected ':'", "a key without a colon", "write `key: value`, or check the indentation"),
    ("did not find expected '-' indicator", "the indentation fits no list above it", "align the list's dashes"),
    ("block sequence entries are not allowed", "a list item where none can stand", "put the list on its own lines"),
    ("while scanning a quoted scalar", "a quote that is never closed", "close it"),
    ("did not find expected ',' or", "a bracket that is never closed, or a comma missing", "close or separate it"),
    ("unknown escape character", "an unknown escape in double quotes", "double the backslash, or use single quotes"),
    ("invalid Unicode character escape", "an escape that is no character", "write the character itself"),
    ("did not find expected <document start>", "content behind a complete value", "begin the next document with ---"),
    ("undefined tag handle", "a tag that is not declared", "remove the tag"),
)
# How an action of a Go template begins: {{ .Values.x }}, {{- if ...}}, {{ include "x" . }}.
_ACTION = re.compile(r"\{\{-?\s*[.$a-z(\"/]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def explain(error: "YAMLError", text: str) -> Fault:
    from yaml import MarkedYAMLError  # it is there: its error is here
    from yaml.reader import ReaderError

    if isinstance(error, ReaderError):
        return find_unreadable(text) or Fault(str(error.reason))
    if not isinstance(error, MarkedYAMLError):
        return Fault(str(error))
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.split("\n")
    shown = lines[line] if line < len(lines) else ""
    if "\t" in shown[: column + 1] and not shown[: column + 1].strip():
        return Fault("a tab in the indentation", line, shown.index("\t"), "indent with spaces")
    said = ": ".join(part for part in (error.context, error.problem) if part)
    for phrase, meaning, advice in _MEANINGS:
        if phrase in said:
            return Fault(meaning, line, column, advice)
    return Fault(said or "not YAML", line, column)


def tell_template(fault: Fault, text: str) -> Fault:
    """What fails where a template has one of its actions is not YAML yet: no advice about YAML would help."""
    lines = text.split("\n")
    advice = "scan what comes out of it, as of `helm template`"
    for number in range(fault.line, max(fault.line - 2, -1), -1):  # {{- if }} alone on a line is told of on the next
        action = _ACTION.search(lines[number]) if number < len(lines) else None
        if action and (number == fault.line or not lines[number][: action.start()].strip()):
            return Fault("a template, which is no YAML yet", number, action.start(), advice)
    return fault


def find_unreadable(text: str) -> Fault | None:
    """The first character that no YAML text may hold; bytes that were no UTF-8 stand in it as lone surrogates."""
    match = _UNPRINTABLE.search(text)
    if not match:
        return None
    at = match.start()
    line, column = text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1)
    if _SURROGATE.match(match[0]):
        return Fault("not UTF-8", line, column, "save the file as UTF-8")
    advice = "is this a text file?" if match[0] == "\0" else "remove it, or write it as an escape in double quotes"
    return Fault(f"the control character U+{ord(match[0]):04X}", line, column, advice)
