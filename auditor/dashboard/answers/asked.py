"""What a question may be narrowed by, in the query of a URL: each with what it means and what it may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from auditor.errors import UsageError
from auditor.report.history.types import MAX_NAME

Asked: TypeAlias = Mapping[str, str]
"""By names of parameters; each is there, empty where nothing was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str
    what: str
    choices: tuple[str, ...] = ()
    default: str = ""
    longest: int = MAX_NAME

    def read(self, values: Sequence[str]) -> str:
        """Raises UsageError. Of several the last counts, as forms have it."""
        value = (values[-1] if values else "").strip() or self.default
        if len(value) > self.longest:
            raise UsageError(f"{self.name} is too long: it has at most {self.longest} characters")
        if value and self.choices and value not in self.choices:
            raise UsageError(f"{self.name} is one of {', '.join(self.choices)}")
        return value


CLUSTER_SCOPED: Final = "(cluster)"
"""In place of a namespace, for objects in none: no namespace is called so."""
