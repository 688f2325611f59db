"""The exact reader: libyaml's events, and on top of them what Kubernetes' YAML library makes of each node.

libyaml, because that library is a translation of it: the same texts are errors in both.
"""

import re

import orjson
from yaml import YAMLError

from auditor.intake.yaml.document import MAX_DEPTH, Fault
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
from auditor.intake.yaml.explain import explain
from auditor.intake.yaml.scalars import FIRST, TAG, Scalar, name_key, read_plain, read_raw, read_tagged, settle
from auditor.json import Json, JsonObject

_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_DEEP_ADVICE = "no Kubernetes object is that deep"

_ESCAPED_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")

# The thresholds of Kubernetes' YAML library: up to 400,000 nodes all but 1 % may come from aliases, from 4,000,000 on
# no more than 10 %, between them along a line.
_FEW, _MANY = 400_000, 4_000_000


def read_exact(text: str) -> Json:
    """The value of one document; None for an empty one. Raises Fault."""
    try:
        return _Reader(text).read()
    except YAMLError as error:
        raise explain(error, text) from None
    except RecursionError:  # Python's own limit, where the caller stands deep already
        raise Fault(_DEEP, advice=_DEEP_ADVICE) from None


class _Reader:
    def __init__(self, text: str) -> None:
        self._next = open_events(text)
        self._anchors: dict[str, tuple[Json, int, bool] | None] = {}
        self._nodes = 1
        self._aliased = 0
        self._flow = 0
        self._text = text
        self._odd = "?" in text or "\\/" in text

    def read(self) -> Json:
        self._next()  # the stream's start
        event = self._next()
        if type(event) is STREAM_END:
            return None
        value = self._settled(self._next(), 1)
        if self._aliased:
            _check_depth(value)
        self._next()  # the document's end
        event = self._next()
        if type(event) is not STREAM_END:
            raise _fault(event, "content behind a complete value", "begin the next document with ---")
        return value

    def _settled(self, event: Event, depth: int) -> Json:
        if type(event) is SCALAR and event.tag is None and event.anchor is None:
            self._nodes += 1
            if self._odd:
                self._refuse_odd(event)
            value = event.value
            if not event.implicit[0] or (value and value[0] not in FIRST):
                return value
            try:
                return read_plain(value)
            except Fault as fault:
                raise _place(fault, event) from None
        value = self._node(event, depth)
        if type(value) is float or type(value) is int:
            try:
                return settle(value)
            except Fault as fault:
                raise _place(fault, event) from None
        return value

    def _node(self, event: Event, depth: int) -> Json:
        """The node as the library resolves it, before JSON: keys tell 1.0 from 1."""
        kind = type(event)
        if kind is ALIAS:
            self._nodes += 1
            return self._alias(event)[0]
        if depth > MAX_DEPTH:
            raise _fault(event, _DEEP, _DEEP_ADVICE)
        before = self._nodes
        self._nodes += 1
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        if kind is SCALAR:
            value: Json = self._scalar(event)
        elif kind is MAPPING:
            self._flow += event.flow_style
            value = self._mapping(depth + 1)
            self._flow -= event.flow_style
        else:
            self._flow += event.flow_style
            value = self._sequence(depth + 1)
            self._flow -= event.flow_style
        if anchor is not None:
            self._anchors[anchor] = (value, self._nodes - before, kind is MAPPING)
        return value

    def _scalar(self, event: Event) -> Scalar:
        if self._odd:
            self._refuse_odd(event)
        try:
            if event.tag is not None:
                return read_tagged(event.tag, event.value)
            return read_raw(event.value) if event.implicit[0] else event.value
        except Fault as fault:
            raise _place(fault, event) from None

    def _refuse_odd(self, event: Event) -> None:
        """The two texts that libyaml reads and kubectl does not."""
        if self._flow and not event.style and "?" in event.value:
            raise _fault(event, "a question mark in unquoted text inside brackets", "quote the text")
        if event.style == '"' and _ESCAPED_SLASH.search(self._text, event.start_mark.index, event.end_mark.index):
            raise _fault(event, "the escape \\/, which kubectl does not know", "write the slash alone")

    def _sequence(self, depth: int) -> list[Json]:
        items: list[Json] = []
        while type(event := self._next()) is not SEQUENCE_END:
            items.append(self._settled(event, depth))
        return items

    def _mapping(self, depth: int) -> JsonObject:
        result: JsonObject = {}
        seen: dict[str, Event] = {}
        while type(event := self._next()) is not MAPPING_END:
            if type(event) is SCALAR and event.value == "<<" and (event.implicit[0] or event.tag == TAG + "merge"):
                self._merge(result, self._next(), depth)
                continue
            key = self._key(event, depth)
            if key in seen:
                first = seen[key].start_mark.line
                raise _fault(event, f'key "{key}" stands twice in this mapping', "remove one of the two", first=first)
            seen[key] = event
            result[key] = self._settled(self._next(), depth)
        return result

    def _key(self, event: Event, depth: int) -> str:
        if type(event) is SCALAR and event.tag is None and event.anchor is None:
            self._nodes += 1
            if self._odd:
                self._refuse_odd(event)
            value = event.value
            if not event.implicit[0] or (value and value[0] not in FIRST):
                return str(value)
            raw: Json = read_raw(value)
        else:
            raw = self._node(event, depth)
        if type(raw) is dict or type(raw) is list:
            raise _fault(event, "a mapping or a list cannot be a key", "quote the key if text is meant")
        try:
            return name_key(raw)
        except Fault as fault:
            raise _place(fault, event) from None

    def _merge(self, result: JsonObject, event: Event, depth: int) -> None:
        """In the order of the text: a merge replaces what stands before it, and keys after it replace the merged."""
        if type(event) is SEQUENCE:
            sources = []
            while type(item := self._next()) is not SEQUENCE_END:
                sources.append(self._mergeable(item, depth))
            for source in reversed(sources):
                result.update(source)
        else:
            result.update(self._mergeable(event, depth))

    def _mergeable(self, event: Event, depth: int) -> JsonObject:
        if type(event) is ALIAS:
            self._nodes += 1
            value, mapping = self._alias(event)
        else:
            value, mapping = self._node(event, depth), type(event) is MAPPING
        if not mapping:
            raise _fault(event, "<< takes a mapping or a list of mappings", "quote it if the text << is meant")
        merged: JsonObject = value
        return merged

    def _alias(self, event: Event) -> tuple[Json, bool]:
        name = event.anchor
        if name not in self._anchors:
            raise _fault(event, f"no anchor &{name} stands before this alias", "anchors do not reach other documents")
        anchored = self._anchors[name]
        if anchored is None:
            raise _fault(event, f"the value of anchor &{name} contains itself", "write the value out")
        value, size, mapping = anchored
        self._nodes += size
        self._aliased += size
        share = min(max((self._nodes - _FEW) / (_MANY - _FEW), 0.0), 1.0)
        if self._aliased > 100 and self._nodes > 1000 and self._aliased / self._nodes > 0.99 - 0.89 * share:
            raise _fault(event, "aliases make this document too large", "write the values out")
        return value, mapping


def _check_depth(value: Json) -> None:
    """Aliases in aliases nest deeper than the text."""
    try:
        orjson.dumps(value)
    except TypeError:
        raise Fault(_DEEP, advice=_DEEP_ADVICE) from None


def _fault(event: Event, what: str, advice: str, first: int | None = None) -> Fault:
    mark = event.start_mark
    return Fault(what, mark.line, mark.column, advice, first=first)


def _place(fault: Fault, event: Event) -> Fault:
    return _fault(event, fault.what, fault.advice)
