"""Values to text, in the style of the document that they are put into."""

import json
import re
from typing import Final

from auditor.intake.yaml.document import Fault
from auditor.intake.yaml.edit.style import Style
from auditor.intake.yaml.scalars import read_plain
from auditor.json import Json, JsonObject

# What can stand without quotes anywhere, in brackets too; a careful subset of what YAML allows.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_/](?:[A-Za-z0-9_./@+=-]|:(?=[A-Za-z0-9_/.])| (?=[A-Za-z0-9_/]))*")
# Longer keys libyaml does not know without a question mark.
_MAX_KEY: Final = 1000
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def write_scalar(value: Json, quote: str = "", *, style: Style) -> str:
    """In one line. `quote` is that of what stood there: it stays where it can."""
    if not isinstance(value, str):
        return json.dumps(value)
    if style.json:
        return _escape_json(value)
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if quote != '"' and _is_plain(value):
        return value
    return write_double(value)


def write_key(key: str, *, style: Style) -> str:
    return _escape_json(key) if style.json else write_scalar(key, style=style)


def _escape_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def write_double(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _code(c)) for c in text) + '"'


def _code(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_plain(text: str) -> bool:
    if not _PLAIN.fullmatch(text):
        return False
    try:
        return read_plain(text) == text
    except Fault:
        return False


def is_inline(value: Json) -> bool:
    """It has no lines of its own, in block style either."""
    return not (isinstance(value, dict | list) and value)


def is_unwritable(value: Json) -> bool:
    """A key that would need a question mark."""
    if isinstance(value, dict):
        return any(len(key) > _MAX_KEY or is_unwritable(each) for key, each in value.items())
    return isinstance(value, list) and any(map(is_unwritable, value))


def write_flow(value: Json, *, style: Style, column: int = 0) -> str:
    """In brackets; JSON with the indentation of the document, from the `column` of the line on that it begins in."""
    if style.json:
        return _write_json(value, style, column)
    if isinstance(value, dict):
        inner = (f"{write_key(k, style=style)}: {write_flow(v, style=style)}" for k, v in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write_flow(each, style=style) for each in value) + "]"
    return write_scalar(value, style=style)


def _write_json(value: Json, style: Style, column: int) -> str:
    sign = "\t" if style.tab else " "
    if not style.step:
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": ") if style.spaced else (",", ":"))
    return json.dumps(value, ensure_ascii=False, indent=sign * style.step).replace("\n", "\n" + sign * column)


def write_block(value: JsonObject | list[Json], column: int, style: Style) -> str:
    """Lines; the first without the indentation, the last without a line break."""
    indent = " " * column
    lines = []
    if isinstance(value, dict):
        for key, each in value.items():
            lines.append(write_entry(key, each, column, style))
    else:
        lines = [f"- {write_item(each, column + 2, style)}" for each in value]
    return f"\n{indent}".join(lines)


def write_entry(key: str, value: Json, column: int, style: Style) -> str:
    return f"{write_key(key, style=style)}:{write_below(value, column, style)}"


def write_below(value: Json, column: int, style: Style) -> str:
    """What stands behind the colon of a key in that column."""
    if is_inline(value):
        return f" {write_text(value, column, style)}"
    deeper = column + (style.dash if isinstance(value, list) else style.step)
    return f"\n{' ' * deeper}{write_block(value, deeper, style)}"


def write_item(value: Json, column: int, style: Style) -> str:
    return write_text(value, column - 2, style) if is_inline(value) else write_block(value, column, style)


def write_text(value: Json, column: int, style: Style) -> str:
    """A text of several lines as a block below a key in that column, all else in one line."""
    if style.literal and isinstance(value, str) and "\n" in value:
        return write_literal(value, column + style.step) or write_scalar(value, style=style)
    return write_scalar(value, style=style)


def write_literal(text: str, column: int) -> str:
    """`|` and its lines; empty where the text does not fit into such a block."""
    lines = text.removesuffix("\n").split("\n")
    plain = all(line.isprintable() for line in lines)
    if not plain or not lines[0] or lines[0][0] == " " or not lines[-1].strip(" ") or "\ufeff" in text:
        return ""
    sign = "|" if text.endswith("\n") else "|-"
    return sign + "".join("\n" + (" " * column + line if line else "") for line in lines)
