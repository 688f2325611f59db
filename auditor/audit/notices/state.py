"""Until where in the history news have been told, and what is under way, as the status of a Notification has it.

All of it is values: from a notification, its status, what is in the history and the time follows the status that is
to be. Between two moments of the history, see `auditor.report.news`, each delivery to each audience has one message.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from auditor.audit.dispatch.entry import (
    MOST,
    Entry,
    Standing,
    State,
    keep_last,
    read_facts,
    read_standing,
    render_facts,
    render_standing,
)
from auditor.audit.dispatch.times import show_time, tell_time
from auditor.audit.notices.spec import Notification
from auditor.cluster.access import dig, dig_time
from auditor.cluster.conditions import Condition
from auditor.json import Json, JsonObject

LAG: Final = 10_000
"""Turns of no interest after which the status moves on, too: each look from there takes 0.1 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsEntry(Entry):
    """What is after the one moment, up to the other."""

    after: int
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Standing[NewsEntry]):
    history: datetime | None = None
    """When the history began that the moments are of: in another one, the same numbers mean something else."""
    cursor: int = 0
    """The moment until which all news are in entries, or told."""
    since: datetime | None = None
    """From when on news are told."""
    last: datetime | None = None
    """When there were messages last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What is news between two moments."""

    upto: int
    begun: datetime | None
    """None: nothing is."""
    audiences: Sequence[str]
    """Those to whom something is."""
    moved: bool = False
    """Though there may be nothing to tell, what comes later is to be compared with how it is now."""


class Archive(Protocol):
    @property
    def began(self) -> datetime: ...

    @property
    def newest(self) -> int: ...

    def find_before(self, at: datetime) -> int:
        """The last moment before that time."""

    def read(self, after: int) -> Edition: ...


def plan(
    notification: Notification, standing: Progress, now: datetime, archive: Archive, *, whole: bool
) -> tuple[Progress, Sequence[Condition]]:
    """`whole`: whether all that is in the cluster had been judged and written before somebody looked into the archive,
    so that what comes after that is new. It matters where the history is another one, or nothing is known yet."""
    known = standing.generation != 0
    entries = tuple(each for each in standing.entries if each.name in notification.deliveries)
    standing = replace(standing, generation=notification.generation, entries=entries)
    if notification.suspended:
        said = "While it is suspended nothing is told, and not later either."
        return replace(standing, since=None), (_ready(notification, "Suspended", said),)
    same = standing.history == archive.began and standing.cursor <= archive.newest
    if not same or standing.since is None:
        if not whole:
            said = "All there is is judged a first time. What is found by that is not told, what comes after it is."
            return replace(standing, since=None), (_ready(notification, "FirstPass", said),)
        early = not known and notification.created > archive.began
        standing = replace(
            standing,
            history=archive.began,
            cursor=archive.find_before(notification.created) if early else archive.newest,
            since=notification.created if early else now,
            # What was under way in another history nobody can read any more.
            entries=entries if same else tuple(each for each in entries if not each.is_open),
        )
    since = standing.since or now
    told = [_ready(notification, "Listening", f"What is found from {tell_time(since)} on is told.")]
    if standing.last is None or standing.last + notification.interval <= now:
        begun, beyond = _begin(notification, standing, now, archive)
        if begun.last != standing.last:
            told.append(_complete(notification, beyond))
        standing = begun
    return _merge(standing), told


def _ready(notification: Notification, reason: str, said: str) -> Condition:
    return Condition("Ready", "True" if reason == "Listening" else "False", reason, said, notification.generation)


def _complete(notification: Notification, beyond: int) -> Condition:
    if beyond:
        said = f"{beyond} messages are left out: there is room for {MOST} at a time."
        return Condition("Complete", "False", "LeftOut", said, notification.generation)
    said = "The last messages were begun for all who are to have one."
    return Condition("Complete", "True", "Begun", said, notification.generation)


