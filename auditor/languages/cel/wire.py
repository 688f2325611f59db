"""Reads and writes the library's serialized expressions: `cel.expr.CheckedExpr` and `ParsedExpr` in an `Any`.

The library hands its trees out in the protocol buffer format only, and takes changed ones back in it. The few messages
of `cel/expr/syntax.proto` and `checked.proto` are read here by field number, which spares us the protobuf package.
"""

import struct
from collections.abc import Iterator

from auditor.dataclass import dataclass
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
from auditor.languages.cel.protobuf import (
    Fields,
    all_bytes,
    bytes_field,
    first_bytes,
    first_text,
    last_int,
    number_field,
    read_fields,
    read_packed,
    signed,
    text_field,
)
from auditor.languages.cel.types import DYN, NULL, Type

_CHECKED = b"type.googleapis.com/cel.expr.CheckedExpr"


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
    any_fields = read_fields(serialized)
    message = read_fields(first_bytes(any_fields, 2))
    checked = first_bytes(any_fields, 1) == _CHECKED
    expr, info = (4, 5) if checked else (2, 3)
    return Tree(
        root=_node(first_bytes(message, expr)),
        references=dict(_entries(message, 2)) if checked else {},
        types=dict(_entries(message, 3)) if checked else {},
        positions=dict(_positions(read_fields(first_bytes(message, info)))),
    )


def encode(root: Node, references: dict[int, bytes]) -> bytes:
    """The serialized form of a tree without positions: the evaluation does not need them."""
    message = b"".join(
        bytes_field(2, number_field(1, key) + bytes_field(2, value)) for key, value in references.items()
    )
    message += bytes_field(4, _encode(root))
    return bytes_field(1, _CHECKED) + bytes_field(2, message)


def overloads(reference: bytes) -> tuple[str, ...]:
    """The overloads that the checker left open for a call."""
    return tuple(d.decode() for d in all_bytes(read_fields(reference), 3))


_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
_WELL_KNOWN = {1: "dyn", 2: "google.protobuf.Timestamp", 3: "google.protobuf.Duration"}


def read_type(data: bytes) -> Type:
    fields = read_fields(data)
    if 2 in fields:
        return NULL
    if 3 in fields:
        return Type(_PRIMITIVES[last_int(fields, 3)])
    if 4 in fields:
        return Type(_PRIMITIVES[last_int(fields, 4)])
    if 5 in fields:
        return Type(_WELL_KNOWN[last_int(fields, 5)])
    if 6 in fields:
        return Type("list", (read_type(first_bytes(read_fields(first_bytes(fields, 6)), 1)),))
    if 7 in fields:
        inner = read_fields(first_bytes(fields, 7))
        return Type("map", (read_type(first_bytes(inner, 1)), read_type(first_bytes(inner, 2))))
    if 11 in fields:
        return Type("type")
    if 14 in fields:
        inner = read_fields(first_bytes(fields, 14))
        return Type(first_text(inner, 1), tuple(read_type(d) for d in all_bytes(inner, 2)))
    return DYN


def _node(data: bytes) -> Node:
    fields = read_fields(data)
    number = signed(last_int(fields, 2))
    for kind, read in _READERS.items():
        if kind in fields:
            return read(number, read_fields(first_bytes(fields, kind)))
    return Constant(number, None)


def _constant(number: int, fields: Fields) -> Node:
    value: Literal = None
    if 2 in fields:
        value = bool(last_int(fields, 2))
    elif 3 in fields:
        value = signed(last_int(fields, 3))
    elif 4 in fields:
        value = Unsigned(last_int(fields, 4))
    elif 5 in fields:
        value = float(struct.unpack("<d", struct.pack("<Q", last_int(fields, 5)))[0])
    elif 6 in fields:
        value = first_bytes(fields, 6).decode()
    elif 7 in fields:
        value = first_bytes(fields, 7)
    return Constant(number, value)


def _name(number: int, fields: Fields) -> Node:
    return Name(number, first_text(fields, 1))


def _select(number: int, fields: Fields) -> Node:
    return Select(number, _node(first_bytes(fields, 1)), first_text(fields, 2), bool(last_int(fields, 3)))


