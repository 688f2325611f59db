"""Reads and writes the library's serialized expressions: `cel.expr.CheckedExpr` and `ParsedExpr` in an `Any`.

The library hands its trees out in the protocol buffer format only, and takes changed ones back in it. The few messages
of `cel/expr/syntax.proto` and `checked.proto` are read here by field number, which spares us the protobuf package.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from auditor.languages.cel.ast import (
    Call,
    Constant,
    Entry,
    Fold,
    ListLiteral,
    Literal,
    MapLiteral,
    Name,
    Node,
    Select,
    Unsigned,
)
from auditor.languages.cel.types import DYN, NULL, Type

Fields: TypeAlias = dict[int, list[int | bytes]]

_CHECKED = b"type.googleapis.com/cel.expr.CheckedExpr"
_SIGN = 1 << 63
_WRAP = 1 << 64


@dataclass(frozen=True, slots=True)
class Tree:
    """A checked expression: its root, and what the checker found out of each node, by id."""

    root: Node
    references: dict[int, bytes]
    """What names and functions resolved to; passed through as it is."""
    types: dict[int, bytes]
    positions: dict[int, int]
    """Offsets in characters from the start of the source."""


def decode(serialized: bytes) -> Tree:
    any_fields = _fields(serialized)
    message = _fields(_bytes(any_fields, 2))
    checked = _bytes(any_fields, 1) == _CHECKED
    expr, info = (4, 5) if checked else (2, 3)
    return Tree(
        root=_node(_bytes(message, expr)),
        references=dict(_entries(message, 2)) if checked else {},
        types=dict(_entries(message, 3)) if checked else {},
        positions=dict(_positions(_fields(_bytes(message, info)))),
    )


def encode(root: Node, references: dict[int, bytes]) -> bytes:
    """The serialized form of a tree without positions: the evaluation does not need them."""
    message = b"".join(_chunk(2, _varint(1, key) + _chunk(2, value)) for key, value in references.items())
    message += _chunk(4, _encode(root))
    return _chunk(1, _CHECKED) + _chunk(2, message)


def overloads(reference: bytes) -> tuple[str, ...]:
    """The overloads that the checker left open for a call."""
    return tuple(d.decode() for d in _all(_fields(reference), 3))


_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
_WELL_KNOWN = {1: "dyn", 2: "google.protobuf.Timestamp", 3: "google.protobuf.Duration"}


def read_type(data: bytes) -> Type:
    fields = _fields(data)
    if 2 in fields:
        return NULL
    if 3 in fields:
        return Type(_PRIMITIVES[_int(fields, 3)])
    if 4 in fields:
        return Type(_PRIMITIVES[_int(fields, 4)])
    if 5 in fields:
        return Type(_WELL_KNOWN[_int(fields, 5)])
    if 6 in fields:
        return Type("list", (read_type(_bytes(_fields(_bytes(fields, 6)), 1)),))
    if 7 in fields:
        inner = _fields(_bytes(fields, 7))
        return Type("map", (read_type(_bytes(inner, 1)), read_type(_bytes(inner, 2))))
    if 11 in fields:
        return Type("type")
    if 14 in fields:
        inner = _fields(_bytes(fields, 14))
        return Type(_text(inner, 1), tuple(read_type(d) for d in _all(inner, 2)))
    return DYN


def _node(data: bytes) -> Node:
    fields = _fields(data)
    number = _signed(_int(fields, 2))
    for kind, read in _READERS.items():
        if kind in fields:
            return read(number, _fields(_bytes(fields, kind)))
    return Constant(number, None)


def _constant(number: int, fields: Fields) -> Node:
    value: Literal = None
    if 2 in fields:
        value = bool(_int(fields, 2))
    elif 3 in fields:
        value = _signed(_int(fields, 3))
    elif 4 in fields:
        value = Unsigned(_int(fields, 4))
    elif 5 in fields:
        value = float(struct.unpack("<d", struct.pack("<Q", _int(fields, 5)))[0])
    elif 6 in fields:
        value = _bytes(fields, 6).decode()
    elif 7 in fields:
        value = _bytes(fields, 7)
    return Constant(number, value)


def _name(number: int, fields: Fields) -> Node:
    return Name(number, _text(fields, 1))


def _select(number: int, fields: Fields) -> Node:
    return Select(number, _node(_bytes(fields, 1)), _text(fields, 2), bool(_int(fields, 3)))


def _call(number: int, fields: Fields) -> Node:
    target = _node(_bytes(fields, 1)) if 1 in fields else None
    return Call(number, _text(fields, 2), tuple(_node(d) for d in _all(fields, 3)), target)


def _list(number: int, fields: Fields) -> Node:
    optional: list[int] = []
    for value in fields.get(2, []):
        optional += _packed(value) if isinstance(value, bytes) else [value]
    return ListLiteral(number, tuple(_node(d) for d in _all(fields, 1)), tuple(optional))


def _map(number: int, fields: Fields) -> Node:
    return MapLiteral(number, tuple(_entry(_fields(d)) for d in _all(fields, 2)), _text(fields, 1))


def _entry(fields: Fields) -> Entry:
    key: Node | str = _node(_bytes(fields, 3)) if 3 in fields else _text(fields, 2)
    return Entry(_signed(_int(fields, 1)), key, _node(_bytes(fields, 4)), bool(_int(fields, 5)))


def _fold(number: int, fields: Fields) -> Node:
    parts = [_node(_bytes(fields, n)) for n in (2, 4, 5, 6, 7)]
    return Fold(
        number, _text(fields, 1), parts[0], _text(fields, 3), parts[1], parts[2], parts[3], parts[4], _text(fields, 8)
    )


_READERS = {3: _constant, 4: _name, 5: _select, 6: _call, 7: _list, 8: _map, 9: _fold}


def _encode(node: Node) -> bytes:
    match node:
        case Constant():
            kind, body = 3, _encode_constant(node.value)
        case Name():
            kind, body = 4, _text_chunk(1, node.name)
        case Select():
            kind = 5
            body = _chunk(1, _encode(node.operand)) + _text_chunk(2, node.field) + _varint(3, int(node.test))
        case Call():
            kind = 6
            body = b"" if node.target is None else _chunk(1, _encode(node.target))
            body += _text_chunk(2, node.function) + b"".join(_chunk(3, _encode(a)) for a in node.arguments)
        case ListLiteral():
            kind = 7
            body = b"".join(_chunk(1, _encode(e)) for e in node.elements)
            body += b"".join(_varint(2, i) for i in node.optional)
        case MapLiteral():
            kind = 8
            body = _text_chunk(1, node.name) if node.name else b""
            body += b"".join(_chunk(2, _encode_entry(e)) for e in node.entries)
        case Fold():
            kind, body = 9, _encode_fold(node)
    return _varint(2, node.id) + _chunk(kind, body)


def _encode_entry(entry: Entry) -> bytes:
    key = _text_chunk(2, entry.key) if isinstance(entry.key, str) else _chunk(3, _encode(entry.key))
    return _varint(1, entry.id) + key + _chunk(4, _encode(entry.value)) + _varint(5, int(entry.optional))


def _encode_fold(node: Fold) -> bytes:
    parts = (node.range, node.initial, node.condition, node.step, node.result)
    body = _text_chunk(1, node.variable) + _text_chunk(3, node.accumulator)
    body += b"".join(_chunk(n, _encode(p)) for n, p in zip((2, 4, 5, 6, 7), parts, strict=True))
    return body + (_text_chunk(8, node.second_variable) if node.second_variable else b"")


def _encode_constant(value: Literal) -> bytes:
    match value:
        case None:
            return _varint(1, 0)
        case bool():
            return _varint(2, int(value))
        case Unsigned():
            return _varint(4, value)
        case int():
            return _varint(3, value)
        case float():
            return b"\x29" + struct.pack("<d", value)
        case str():
            return _text_chunk(6, value)
        case bytes():
            return _chunk(7, value)


def _fields(data: bytes) -> Fields:
    """The fields of one message by number; numbers of 8 bytes stay as their bits."""
    fields: Fields = {}
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        value: int | bytes
        match tag & 7:
            case 0:
                value, at = _read_varint(data, at)
            case 1:
                value, at = int.from_bytes(data[at : at + 8], "little"), at + 8
            case 2:
                size, at = _read_varint(data, at)
                value, at = data[at : at + size], at + size
            case kind:
                raise ValueError(f"wire type {kind} is not used by CEL")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while byte >= 0x80:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
    return value, at + 1


def _entries(message: Fields, field: int) -> Iterator[tuple[int, bytes]]:
    for data in _all(message, field):
        fields = _fields(data)
        yield _signed(_int(fields, 1)), _bytes(fields, 2)


def _positions(info: Fields) -> Iterator[tuple[int, int]]:
    for data in _all(info, 4):
        fields = _fields(data)
        yield _signed(_int(fields, 1)), _int(fields, 2)


def _packed(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _read_varint(data, at)
        yield value


def _all(fields: Fields, number: int) -> Iterator[bytes]:
    return (v for v in fields.get(number, []) if isinstance(v, bytes))


def _bytes(fields: Fields, number: int) -> bytes:
    return next(_all(fields, number), b"")


def _text(fields: Fields, number: int) -> str:
    return _bytes(fields, number).decode()


def _int(fields: Fields, number: int) -> int:
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def _signed(value: int) -> int:
    return value - _WRAP if value >= _SIGN else value


def _varint(number: int, value: int) -> bytes:
    return _raw(number << 3) + _raw(value % _WRAP)


def _raw(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _chunk(number: int, data: bytes) -> bytes:
    return _raw(number << 3 | 2) + _raw(len(data)) + data


def _text_chunk(number: int, text: str) -> bytes:
    return _chunk(number, text.encode())
