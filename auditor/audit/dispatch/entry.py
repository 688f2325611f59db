"""One delivery to one audience, and what became of it, as it stands in a status. All of it is values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Generic, Self, TypeVar

from auditor.audit.dispatch.times import show_time
from auditor.cluster.access import dig, dig_list, dig_text, dig_time
from auditor.json import Json, JsonObject

CLAIM: Final = timedelta(minutes=5)
"""For one attempt: it takes 60 s at most, and before that 20 s for each address of a receiver that does not answer. If
nothing is heard of it by then, whoever made it is gone."""
FIRST_PAUSE: Final = timedelta(seconds=30)
LAST_PAUSE: Final = timedelta(hours=1)
"""Between two attempts, twice as long each time. An hour is what a mail server is content with, too."""
LEAST: Final = 5
"""Attempts before one is given up, however late they began."""
MOST: Final = 1_000
"""Entries, as the CRDs have it."""
WORDS: Final = 500
"""Characters of an error that are kept: the CRDs take a few more."""

Key = tuple[str, str, datetime]


class State(StrEnum):
    PENDING = "Pending"
    SENDING = "Sending"
    DELIVERED = "Delivered"
    GIVEN_UP = "GivenUp"


OPEN: Final = (State.PENDING, State.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    name: str
    audience: str
    due: datetime
    state: State = State.PENDING
    attempts: int = 0
    next_attempt: datetime | None = None
    """While it is Sending: when whoever sends has to be done."""
    delivered: datetime | None = None
    sent: str = ""
    """By which people know what was sent last: the digest of a report, the subject of a message."""
    uncertain: bool = False
    error: str = ""

    @property
    def key(self) -> Key:
        return self.name, self.audience, self.due

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def waits_until(self) -> datetime | None:
        return (self.next_attempt or self.due) if self.is_open else None

    def claim(self, now: datetime, sent: str) -> Self:
        """An attempt of which nobody has heard may have arrived."""
        lost = self.state is State.SENDING
        return replace(
            self,
            state=State.SENDING,
            attempts=self.attempts + 1,
            next_attempt=now + CLAIM,
            sent=sent,
            uncertain=self.uncertain or lost,
        )

    def arrive(self, now: datetime, note: str) -> Self:
        return replace(self, state=State.DELIVERED, delivered=now, next_attempt=None, error=note[:WORDS])

    def fail(
        self,
        now: datetime,
        error: str,
        *,
        retry_for: timedelta,
        uncertain: bool = False,
        retry_after: float | None = None,
    ) -> Self:
        over = now - self.due > retry_for and self.attempts >= LEAST
        pause = min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(max(self.attempts, 1) - 1, 10))
        if retry_after is not None:
            # Compared as a number: a receiver may ask for more seconds than a span of time can have.
            wanted = timedelta(seconds=min(retry_after, LAST_PAUSE.total_seconds()))
            pause = min(LAST_PAUSE, max(pause, wanted))
        return replace(
            self,
            state=State.GIVEN_UP if over else State.PENDING,
            next_attempt=None if over else now + pause,
            uncertain=self.uncertain or uncertain,
            error=error[:WORDS],
        )


Kept = TypeVar("Kept", bound=Entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Generic[Kept]):
    """A status, but for its conditions."""

    generation: int = 0
    """Of the spec that it is about."""
    entries: tuple[Kept, ...] = ()

    def put(self, entry: Kept) -> Self:
        return replace(self, entries=tuple(entry if each.key == entry.key else each for each in self.entries))

    def find(self, key: Key) -> Kept | None:
        return next((each for each in self.entries if each.key == key), None)


def keep_last(entries: Iterable[Kept], known: Iterable[tuple[str, str]]) -> list[Kept]:
    """Of what is over, the last of each (delivery, audience) that is known."""
    past: dict[tuple[str, str], Kept] = {}
    wanted = set(known)
    for each in sorted(entries, key=lambda each: each.due):
        if not each.is_open and (each.name, each.audience) in wanted:
            past[each.name, each.audience] = each
    return list(past.values())


# -- as JSON -----------------------------------------------------------------------------------------------------------


def read_facts(thing: Json, *, sent: str) -> JsonObject | None:
    """What all entries have, by the names of `Entry`; `sent`: how the field is called there. None: it is no entry, a
    person may have been at it."""
    due, state, attempts = dig_time(thing, "due"), dig_text(thing, "state"), dig(thing, "attempts")
    if due is None or state not in list(State) or not isinstance(attempts, int):
        return None
    return {
        "name": dig_text(thing, "name"),
        "audience": dig_text(thing, "audience"),
        "due": due,
        "state": State(state),
        "attempts": attempts,
        "next_attempt": dig_time(thing, "nextAttempt"),
        "delivered": dig_time(thing, "delivered"),
        "sent": dig_text(thing, sent),
        "uncertain": dig(thing, "uncertain") is True,
        "error": dig_text(thing, "error"),
    }


def render_facts(entry: Entry, *, sent: str) -> JsonObject:
    return {
        "name": entry.name,
        "audience": entry.audience or None,
        "due": show_time(entry.due),
        "state": str(entry.state),
        "attempts": entry.attempts,
        "nextAttempt": show_time(entry.next_attempt),
        "delivered": show_time(entry.delivered),
        sent: entry.sent or None,
        "uncertain": entry.uncertain or None,
        "error": entry.error or None,
    }


def read_standing(status: JsonObject, read: Callable[[Json], Kept | None]) -> JsonObject:
    """The fields of `Standing`, by name. What cannot be read is as if it were not there: people may have been at it."""
    generation = dig(status, "observedGeneration")
    return {
        "generation": generation if isinstance(generation, int) else 0,
        "entries": tuple(found for each in dig_list(status, "deliveries") if (found := read(each)) is not None),
    }


def render_standing(
    standing: Standing[Kept], own: JsonObject, render: Callable[[Kept], JsonObject], status: JsonObject
) -> JsonObject:
    """With what is the kind's own, and the conditions of `status`, which are not ours to make here."""
    return _without_none(
        {
            "observedGeneration": standing.generation or None,
            **own,
            "deliveries": [_without_none(render(each)) for each in standing.entries] or None,
            "conditions": status.get("conditions"),
        }
    )


def _without_none(said: JsonObject) -> JsonObject:
    return {name: value for name, value in said.items() if value is not None}
