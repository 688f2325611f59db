"""Column types that give the same in SQLite and PostgreSQL: moments, names, texts, severities, lists."""

from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
from sqlalchemy import BigInteger, Dialect, SmallInteger, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from auditor.json import Json
from auditor.model.policy import Severity

# Names of objects, groups and policies have at most 253 characters in Kubernetes. What is longer would not fit into an
# index of PostgreSQL (2.7 KB a row), and one row that never fits would hold up all that wait behind it.
MAX_NAME: Final = 253
# A messageExpression may give 5 KiB. Twice that is room for ours; a megabyte that a rule made up is no message.
MAX_TEXT: Final = 10_240

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SEVERITIES: Final = tuple(Severity)


class Moment(TypeDecorator[datetime]):
    """Microseconds since 1970 in UTC. SQLite knows no times, and its texts of times sort wrongly where one has no
    fraction; a number is exact, sorts, and is half as long in an index. In psql: `to_timestamp(first_seen / 1e6)`.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        return (value - _EPOCH) // _MICROSECOND  # refuses a time without zone, which could mean anything

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Words(TypeDecorator[str]):
    """A text of any language, without what PostgreSQL refuses: NUL and halves of surrogate pairs."""

    impl = Text
    cache_ok = True
    limit = MAX_TEXT

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value, self.limit)


class Name(Words):
    """What is searched and sorted by. The same order in both databases: that of the bytes."""

    cache_ok = True
    limit = MAX_NAME

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        return dialect.type_descriptor(String(collation="C") if dialect.name == "postgresql" else Text())


class Rank(TypeDecorator[Severity]):
    """0 is critical, so that the worst sort first and `severity <= 1` means high and worse."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: Severity | None, dialect: Dialect) -> int | None:
        return None if value is None else value.rank

    def process_result_value(self, value: int | None, dialect: Dialect) -> Severity | None:
        return None if value is None else _SEVERITIES[value]


class Document(TypeDecorator[Json]):
    """JSON as a text, which nobody searches in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Json, dialect: Dialect) -> str:
        return orjson.dumps(_clean_all(value)).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json:
        return None if value is None else orjson.loads(value)


def clean(text: str, limit: int = MAX_TEXT) -> str:
    if len(text) > limit:
        text = f"{text[: limit - 1]}…"
    if text.isascii():
        return text.replace("\0", "�") if "\0" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "�")


def _clean_all(value: Json) -> Json:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _clean_all(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_all(each) for each in value]
    return value
