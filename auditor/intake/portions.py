"""Files in pieces: whole documents that stand together, each small enough to be read, judged and forgotten."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import Final, Self

from auditor.dataclass import dataclass
from auditor.errors import InputError
from auditor.intake.files import ChartError, Source, find_sources
from auditor.intake.load import Item, read_objects

SIZE: Final = 128 << 10
"""Bytes. Half a second is a hundred of them: enough to share out evenly, few enough that handing on costs nothing."""
HELD: Final = 128 << 20
"""Bytes of all files that are held; what comes after is read again when it is its turn."""
_SEPARATOR: Final = re.compile(rb"^---", re.MULTILINE)
_WHOLE: Final = re.compile(rb"\s*(?:\{|\xff\xfe|\xfe\xff)")
"""JSON, which has no separators, and what is no UTF-8."""
_ESCAPES: Final = (rb"\u", rb"\x", b"\\\n", b"\\\r\n")
"""With these a word may be written otherwise, or in two lines."""


@dataclass(frozen=True, slots=True)
class Portion:
    source: Source
    start: int
    end: int
    line: int
    """Of the file, on which it begins."""
    data: bytes | None
    """None: it is read again."""

    @property
    def size(self) -> int:
        return self.end - self.start

    def read(self) -> bytes:
        """Raises InputError where the file is gone meanwhile."""
        return self.source.read()[self.start : self.end] if self.data is None else self.data

    def items(self, unreadable: list[InputError]) -> Iterator[Item]:
        """Every object; Lists are taken apart."""
        try:
            data = self.read()
        except InputError as error:
            unreadable.append(error)
            return
        begins, named = self.start == 0, self.source.named
        yield from read_objects(data, self.source.name, unreadable, line=self.line, begins=begins, named=named)


def cut(sources: Iterable[Source | InputError], unreadable: list[InputError]) -> Iterator[Portion]:
    """In their order. What cannot be read is told."""
    held = 0
    for source in sources:
        try:
            if isinstance(source, InputError):
                raise source
            data = source.read()
        except InputError as error:
            unreadable.append(error)
            continue
        keeps = held + len(data) <= HELD or not source.lasts
        held += len(data) * keeps
        line = 1
        for start, end in _cut(data):
            part = data if end - start == len(data) else data[start:end]
            yield Portion(source, start, end, line, part if keeps else None)
            line += part.count(b"\n")


def _cut(data: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    if not _WHOLE.match(data):
        while len(data) - start > SIZE and (found := _SEPARATOR.search(data, start + SIZE)):
            yield start, found.start()
            start = found.start()
    yield start, len(data)


@dataclass(slots=True)
class Files:
    """What was named to be judged."""

    names: Sequence[str]
    portions: list[Portion] = field(default_factory=list)
    charts: list[ChartError] = field(default_factory=list)
    """Left out: nobody can mistake them for manifests."""
    unreadable: list[InputError] = field(default_factory=list)

    def read(self, *, exclude: Sequence[str] = ()) -> Self:
        """Once. Raises UsageError where no path leads anywhere. On Ctrl-C it has what was read so far."""
        sources = list(find_sources(self.names, exclude=exclude))
        self.charts += (each for each in sources if isinstance(each, ChartError))
        for portion in cut((each for each in sources if not isinstance(each, ChartError)), self.unreadable):
            self.portions.append(portion)
        return self

    @property
    def size(self) -> int:
        return sum(portion.size for portion in self.portions)

    def mentioned(self, words: Iterable[str]) -> set[str]:
        """Those of them that stand somewhere in the text, in whichever case; all, where that cannot be told."""
        left = {word: word.lower().encode() for word in words}
        found: set[str] = set()
        for portion in self.portions:
            try:
                text = portion.read().lower()
            except InputError:
                continue  # it is told by whoever judges it
            if any(escape in text for escape in _ESCAPES):
                return found | left.keys()
            found |= {word for word, spelt in left.items() if spelt in text}
            left = {word: spelt for word, spelt in left.items() if word not in found}
            if not left:
                break
        return found


def group(portions: Iterable[Portion]) -> Sequence[Sequence[Portion]]:
    """Small files together."""
    groups: list[list[Portion]] = []
    size = 0
    for portion in portions:
        if not groups or size + portion.size > SIZE:
            groups.append([])
            size = 0
        groups[-1].append(portion)
        size += portion.size
    return groups


def gather(portions: Iterable[Portion], words: Iterable[str], wanted: Callable[[Item], bool]) -> Iterator[Item]:
    """The few objects that are wanted, without reading what is around them: in their text is one of the words, in
    whichever case.

    What cannot be read is told by whoever judges it.
    """
    spelt = [*{word.lower().encode() for word in words}, *_ESCAPES]
    unreadable: list[InputError] = []
    for portion in portions:
        try:
            text = portion.read().lower()
        except InputError:
            continue
        if any(word in text for word in spelt):
            yield from filter(wanted, portion.items(unreadable))
