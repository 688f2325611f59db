"""How large a value can be at most, alone and together with others."""

from collections.abc import Sequence
from typing import Final

from auditor.dataclass import dataclass
from auditor.languages.cel.libraries.internal import MAX_RANGE

FIXED: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How large a value can be at most."""

    bytes: float
    """As JSON; what it refers to twice counts twice."""
    items: float = 0.0
    """Elements and entries, those of its elements included."""
    count: float = 0.0
    """Elements and entries of its own."""
    depth: int = FIXED
    """The innermost loop whose element it depends on; 0 is the request, FIXED nothing at all."""
    literal: str | None = None
    is_list: bool = False
    most: float = MAX_RANGE
    """Where it is a number that says how long a list will be."""


SCALAR: Final = Extent(bytes=32.0)
COMPARE: Final = 150.0
"""Nanoseconds for each element; see `prices`."""
BYTE: Final = 0.1
"""Compared, copied."""


def joined(extents: Sequence[Extent]) -> Extent:
    """Of which one is the value."""
    return Extent(
        bytes=max(e.bytes for e in extents),
        items=max(e.items for e in extents),
        count=max(e.count for e in extents),
        depth=max(e.depth for e in extents),
        is_list=all(e.is_list for e in extents),
        most=max(e.most for e in extents),
    )


def added(extents: Sequence[Extent]) -> Extent:
    """All in one."""
    return Extent(
        bytes=sum(e.bytes for e in extents),
        items=sum(e.items for e in extents),
        count=sum(e.count for e in extents),
        depth=max((e.depth for e in extents), default=FIXED),
        is_list=any(e.is_list for e in extents),
    )


def smaller(one: Extent, other: Extent) -> Extent:
    """The one that bounds a comparison. It must be the same one for all elements of a loop: no sizes are asked."""
    if one.depth == other.depth == FIXED:
        return min(one, other, key=lambda e: e.bytes)
    if FIXED in (one.depth, other.depth):
        return one if one.depth == FIXED else other
    return max(one, other, key=lambda e: e.depth)


def comparing(extent: Extent) -> float:
    return BYTE * extent.bytes + COMPARE * extent.items
