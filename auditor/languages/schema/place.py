"""Where a value stands: as a JSON pointer for people, and as the API server's path."""

from typing import Self

from auditor.dataclass import dataclass
from auditor.languages.schema.violation import pointer


@dataclass(frozen=True, slots=True)
class Place:
    pointer: str = ""
    field: str = ""

    def child(self, name: str) -> Self:
        """A property of an object."""
        return type(self)(pointer(self.pointer, name), f"{self.field}.{name}" if self.field else name)

    def key(self, name: str) -> Self:
        """An entry of a map, where the server writes it in brackets."""
        return type(self)(pointer(self.pointer, name), f"{self.field}[{name}]")

    def item(self, index: int) -> Self:
        return type(self)(pointer(self.pointer, index), f"{self.field}[{index}]")


ROOT = Place()
