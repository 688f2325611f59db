"""Texts of policies and objects, made fit for a report: they may hold anything, and be of any length."""

import re
from typing import Final

UNWRITABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Server-side apply reads JSON as YAML, which refuses those from 7f on, and takes 85 for the end of a line (all others
were tried, and come back as they are); those below 20 do harm in terminals; half a surrogate pair fits into no JSON."""
CUT: Final = "…"


def clean(text: str) -> str:
    return UNWRITABLE.sub("\ufffd", text)


def cut(text: str, most: int) -> str:
    """To so many bytes at most, with a mark that there was more."""
    text = clean(text)
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - len(CUT.encode())].decode(errors="ignore") + CUT
