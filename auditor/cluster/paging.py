"""How many objects a page is to hold, so that memory is bounded however large they are.

A page is in memory as a whole, as text and decoded, which takes nine times its text: 500 objects of 100 KB take half a
gigabyte. Nobody knows beforehand how large the objects of a kind are. So the first page is small, and what came decides
on the next one.
"""

from dataclasses import dataclass, field

FIRST = 16
"""Objects. Of 1.5 MB, the largest that etcd takes, they are 24 MB; for small ones that is three calls more."""
PAGE_BYTES = 4_000_000
"""About: 500 objects of 8 KB, or 40 of 100 KB."""
GROWTH = 4
"""Times, from page to page: objects come by name, and those of one page say little of those of the next."""
WIDER = 10
"""Times larger are pages after a token has expired: a list must be done before etcd is compacted (5 minutes)."""


@dataclass(slots=True)
class Paging:
    """For one list."""

    most: int
    """Objects in one page, whatever their size."""
    limit: int = field(init=False)
    """For the next page."""
    _bytes: int = PAGE_BYTES

    def __post_init__(self) -> None:
        self.limit = min(self.most, FIRST)

    def note(self, objects: int, size: int) -> None:
        """What the page that came held, and the bytes of it."""
        fitting = self._bytes * objects // size if objects and size else self.most
        self.limit = max(1, min(self.most, fitting, self.limit * GROWTH))

    def widen(self) -> None:
        self.most, self.limit, self._bytes = self.most * WIDER, self.limit * WIDER, self._bytes * WIDER
