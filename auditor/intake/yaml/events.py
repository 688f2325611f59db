"""libyaml's events as they are used here; the stubs of PyYAML know less of them."""

from collections.abc import Callable
from typing import Protocol, cast

from yaml import events
from yaml._yaml import CParser

# Compared by identity: `type(event) is SCALAR` is the fastest test that there is.
ALIAS: type[object] = events.AliasEvent
MAPPING: type[object] = events.MappingStartEvent
MAPPING_END: type[object] = events.MappingEndEvent
SCALAR: type[object] = events.ScalarEvent
SEQUENCE: type[object] = events.SequenceStartEvent
SEQUENCE_END: type[object] = events.SequenceEndEvent
STREAM_END: type[object] = events.StreamEndEvent


class Mark(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class Event(Protocol):
    """What any event may have; which ones do, its class says."""

    start_mark: Mark
    end_mark: Mark
    anchor: str | None
    tag: str | None
    value: str
    implicit: tuple[bool, bool]
    style: str | None
    flow_style: bool


def open_events(text: str) -> Callable[[], Event]:
    """Gives the next event at each call, the stream's start first."""
    return cast("Callable[[], Event]", CParser(text).get_event)