def _begin(notification: Notification, standing: Progress, now: datetime, archive: Archive) -> tuple[Progress, int]:
    """And for how many messages there is no room at all."""
    edition = archive.read(standing.cursor)
    if edition.begun is None or not edition.audiences:
        far = edition.moved or edition.upto - standing.cursor > LAG
        if not far:
            return standing, 0
        return replace(standing, cursor=edition.upto, entries=_grow(standing.entries, edition.upto)), 0
    if edition.begun + notification.group_wait > now:
        return standing, 0
    entries = _grow(standing.entries, edition.upto)
    untried = {(each.name, each.audience) for each in entries if _is_untried(each)}
    new = [
        NewsEntry(name=name, audience=audience, due=now, after=standing.cursor, upto=edition.upto)
        for audience in edition.audiences
        for name in notification.deliveries
        if (name, audience) not in untried
    ]
    still = [each for each in entries if each.is_open]
    room = MOST - len(still)
    if len(new) > room and still:
        return standing, 0  # as soon as there is room: all of it is in the history
    past = keep_last(entries, {(each.name, each.audience) for each in entries})
    left = room - len(new[:room])
    kept = past[len(past) - left :] if left < len(past) else past
    begun = replace(standing, entries=(*kept, *still, *new[:room]), cursor=edition.upto, last=now)
    return begun, len(new[room:])


def _grow(entries: Iterable[NewsEntry], upto: int) -> tuple[NewsEntry, ...]:
    """Messages that still wait tell how it is by then: there may be more in them, and some of it may be over."""
    return tuple(replace(each, upto=upto) if _is_untried(each) else each for each in entries)


def _merge(standing: Progress) -> Progress:
    """What was given up is in the next message to the same receiver, whatever became of it meanwhile."""
    lost = {(each.name, each.audience): each for each in standing.entries if each.state is State.GIVEN_UP}
    merged: set[NewsEntry] = set()
    entries: list[NewsEntry] = []
    for each in standing.entries:
        before = lost.get((each.name, each.audience))
        if before is not None and _is_untried(each) and each.due > before.due:
            merged.add(before)
            entries.append(replace(each, after=min(before.after, each.after)))
        else:
            entries.append(each)
    return replace(standing, entries=tuple(each for each in entries if each not in merged)) if merged else standing


def choose_due(notification: Notification, entries: Iterable[NewsEntry], now: datetime) -> Sequence[NewsEntry]:
    """Messages to one receiver come in their order, each an interval after the last that has arrived."""
    found: list[NewsEntry] = []
    blocked: set[tuple[str, str]] = set()
    arrived: dict[tuple[str, str], datetime] = {}
    for each in sorted(entries, key=lambda each: each.due):
        whose = each.name, each.audience
        at = each.waits_until()
        if each.delivered is not None:
            arrived[whose] = each.delivered
        if at is None or whose in blocked or each.name not in notification.deliveries:
            continue
        blocked.add(whose)
        too_soon = _is_untried(each) and whose in arrived and arrived[whose] + notification.interval > now
        if at <= now and not too_soon:
            found.append(each)
    return found


def _is_untried(entry: NewsEntry) -> bool:
    """Nobody can have it: it may still become another one."""
    return entry.state is State.PENDING and entry.attempts == 0


# -- as JSON -----------------------------------------------------------------------------------------------------------


def read_progress(status: JsonObject) -> Progress:
    return Progress(
        **read_standing(status, _read_entry),
        history=dig_time(status, "history"),
        cursor=_number(status, "cursor") or 0,
        since=dig_time(status, "since"),
        last=dig_time(status, "lastMessageTime"),
    )


def _read_entry(thing: Json) -> NewsEntry | None:
    facts, after, upto = read_facts(thing, sent="subject"), _number(thing, "after"), _number(thing, "upTo")
    if facts is None or after is None or upto is None:
        return None
    return NewsEntry(**facts, after=after, upto=upto)


def render_progress(standing: Progress, status: JsonObject) -> JsonObject:
    own = {
        "history": show_time(standing.history),
        "cursor": standing.cursor if standing.history is not None else None,
        "since": show_time(standing.since),
        "lastMessageTime": show_time(standing.last),
    }
    return render_standing(standing, own, _render_entry, status)


def _render_entry(entry: NewsEntry) -> JsonObject:
    return {**render_facts(entry, sent="subject"), "after": entry.after, "upTo": entry.upto}


def _number(thing: Json, name: str) -> int | None:
    found = dig(thing, name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
