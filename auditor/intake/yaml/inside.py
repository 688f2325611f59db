"""The place of a line and column inside a text that stands as a value: an expression with a mistake in it."""

from auditor.intake.yaml.document import Position
from auditor.intake.yaml.events import (
    MAPPING,
    MAPPING_END,
    SCALAR,
    SEQUENCE,
    SEQUENCE_END,
    STREAM_END,
    Event,
    open_events,
)
from auditor.intake.yaml.positions import escape_key


def find_inside(text: str, pointer: str, place: Position) -> Position | None:
    """In the document's own lines, from 1. None where the text stands otherwise than it is read: folded, escaped,
    behind an alias; or where the pointer leads to no text."""
    event = _find(text, pointer)
    if event is None or type(event) is not SCALAR:
        return None
    first = event.start_mark.line
    lines = text.split("\n")
    if event.style == "|":
        at = first + place.line
        if at >= len(lines):
            return None
        content = [line for line in lines[first + 1 : event.end_mark.line] if line.strip(" ")]
        indent = min((len(line) - len(line.lstrip(" ")) for line in content), default=0)
        return Position(at + 1, indent + place.column)
    if place.line != 1 or event.end_mark.line != first or event.style == ">":
        return None
    written = lines[first][event.start_mark.column : event.end_mark.column]
    quote = 1 if event.style else 0
    if written[quote : len(written) - quote] != event.value:
        return None
    return Position(first + 1, event.start_mark.column + quote + place.column)


def _find(text: str, pointer: str) -> Event | None:
    """The event of the value at a pointer."""
    take = open_events(text)
    found: list[Event] = []

    def visit(event: Event, at: str) -> None:
        if at == pointer:
            found.append(event)
        if type(event) is SEQUENCE:
            index = 0
            while type(item := take()) is not SEQUENCE_END:
                visit(item, f"{at}/{index}")
                index += 1
        elif type(event) is MAPPING:
            while type(key := take()) is not MAPPING_END:
                child = f"{at}/{escape_key(key)}"
                visit(take(), child)

    take()
    if type(take()) is not STREAM_END:
        visit(take(), "")
    return found[0] if found else None
