"""The libraries of Kubernetes 1.36 that the package underneath does not have, one module for each subject."""

from typing import Final

from auditor.languages.cel.libraries import (
    authorizer,
    cidr,
    format,  # noqa: A004 - the library's name
    internal,
    ip,
    jsonpatch,
    lists,
    quantity,
    regex,
    semver,
    text,
    url,
)
from auditor.languages.cel.libraries.declare import Library

LIBRARIES: Final[tuple[Library, ...]] = (
    authorizer.LIBRARY,
    cidr.LIBRARY,
    format.LIBRARY,
    internal.LIBRARY,
    ip.LIBRARY,
    jsonpatch.LIBRARY,
    lists.LIBRARY,
    quantity.LIBRARY,
    regex.LIBRARY,
    semver.LIBRARY,
    text.LIBRARY,
    url.LIBRARY,
)

IMPLEMENTED: Final = frozenset(f.name for each in LIBRARIES for f in each.functions if f.implementation is not None)
"""The names of the functions that are written in Python; the package underneath has none of these names."""
