"""Paging by keys: the next page begins after the last row of this one, however far it is, and whatever came meanwhile.

The cursor is the values that rows are sorted by. It holds nothing that was not on the page.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

import orjson
from sqlalchemy import ColumnElement, Select, tuple_

from auditor.errors import UsageError
from auditor.json import Json

NOT_OURS: Final = "`after` is not from a page in this order: begin with the first page."
Key: TypeAlias = tuple[ColumnElement[Json], Callable[[Json], object]]
"""A column that rows are sorted by, and how its value is read from JSON."""
LONGEST: Final = 4_096
"""Characters: three names of 253 at most, and what base64 makes of them."""


def read_moment(value: Json) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("without a time zone")
    return at


def read_text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def write_cursor(values: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).decode().rstrip("=")


def read_cursor(text: str, reads: Sequence[Callable[[Json], object]]) -> tuple[object, ...]:
    """Empty for the first page. Raises UsageError for what is not of this order."""
    if not text:
        return ()
    try:
        read = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return tuple(make(value) for value, make in zip(_as_list(read), reads, strict=True))
    except (binascii.Error, TypeError, ValueError, OverflowError) as error:
        raise UsageError(NOT_OURS) from error


def turn_to(
    question: Select[tuple[Json, ...]],
    columns: Sequence[ColumnElement[Json]],
    *,
    after: tuple[object, ...],
    down: bool,
) -> Select[tuple[Json, ...]]:
    """In the order of the columns, all in one direction: so an index goes along."""
    if after:
        place = tuple_(*columns)
        question = question.where(place < after if down else place > after)
    return question.order_by(*(column.desc() if down else column.asc() for column in columns))


def _as_list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value
