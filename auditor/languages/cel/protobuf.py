"""The protocol buffer format: messages as fields by number. What CEL needs of it is less than the package is."""

from collections.abc import Iterator
from typing import Final, TypeAlias

Fields: TypeAlias = dict[int, list[int | bytes]]

_SIGN: Final = 1 << 63
_WRAP: Final = 1 << 64


def read_fields(data: bytes) -> Fields:
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


def read_packed(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _read_varint(data, at)
        yield value


def all_bytes(fields: Fields, number: int) -> Iterator[bytes]:
    return (v for v in fields.get(number, []) if isinstance(v, bytes))


def first_bytes(fields: Fields, number: int) -> bytes:
    return next(all_bytes(fields, number), b"")


def first_text(fields: Fields, number: int) -> str:
    return first_bytes(fields, number).decode()


def last_int(fields: Fields, number: int) -> int:
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def signed(value: int) -> int:
    return value - _WRAP if value >= _SIGN else value


def number_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value % _WRAP)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def bytes_field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def text_field(number: int, text: str) -> bytes:
    return bytes_field(number, text.encode())
