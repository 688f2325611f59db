"""Named formats: `format.dns1123Label().validate(text)` and the like; the result is what is wrong with the text."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import ClassVar, Final, Self

import re2

from auditor.dataclass import dataclass
from auditor.languages.cel.libraries import names, url
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.types import STRING, Type, list_of, optional_of

_UUID: Final = re2.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_BASE64: Final = re2.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})")
_DATE: Final = re2.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re2.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))")


def _uri(text: str) -> list[str]:
    try:
        url.check_request_uri(text)
    except ValueError as error:
        return [f'parse "{text}": {error}']
    return []


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_datetime(text: str) -> bool:
    day, t, rest = text.lower().partition("t")
    time = _TIME.fullmatch(rest.partition("t")[0])
    return bool(t) and _is_date(day) and time is not None and time[1] <= "23" and time[2] <= "59" and time[3] <= "59"


def _when(valid: Callable[[str], object], message: str, text: str) -> list[str]:
    return [] if valid(text) else [message]


FORMATS: Final[Mapping[str, Callable[[str], list[str]]]] = {
    "dns1123Label": names.dns_label,
    "dns1123Subdomain": names.dns_subdomain,
    "dns1035Label": names.dns_1035_label,
    "qualifiedName": names.qualified_name,
    "dns1123LabelPrefix": partial(names.dns_label, prefix=True),
    "dns1123SubdomainPrefix": partial(names.dns_subdomain, prefix=True),
    "dns1035LabelPrefix": partial(names.dns_1035_label, prefix=True),
    "labelValue": names.label_value,
    "uri": _uri,
    "uuid": partial(_when, _UUID.fullmatch, "does not match the UUID format"),
    "byte": partial(_when, _BASE64.fullmatch, "invalid base64"),
    "date": partial(_when, _is_date, "invalid date"),
    "datetime": partial(_when, _is_datetime, "invalid datetime"),
}


@dataclass(frozen=True, slots=True)
class Format:
    name: str

    TYPE: ClassVar[Type] = Type("kubernetes.NamedFormat")

    def to_text(self) -> str:
        return self.name

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls(text)

    def validate(self, text: str) -> list[str]:
        return FORMATS[self.name](text)


def _named(name: str) -> Format | bytearray:
    """Nothing, which becomes `optional.none()`, for a name that is not known."""
    return Format(name) if name in FORMATS else bytearray()


LIBRARY: Final = Library(
    (
        *(Function(f"format.{n}", (), Format.TYPE, partial(Format, n), member=False) for n in FORMATS),
        Function("format.named", (STRING,), optional_of(Format.TYPE), _named, member=False),
        Function("validate", (Format.TYPE, STRING), optional_of(list_of(STRING)), Format.validate),
    ),
    (Format,),
)
