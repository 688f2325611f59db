"""The nodes of one document with the places in the text where they begin and end."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Final

from auditor.dataclass import dataclass
from auditor.intake.yaml.events import (
    ALIAS,
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

BLOCK: Final = ("|", ">")
# Between two items: blank lines and comments, then the dash.
_TO_DASH: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?=-[ \t\n]|-\Z)")
_PROPERTIES: Final = re.compile(r"(?:[&!][^\s]*[ \t]*(?:(?:#[^\n]*)?\n[ \t]*)*)+")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}:,]|[^\s\]\[{}:,"]+')


@dataclass(slots=True)
class Node:
    """`end` is that of the content: comments and blank lines behind it are not its own."""

    start: int
    end: int
    flow: bool = False
    """Written in brackets; so is all inside of it."""
    style: str = ""
    """Of a scalar: its quote, or the sign of its block; empty where it is plain."""
    anchor: str = ""
    alias: str = ""
    entries: "list[Entry] | None" = None
    """Of a mapping."""
    items: "list[Node] | None" = None
    dashes: list[int] = field(default_factory=list)
    """Of a sequence in block style, where each item's dash is."""

    @property
    def children(self) -> "list[Node]":
        return self.items or [entry.value for entry in self.entries or ()]

    def walk(self) -> "Iterator[Node]":
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class Entry:
    key: str
    start: int
    end: int
    """Of the key."""
    value: Node
    merges: bool = False


def read_tree(text: str) -> Node | None:
    """Of one document in YAML; it has been read before, so it can be. None for an empty one."""
    take = open_events(text)
    take()
    if type(take()) is STREAM_END:
        return None
    return _node(take(), take, text)


def _node(event: Event, take: Callable[[], Event], text: str) -> Node:
    start, end = event.start_mark.index, event.end_mark.index
    if type(event) is ALIAS:
        return Node(start, end, alias=event.anchor or "")
    node = Node(start, end, anchor=event.anchor or "")
    if type(event) is SCALAR:
        node.style = event.style or ""
        if node.style in BLOCK:
            header = text[start:end].partition("\n")[0].partition("#")[0]
            written = text[start:end]
            node.end = end if "+" in header else start + len(written.rstrip(" \t\n"))
        return node
    node.flow = event.flow_style
    if type(event) is SEQUENCE:
        _read_items(node, take, text)
    elif type(event) is MAPPING:
        _read_entries(node, take, text)
    return node


def _read_items(node: Node, take: Callable[[], Event], text: str) -> None:
    node.items = []
    at = _skip_properties(text, node.start)
    while type(event := take()) is not SEQUENCE_END:
        if not node.flow:
            found = _TO_DASH.match(text, at)
            node.dashes.append(found.end() if found else -1)
        item = _node(event, take, text)
        node.items.append(item)
        at = item.end
        node.end = item.end if not node.flow else node.end
    if node.flow:
        node.end = event.end_mark.index


def _read_entries(node: Node, take: Callable[[], Event], text: str) -> None:
    node.entries = []
    while type(key := take()) is not MAPPING_END:
        name = escape_key(key).replace("~1", "/").replace("~0", "~")
        merges = type(key) is SCALAR and key.value == "<<" and not key.style
        start, end = key.start_mark.index, key.end_mark.index
        if type(key) not in (SCALAR, ALIAS):
            end = _node(key, take, text).end
        value = _node(take(), take, text)
        node.entries.append(Entry(name, start, end, value, merges))
        node.end = value.end if not node.flow else node.end
    if node.flow:
        node.end = key.end_mark.index


def _skip_properties(text: str, at: int) -> int:
    """Behind an anchor and a tag."""
    found = _PROPERTIES.match(text, at)
    return found.end() if found else at


def read_json_tree(text: str) -> Node:
    """Of one value that is JSON; it has been read before, so it can be."""
    words = _TOKEN.finditer(text)
    return _json_node(next(words), words)


def _json_node(word: re.Match[str], words: Iterator[re.Match[str]]) -> Node:
    opened = word[0]
    if opened not in "[{":
        return Node(word.start(), word.end(), style='"' if opened[0] == '"' else "")
    node = Node(word.start(), word.end(), flow=True)
    if opened == "{":
        node.entries = []
    else:
        node.items = []
    for each in words:
        if each[0] in "]}":
            node.end = each.end()
            break
        if each[0] == ",":
            continue
        if node.entries is not None:
            next(words)  # the colon
            node.entries.append(Entry(json.loads(each[0]), each.start(), each.end(), _json_node(next(words), words)))
        elif node.items is not None:
            node.items.append(_json_node(each, words))
    return node
