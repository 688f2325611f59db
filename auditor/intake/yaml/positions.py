"""Where each key and item of a document stands in its file."""

from collections.abc import Mapping

from auditor.intake.yaml.document import Fault, Position
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
from auditor.intake.yaml.jsontext import walk_json
from auditor.intake.yaml.scalars import name_key, read_raw, read_tagged


def find_yaml(text: str, line: int) -> Mapping[str, Position]:
    """`line` is the file's at which the text begins, from 1. Aliased and merged content has no place of its own."""
    found: dict[str, Position] = {}
    take = open_events(text)

    def visit(event: Event, pointer: str) -> None:
        if type(event) is SEQUENCE:
            index = 0
            while type(item := take()) is not SEQUENCE_END:
                found[f"{pointer}/{index}"] = place(item)
                visit(item, f"{pointer}/{index}")
                index += 1
        elif type(event) is MAPPING:
            while type(key := take()) is not MAPPING_END:
                child = f"{pointer}/{escape_key(key)}"
                found[child] = place(key)
                visit(take(), child)

    def place(event: Event) -> Position:
        return Position(event.start_mark.line + line, event.start_mark.column + 1)

    take()
    if type(take()) is not STREAM_END:
        root = take()
        found[""] = place(root)
        visit(root, "")
    return found


def escape_key(key: Event) -> str:
    if type(key) is not SCALAR:
        return ""
    name: str = key.value
    try:
        if key.tag is not None:
            name = name_key(read_tagged(key.tag, key.value))
        elif key.implicit[0]:
            name = name_key(read_raw(key.value))
    except Fault:
        pass
    return name.replace("~", "~0").replace("/", "~1")


def find_json(text: str, line: int, column: int) -> Mapping[str, Position]:
    """`line`, from 1, and `column`, from 0, are the file's at which the text begins."""
    found: dict[str, Position] = {}
    counted = 0
    begins = -column
    for pointer, at in walk_json(text):
        line += text.count("\n", counted, at)
        begins = text.rfind("\n", counted, at) + 1 or begins
        counted = at
        found[pointer] = Position(line, at - begins + 1)
    return found
