"""Objects that stand twice among those that are judged: of two only one would be in the cluster in the end."""

from collections.abc import Iterable, Iterator
from typing import Final

from auditor.intake.question import Identity

TOLD: Final = 20
"""Where one folder is a copy of another, there are as many as objects."""
Seen = tuple[Identity, str, int]
"""Who it is; file and line."""


class Twins:
    def __init__(self) -> None:
        self._places: dict[int, tuple[str, int]] = {}
        """By a hash, as there may be a hundred thousand."""
        self._found: list[str] = []
        self._more = 0

    def note(self, seen: Iterable[Seen]) -> None:
        for identity, file, line in seen:
            first = self._places.setdefault(hash(identity), (file, line))
            if first == (file, line):
                continue
            if len(self._found) < TOLD:
                _, kind, namespace, name = identity
                who = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
                self._found.append(f"{file}:{line}: {who} stands in {first[0]}:{first[1]} already: both were judged")
            else:
                self._more += 1

    def tell(self) -> Iterator[str]:
        yield from self._found
        if self._more:
            yield f"{self._more} more objects stand twice: the first {TOLD} are told"
