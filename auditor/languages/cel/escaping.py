"""How CEL rules of a CRD write the names of fields: only letters, digits and `_`, and no word of the language."""

import re
from typing import Final

_KEYWORDS: Final = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"),
        *("let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
_ESCAPES: Final = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_NAMES: Final = {escaped: text for text, escaped in _ESCAPES.items()}
_TO_ESCAPE: Final = re.compile(r"__|[./-]")
_ESCAPED: Final = re.compile("|".join(_NAMES))
_ESCAPABLE: Final = re.compile(r"[a-zA-Z_./-][a-zA-Z0-9_./-]*")


def escape(name: str) -> str | None:
    """None for names that rules cannot reach."""
    if name in _KEYWORDS:
        return f"__{name}__"
    if _ESCAPABLE.fullmatch(name) is None:
        return None
    return _TO_ESCAPE.sub(lambda found: _ESCAPES[found[0]], name)


def unescape(name: str) -> str:
    """The field that a rule's name for it stands for."""
    if name.startswith("__") and name.endswith("__") and name[2:-2] in _KEYWORDS:
        return name[2:-2]
    return _ESCAPED.sub(lambda found: _NAMES[found[0]], name)
