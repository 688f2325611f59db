"""Texts of objects and policies, made fit for a terminal."""

import re
from typing import Final

from auditor.json import Json

_CONTROLS: Final = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Those of terminals, ends of lines for some readers, and what turns the direction of a text."""


def clean(text: str) -> str:
    """Names and messages come from objects: nothing in them may act on a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\t\n" else _escape(c) for c in text)


def write_json(value: Json) -> str:
    """In lines, as people and programs may read it."""
    import orjson  # what is told in words needs none

    return quiet(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def quiet(json: str) -> str:
    """JSON escapes other controls, but not these; so written, they mean the same."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
