"""What a program of any language says of one set of bindings."""

from typing import Self

from auditor.dataclass import dataclass
from auditor.json import Json


@dataclass(frozen=True, slots=True)
class Outcome:
    """Either a value, or the reason why there is none. An error is never a value, so it can never pass."""

    value: Json = None
    error: str | None = None

    @classmethod
    def of(cls, value: Json) -> Self:
        return cls(value=value)

    @classmethod
    def failed(cls, reason: str) -> Self:
        return cls(error=reason)
