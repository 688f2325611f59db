"""The bytes of a file as the text that is read of them, and back: what was not edited stays as it was."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, Self

from auditor.dataclass import dataclass
from auditor.intake.yaml.document import Fault
from auditor.intake.yaml.edit.edited import Edit
from auditor.intake.yaml.jsontext import read_json, skip_space
from auditor.intake.yaml.read import read_documents

# As in the reader.
_SEPARATOR: Final = re.compile(r"^---([^\n]*)(?:\n|\Z)", re.MULTILINE)
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Piece:
    """One document of a file: where its text begins and ends."""

    start: int
    end: int
    json: bool


@dataclass(frozen=True, slots=True)
class SourceText:
    written: str
    """As it is in the file, without a byte order mark."""
    text: str
    """As it is read: every line ends with one character."""
    breaks: list[int]
    """Where in `text` a line ends that ends with two in the file."""
    marked: bool
    ended: bool
    """Whether the last line of the file has an end; in both texts it has one."""

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Raises UnicodeDecodeError for bytes that are no text; then no document could be read either."""
        written = data.decode()
        marked = written.startswith(_BOM)
        written = written.removeprefix(_BOM)
        ended = written.endswith("\n")
        if not ended:
            written += "\r\n" if written.partition("\n")[0].endswith("\r") else "\n"
        text = written.replace("\r\n", "\n")
        breaks: list[int] = []
        at = written.find("\r\n")
        while at >= 0:
            breaks.append(at - len(breaks))
            at = written.find("\r\n", at + 2)
        return cls(written, text, breaks, marked, ended)

    def pieces(self) -> Iterator[Piece]:
        """Those that are not empty, cut as `read_documents` cuts them."""
        rest = 0
        if not self.marked and self.text.lstrip().startswith("{"):
            try:
                for part in read_json(self.text):
                    rest = skip_space(self.text, part.end)
                    yield Piece(part.start, part.end, json=True)
            except Fault:
                pass  # the rest is YAML
        start = rest
        for match in _SEPARATOR.finditer(self.text[rest:]):
            yield from self._piece(start, rest + match.start())
            start = rest + match.end()
        yield from self._piece(start, len(self.text))

    def _piece(self, start: int, end: int) -> Iterator[Piece]:
        if read_documents(self.text[start:end]):
            yield Piece(start, end, json=False)

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """Edits that do not overlap, of places in `text`. Lines that are put in end as the first one does."""
        crlf = bool(self.breaks) and self.text.find("\n") == self.breaks[0]
        parts, at = [], 0
        for edit in sorted(edits, key=lambda e: (e.start, e.end)):
            start, end = self._place(edit.start), self._place(edit.end)
            if start < at:
                raise ValueError("edits overlap")
            parts += [self.written[at:start], edit.text.replace("\n", "\r\n") if crlf else edit.text]
            at = end
        text = "".join([*parts, self.written[at:]])
        if not self.ended:
            text = text.removesuffix("\n").removesuffix("\r" if crlf else "")
        return ((_BOM if self.marked else "") + text).encode()

    def _place(self, offset: int) -> int:
        return offset + bisect_left(self.breaks, offset)
