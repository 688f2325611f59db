"""What an Event looks like: names, limits and the object, as the API server accepts them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from auditor.cluster.access import dig_text
from auditor.json import JsonObject

NOTE_BYTES = 1024
NAME_LENGTH = 253
WORD_LENGTH = 128
"""Of the note, the name, and of reason, action and reporting instance: the API server refuses longer ones."""
FALLBACK_NAMESPACE = "default"
"""Where the API server wants the Events of objects that are in no namespace."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The object that an Event is about. Without its version: repetitions are those of the same object."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, obj: JsonObject) -> Self:
        meta = (dig_text(obj, "metadata", field) for field in ("namespace", "name", "uid"))
        found = cls(dig_text(obj, "apiVersion"), dig_text(obj, "kind"), *meta)
        if not (found.api_version and found.kind and found.name):
            raise ValueError("an Event needs an object with apiVersion, kind and metadata.name")
        return found

    def render(self) -> JsonObject:
        fields = (
            ("apiVersion", self.api_version),
            ("kind", self.kind),
            ("namespace", self.namespace),
            ("name", self.name),
            ("uid", self.uid),
        )
        return {key: value for key, value in fields if value}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What happened. Two that are equal are one Event that has happened twice."""

    regarding: Reference
    related: Reference | None
    type: str
    reason: str
    action: str
    note: str


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who tells of it."""

    controller: str
    instance: str

    def render(self, occurrence: Occurrence, *, name: str, begun: int, series: JsonObject | None = None) -> JsonObject:
        event: JsonObject = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": occurrence.regarding.namespace or FALLBACK_NAMESPACE},
            "eventTime": render_time(begun),
            "reportingController": self.controller,
            "reportingInstance": self.instance,
            "type": occurrence.type,
            "reason": occurrence.reason,
            "action": occurrence.action,
            "note": occurrence.note,
            "regarding": occurrence.regarding.render(),
        }
        if occurrence.related is not None:
            event["related"] = occurrence.related.render()
        if series is not None:
            event["series"] = series
        return event


def render_series(count: int, last: int) -> JsonObject:
    return {"count": count, "lastObservedTime": render_time(last)}


def render_time(nanoseconds: int) -> str:
    """MicroTime, of nanoseconds since 1970."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def name_event(regarding: str, nanoseconds: int) -> str:
    """The object's name and the time. Some kinds (ClusterRole) have names that an Event could not have."""
    suffix = f".{nanoseconds:x}"
    cleaned = re.sub("[^a-z0-9.-]", "-", regarding.lower())[: NAME_LENGTH - len(suffix)]
    labels = filter(None, (label.strip("-") for label in cleaned.split(".")))
    return f"{'.'.join(labels) or 'object'}{suffix}"


def cut_note(note: str) -> str:
    raw = note.encode(errors="replace")  # half a surrogate pair, which no UTF-8 holds, would break the write
    if len(raw) <= NOTE_BYTES:
        return raw.decode()
    mark = "…"
    return raw[: NOTE_BYTES - len(mark.encode())].decode(errors="ignore") + mark


def check_word(field: str, word: str) -> str:
    if not word or len(word) > WORD_LENGTH:
        raise ValueError(f"the {field} of an Event has 1 to {WORD_LENGTH} characters: {word[:WORD_LENGTH]!r}")
    return word
