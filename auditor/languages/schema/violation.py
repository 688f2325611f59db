"""One thing that is wrong with a value, and where."""

from auditor.dataclass import dataclass
from auditor.json import Json


@dataclass(frozen=True, slots=True)
class Violation:
    """`path` is a JSON pointer. `field` and `cause` are what the API server prints for a custom resource (its field
    is `<nil>` where it names none); JSON Schema rules leave both empty."""

    path: str
    message: str
    value: Json = None
    field: str = ""
    cause: str = ""

    @property
    def is_error(self) -> bool:
        """Nothing is known of the value: what was asked of us we cannot do. Neither a pass nor a fail."""
        return self.cause == "InternalError"


def pointer(base: str, step: str | int) -> str:
    """`base` and one more step, escaped as RFC 6901 says."""
    return f"{base}/{step}" if type(step) is int else f"{base}/{str(step).replace('~', '~0').replace('/', '~1')}"
