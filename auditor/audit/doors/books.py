"""How far each door was read: by the process that answers, not by its address.

Two addresses may lead to one process (a pod of two IP families), one address to several (a Service), and one that
begins anew behind the same address counts anew.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.audit.doors.page import NONE, Counts, Page
from auditor.json import JsonObject

REMEMBERED: Final = 256
"""Processes: more doors than anybody runs, and those that ended lately, which may yet be asked by an old address."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What one door told that is new."""

    instance: str
    url: str
    decisions: Sequence[JsonObject]
    """As the door describes them, each with its `number`, which counts from 1 in each instance; the oldest first."""
    counts: Counts
    """How much was added since the last time."""
    missed: int
    """Decisions before these that the door keeps no longer. Counted they are."""
    last: int
    """The number up to which this instance has been read now."""
    totals: Counts
    """Since that instance began. Who keeps books on disk sees by them and `last` what he has already: a watcher that
    starts anew is told all again, and so is each of several watchers."""


@dataclass(slots=True)
class _Progress:
    last: int = 0
    totals: Counts = NONE


class Books:
    """Safe to use from many threads, of which one at a time hands over."""

    def __init__(self, take: Callable[[Collected], None]) -> None:
        self._take = take
        self._lock = threading.Lock()
        self._progress: OrderedDict[str, _Progress] = OrderedDict()

    def since(self, instance: str) -> int:
        """The number after which it is to be asked."""
        with self._lock:
            found = self._progress.get(instance)
            return 0 if found is None else found.last

    def enter(self, url: str, page: Page, *, asked: int) -> None:
        """Of a page that begins after the number `asked`. If `take` raises, it counts as not read."""
        with self._lock:
            known = self._progress.get(page.instance, _Progress())
            decisions = [each for each in page.decisions if each["number"] > known.last]
            last = max([known.last, asked + page.missed, *(each["number"] for each in page.decisions)])
            counts, totals = page.totals.since(known.totals), page.totals.upto(known.totals)
            # The numbers have no gaps: what this page lacks was overwritten, unless another address told it meanwhile.
            missed = max(0, asked + page.missed - max(known.last, asked))
            if decisions or counts or missed:
                self._take(Collected(page.instance, url, decisions, counts, missed, last, totals))
            self._progress[page.instance] = _Progress(last, totals)
            self._progress.move_to_end(page.instance)
            while len(self._progress) > REMEMBERED:
                self._progress.popitem(last=False)
