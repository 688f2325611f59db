"""What reading yields: a document, or the reason why there is none."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final

from auditor.dataclass import dataclass
from auditor.errors import InputError
from auditor.json import Json

MAX_DEPTH: Final = 250
"""orjson writes 254 levels and no more; what cannot be written again is better refused when it is read."""


@dataclass(frozen=True, slots=True)
class Position:
    """Counted from 1, as editors do."""

    line: int
    column: int


class DocumentError(InputError):
    """One document that could not be read; the others of its file are not touched by it."""

    def __init__(self, what: str, *, file: str = "", line: int = 0, column: int = 0, advice: str = "") -> None:
        self.file, self.line, self.column, self.what, self.advice = file, line, column, what, advice
        where = ":".join(str(part) for part in (file, line, column) if part)
        super().__init__(": ".join(part for part in (where, what) if part) + (f" ({advice})" if advice else ""))


class Fault(Exception):  # noqa: N818 - it never leaves this package; outside it is a DocumentError
    """A mistake inside one document's text, counted from 0 there; becomes a DocumentError of the file."""

    def __init__(
        self, what: str, line: int = 0, column: int = 0, advice: str = "", *, first: int | None = None
    ) -> None:
        super().__init__(what)
        self.what, self.line, self.column, self.advice = what, line, column, advice
        self.first = first
        """The line, from 0, where a key stood already that stands again here."""


@dataclass(slots=True)
class Positions:
    """Where each field of a document stands. Computed when first asked: only objects with findings need it."""

    find: Callable[[], Mapping[str, Position]]
    find_inside: Callable[[str, Position], Position | None] = lambda _pointer, _place: None
    _found: Mapping[str, Position] | None = field(default=None, init=False)

    def of(self, pointer: str) -> Position:
        """The place of a JSON pointer's key or item; of the nearest parent for what is not in the text."""
        if self._found is None:
            self._found = self.find()
        while pointer not in self._found and pointer:
            pointer = pointer.rpartition("/")[0]
        return self._found.get(pointer) or Position(1, 1)

    def inside(self, pointer: str, place: Position) -> Position | None:
        """Where in the file a line and column are of the text that stands at a pointer; None where nobody can say."""
        return self.find_inside(pointer, place)


@dataclass(frozen=True, slots=True)
class Document:
    value: Json
    line: int
    """The line of the file where the document's content begins, from 1."""
    positions: Positions = field(compare=False, repr=False)
