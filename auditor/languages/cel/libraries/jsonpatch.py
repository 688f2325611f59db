"""`jsonpatch.escapeKey`."""

from typing import Final

from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.types import STRING


def escape_key(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


LIBRARY: Final = Library((Function("jsonpatch.escapeKey", (STRING,), STRING, escape_key, member=False),))