def _call(number: int, fields: Fields) -> Node:
    target = _node(first_bytes(fields, 1)) if 1 in fields else None
    return Call(number, first_text(fields, 2), tuple(_node(d) for d in all_bytes(fields, 3)), target)


def _list(number: int, fields: Fields) -> Node:
    optional: list[int] = []
    for value in fields.get(2, []):
        optional += read_packed(value) if isinstance(value, bytes) else [value]
    return ListLiteral(number, tuple(_node(d) for d in all_bytes(fields, 1)), tuple(optional))


def _map(number: int, fields: Fields) -> Node:
    return MapLiteral(number, tuple(_entry(read_fields(d)) for d in all_bytes(fields, 2)), first_text(fields, 1))


def _entry(fields: Fields) -> Entry:
    key: Node | str = _node(first_bytes(fields, 3)) if 3 in fields else first_text(fields, 2)
    return Entry(signed(last_int(fields, 1)), key, _node(first_bytes(fields, 4)), bool(last_int(fields, 5)))


def _fold(number: int, fields: Fields) -> Node:
    parts = [_node(first_bytes(fields, n)) for n in (2, 4, 5, 6, 7)]
    return Fold(
        number,
        first_text(fields, 1),
        parts[0],
        first_text(fields, 3),
        parts[1],
        parts[2],
        parts[3],
        parts[4],
        first_text(fields, 8),
    )


_READERS = {3: _constant, 4: _name, 5: _select, 6: _call, 7: _list, 8: _map, 9: _fold}


def _encode(node: Node) -> bytes:
    match node:
        case Constant():
            kind, body = 3, _encode_constant(node.value)
        case Name():
            kind, body = 4, text_field(1, node.name)
        case Select():
            kind = 5
            body = bytes_field(1, _encode(node.operand)) + text_field(2, node.field) + number_field(3, int(node.test))
        case Call():
            kind = 6
            body = b"" if node.target is None else bytes_field(1, _encode(node.target))
            body += text_field(2, node.function) + b"".join(bytes_field(3, _encode(a)) for a in node.arguments)
        case ListLiteral():
            kind = 7
            body = b"".join(bytes_field(1, _encode(e)) for e in node.elements)
            body += b"".join(number_field(2, i) for i in node.optional)
        case MapLiteral():
            kind = 8
            body = text_field(1, node.name) if node.name else b""
            body += b"".join(bytes_field(2, _encode_entry(e)) for e in node.entries)
        case Fold():
            kind, body = 9, _encode_fold(node)
    return number_field(2, node.id) + bytes_field(kind, body)


def _encode_entry(entry: Entry) -> bytes:
    key = text_field(2, entry.key) if isinstance(entry.key, str) else bytes_field(3, _encode(entry.key))
    return number_field(1, entry.id) + key + bytes_field(4, _encode(entry.value)) + number_field(5, int(entry.optional))


def _encode_fold(node: Fold) -> bytes:
    parts = (node.range, node.initial, node.condition, node.step, node.result)
    body = text_field(1, node.variable) + text_field(3, node.accumulator)
    body += b"".join(bytes_field(n, _encode(p)) for n, p in zip((2, 4, 5, 6, 7), parts, strict=True))
    return body + (text_field(8, node.second_variable) if node.second_variable else b"")


def _encode_constant(value: Literal) -> bytes:
    match value:
        case None:
            return number_field(1, 0)
        case bool():
            return number_field(2, int(value))
        case Unsigned():
            return number_field(4, value)
        case int():
            return number_field(3, value)
        case float():
            return b"\x29" + struct.pack("<d", value)
        case str():
            return text_field(6, value)
        case bytes():
            return bytes_field(7, value)


def _entries(message: Fields, field: int) -> Iterator[tuple[int, bytes]]:
    for data in all_bytes(message, field):
        fields = read_fields(data)
        yield signed(last_int(fields, 1)), first_bytes(fields, 2)


def _positions(info: Fields) -> Iterator[tuple[int, int]]:
    for data in all_bytes(info, 4):
        fields = read_fields(data)
        yield signed(last_int(fields, 1)), last_int(fields, 2)
