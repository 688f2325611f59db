"""The difference of two values as changes to the text that holds the first."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.patch import same
from auditor.intake.yaml.edit.edited import Edit, EditedText
from auditor.intake.yaml.edit.emit import (
    is_inline,
    is_unwritable,
    write_below,
    write_block,
    write_entry,
    write_flow,
    write_item,
    write_key,
    write_literal,
    write_scalar,
)
from auditor.intake.yaml.edit.style import Style, column_of, find_style
from auditor.intake.yaml.edit.tree import BLOCK, Entry, Node
from auditor.json import Json, JsonObject

_COLON: Final = re.compile(r"[ \t]*:")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands: below a key, or behind a dash, in this column."""

    column: int
    colon: int = -1
    """Behind the colon of the key; -1 where there is none."""


_ROOT: Final = _Place(-1)


class UnfitError(Exception):
    """It cannot be written without touching what must stay; the text says why, `at` where in the text."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.at = at


def find_edits(text: str, root: Node, path: Sequence[str], old: Json, new: Json, *, json: bool) -> list[Edit]:
    """`path` leads from the root of the document to the node that is `old` and becomes `new`. The last line of YAML is
    ended, as the reader ends it. Raises UnfitError."""
    editor = _Editor(text, root, find_style(text, root, json=json))
    node, place = root, _ROOT
    for step in path:
        editor.check_anchor(node)
        node, place = editor.child(node, step)
    editor.change(node, old, new, place)
    return editor.to.edits


def _below(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield from child.walk()


class _Editor:
    def __init__(self, text: str, root: Node, style: Style) -> None:
        self.text = text
        self.style = style
        self.to = EditedText(text)
        self.aliased = {node.alias for node in root.walk() if node.alias}
        self.inside = {id(child) for node in root.walk() if node.flow for child in _below(node)}

    def child(self, node: Node, step: str) -> tuple[Node, _Place]:
        for entry in node.entries or ():
            if entry.key == step:
                return entry.value, self._below(entry)
        if node.items is not None and step.isdigit() and int(step) < len(node.items):
            return node.items[int(step)], self._behind(node, int(step))
        raise UnfitError("the object stands behind an alias: write it out", node.start)

    def _below(self, entry: Entry) -> _Place:
        colon = _COLON.match(self.text, entry.end)
        return _Place(column_of(self.text, entry.start), colon.end() if colon else -1)

    def _behind(self, node: Node, i: int) -> _Place:
        at = node.dashes[i] if node.dashes else (node.items or [])[i].start
        return _Place(column_of(self.text, at))

    def check_anchor(self, node: Node) -> None:
        if node.anchor and node.anchor in self.aliased:
            raise UnfitError(f"aliases *{node.anchor} stand for what would change here: write them out", node.start)

    def _check_all(self, node: Node) -> None:
        for each in node.walk():
            self.check_anchor(each)

    def change(self, node: Node, old: Json, new: Json, place: _Place) -> None:
        if same(old, new):
            return
        if isinstance(old, dict) and isinstance(new, dict) and node.entries and old and new:
            self.check_anchor(node)
            self._change_mapping(node, old, new, place)
        elif isinstance(old, list) and isinstance(new, list) and node.items and old and new:
            self.check_anchor(node)
            self._change_sequence(node, old, new, place)
        else:
            self._replace(node, new, place)

    # Mappings

    def _change_mapping(self, node: Node, old: JsonObject, new: JsonObject, place: _Place) -> None:
        own = {entry.key: entry for entry in node.entries or () if not entry.merges}
        removed = [entry for key, entry in own.items() if key in old and key not in new]
        for key in old:
            if key not in new and key not in own:
                raise UnfitError(f"{key} comes from a merge (<<) and cannot be taken out here", node.start)
        added = {key: value for key, value in new.items() if key not in own and not same(old.get(key, _NOT), value)}
        gone = len(removed) == len(node.entries or ())
        # In brackets what is removed at the end reaches to where something would be added.
        if removed and (gone or (node.flow and added and removed[-1] is (node.entries or [])[-1])):
            self._replace(node, new, place)
            return
        for key, value in new.items():
            if key in own and key in old:
                entry = own[key]
                self.change(entry.value, old[key], value, self._below(entry))
        if removed:
            self._remove_entries(node, removed)
        if added:
            self._add_entries(node, added, removed)

    def _add_entries(self, node: Node, added: JsonObject, removed: list[Entry]) -> None:
        if is_unwritable(added):
            raise UnfitError("a key is too long to be written", node.start)
        entries = [entry for entry in node.entries or () if entry not in removed]
        last, first = entries[-1], entries[0]
        style = self.style
        if node.flow:
            between = self._flow_separator(node, first.start)
            column = len(between) - 2 if between.startswith(",\n") else 0
            colon = ": " if not style.json or style.spaced or style.step else ":"
            for key, value in added.items():
                written = write_flow(value, style=style, column=column)
                self.to.put(last.value.end, last.value.end, f"{between}{write_key(key, style=style)}{colon}{written}")
            return
        self._check_key(first)
        column = column_of(self.text, first.start)
        after = (node.entries or [])[-1].value.end
        self.to.add_lines(after, column, [write_entry(k, v, column, self.style) for k, v in added.items()])

    def _flow_separator(self, node: Node, first: int) -> str:
        """A comma, and a line break where the first stands in a line of its own."""
        line = self.text[self.text.rfind("\n", 0, first) + 1 : first]
        if "\n" in self.text[node.start : first] and not line.strip(" \t"):
            return f",\n{line}"
        return "," if self.style.json and not self.style.spaced else ", "

    def _remove_entries(self, node: Node, removed: list[Entry]) -> None:
        entries = node.entries or []
        for entry in removed:
            self._check_all(entry.value)
        spans = [(e.start, e.value.end) for e in entries]
        gone = {i for i, entry in enumerate(entries) if entry in removed}
        if node.flow:
            self.to.remove_flow(spans, gone)
            return
        for i in gone:
            self._check_key(entries[i])
        self.to.remove_lines(spans, gone)

    def _check_key(self, entry: Entry) -> None:
        if not _COLON.match(self.text, entry.end) or self.text[: entry.start].rstrip(" ").endswith("?"):
            raise UnfitError(f"the key {entry.key!r} is written in another way than `key: value`", entry.start)

    # Sequences

    def _change_sequence(self, node: Node, old: list[Json], new: list[Json], place: _Place) -> None:
        items = node.items or []
        if len(old) == len(new):
            for i, item in enumerate(items):
                self.change(item, old[i], new[i], self._behind(node, i))
            return
        if node.flow:
            spans = [(item.start, item.end) for item in items]
        else:
            spans = list(zip(node.dashes, (item.end for item in items), strict=True))
        if -1 in node.dashes:
            self._replace(node, new, place)
        elif len(new) > len(old) and same(old, new[: len(old)]):
            self._append(node, spans, new[len(old) :])
        elif (gone := _removed(old, new)) is not None:
            for i in gone:
                self._check_all(items[i])
            if node.flow:
                self.to.remove_flow(spans, gone)
            else:
                self.to.remove_lines(spans, gone)
        else:
            self._replace(node, new, place)

    def _append(self, node: Node, spans: list[tuple[int, int]], values: list[Json]) -> None:
        if is_unwritable(values):
            raise UnfitError("a key is too long to be written", node.start)
        if node.flow:
            between = self._flow_separator(node, spans[0][0])
            column = len(between) - 2 if between.startswith(",\n") else 0
            for value in values:
                at = spans[-1][1]
                self.to.put(at, at, between + write_flow(value, style=self.style, column=column))
            return
        column = column_of(self.text, spans[0][0])
        texts = [f"- {write_item(each, column + 2, self.style)}" for each in values]
        self.to.add_lines(spans[-1][1], column, texts)

    # All else

    def _replace(self, node: Node, new: Json, place: _Place) -> None:
        self._check_all(node)
        if is_unwritable(new):
            raise UnfitError("a key is too long to be written", node.start)
        style = self.style
        if self._is_in_brackets(node):
            line = self.text[self.text.rfind("\n", 0, node.start) + 1 : node.start]
            indent = len(line) - len(line.lstrip(" \t"))
            inline = write_scalar(new, node.style, style=style) if is_inline(new) else ""
            self._fill(node, inline or write_flow(new, style=style, column=indent))
            return
        if self.text[node.end - 1 : node.end] != "\n" and self.text[node.end : self.to.line_end(node.end)].strip():
            style = replace(style, literal=False)  # a comment would become a part of the text
        if is_inline(new):
            self._put_inline(node, new, place, style)
        elif node.entries or node.items:
            self._put_block(node, new, place, style)
        else:
            self._unfold(node, new, place, style)

    def _is_in_brackets(self, node: Node) -> bool:
        return self.style.json or id(node) in self.inside or (node.flow and bool(node.entries or node.items))

    def _put_inline(self, node: Node, new: Json, place: _Place, style: Style) -> None:
        written = ""
        if style.literal and isinstance(new, str) and (node.style in BLOCK or ("\n" in new and not node.style)):
            written = write_literal(new, max(place.column, 0) + style.step)
        written = written or write_scalar(new, node.style, style=style)
        if (node.entries or node.items) and place.colon >= 0:  # in the line of the key, and the lines below it go
            self.to.put(place.colon, place.colon, f" {written}")
            begins = self.to.line_end(place.colon)
            ends = node.end - 1 if self.text[node.end - 1] == "\n" else self.to.line_end(node.end)
            self.to.put(begins, ends, "")
        else:
            self._fill(node, written)

    def _put_block(self, node: Node, new: JsonObject | list[Json], place: _Place, style: Style) -> None:
        """In place of other lines in block style."""
        first = node.dashes[0] if node.dashes else (node.entries or [])[0].start
        if node.start != first:
            raise UnfitError("what would be written anew has an anchor or a tag", node.start)
        at = column_of(self.text, first)
        if at > place.column or not isinstance(new, dict):
            self._fill(node, write_block(new, at, style))
        else:  # the dashes of a list may stand below its key, keys may not
            self._fill(node, " " * style.step + write_block(new, at + style.step, style))

    def _fill(self, node: Node, written: str) -> None:
        """In its place; where nothing stands, behind the colon or dash."""
        if node.start == node.end:
            before = self.text[node.start - 1 : node.start]
            written = f" {written}" if before in (":", "-", "?") else written if before.isspace() else f": {written}"
        elif self.text[node.end - 1] == "\n":
            written += "\n"
        self.to.put(node.start, node.end, written)

    def _unfold(self, node: Node, new: JsonObject | list[Json], place: _Place, style: Style) -> None:
        """A scalar, an alias or empty brackets become lines below their key, or behind their dash."""
        text = self.text
        if place.colon < 0:
            at = place.column + 2 if node.start == node.end else column_of(text, node.start)
            self._fill(node, write_item(new, at, style))
        elif "#" in text[place.colon : node.start]:
            raise UnfitError("a value below its key and a comment becomes a mapping or a list", node.start)
        else:
            end = node.end - 1 if text[node.end - 1] == "\n" else node.end
            self.to.put(place.colon, end, "")
            at = self.to.line_end(end)
            self.to.put(at, at, write_below(new, place.column, self.style))


_NOT: Final = object()


def _removed(old: list[Json], new: list[Json]) -> set[int] | None:
    """Which of the old are missing, if nothing else is different."""
    gone, rest = set(), iter(enumerate(old))
    for value in new:
        for i, each in rest:
            if same(each, value):
                break
            gone.add(i)
        else:
            return None
    return gone | {i for i, _ in rest}
