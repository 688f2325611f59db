"""The store: one dictionary from keys to packed bytes, so an object costs two Python objects whatever is kept of it.

A value is the version, then a digest for each content function, then JSON text of what is kept, if anything is. The
text is not compressed: zlib would save 40 % of a small real object, and cost ten times what decoding costs (22 us).
"""

import logging
import re
from collections.abc import Collection
from hashlib import blake2b
from typing import Final, NamedTuple

import orjson

from auditor.cluster.listwatch import Version
from auditor.cluster.stores.keep import IDENTITY, MANAGED_FIELDS, Content, Keep, Path
from auditor.cluster.stores.text import UnwritableError, encode
from auditor.errors import ClusterError
from auditor.json import JsonObject

log = logging.getLogger(__name__)

DIGEST_SIZE: Final = 16
"""Bytes. By chance two of a million contents are alike once in 10^26, and to make two alike takes 2^64 tries."""
UNKNOWN: Final = bytes(DIGEST_SIZE)
"""In place of a digest that could not be made."""
UNWRITABLE: Final = b"!"
"""In place of a text that could not be made: no JSON begins like this."""


class Entry(NamedTuple):
    """What is kept of one object: unpacked by who reads it, as far as it is read. A tuple is the quickest to make."""

    keep: Keep
    packed: bytes

    @property
    def version(self) -> Version:
        return _unpack_version(self.packed)

    def digest(self, content: Content) -> bytes | None:
        """None if it is not kept, or could not be made: nobody knows then whether that content has changed."""
        if content not in self.keep.digests:
            return None
        start = _size_of_version(self.packed) + DIGEST_SIZE * self.keep.digests.index(content)
        digest = self.packed[start : start + DIGEST_SIZE]
        return None if digest == UNKNOWN else digest

    def object(self) -> JsonObject | None:
        """The whole or its chosen fields, decoded: it belongs to the caller. None if neither is kept."""
        if not self.keep.whole and not self.keep.fields:
            return None
        start = _size_of_version(self.packed) + DIGEST_SIZE * len(self.keep.digests)
        if self.packed.startswith(UNWRITABLE, start):
            raise ClusterError("an object is nested too deeply to be kept in memory: read it from the cluster")
        found: JsonObject = orjson.loads(memoryview(self.packed)[start:])
        return found

    def narrowed(self, keep: Keep, key: str) -> bytes:
        """Packed anew, with less: a digest as it is, a text made again."""
        parts = [self.packed[: _size_of_version(self.packed)]]
        parts += [self.digest(content) or UNKNOWN for content in keep.digests]
        if keep.whole or keep.fields:
            try:
                parts.append(_make_text(keep, self.object() or {}, key))
            except ClusterError:
                parts.append(UNWRITABLE)
        return b"".join(parts)


class Packed:
    """Safe for one thread that writes and many that read."""

    __slots__ = ("_entries", "keep")

    def __init__(self, keep: Keep = IDENTITY) -> None:
        self.keep = keep
        self._entries: dict[str, bytes] = {}

    def version(self, key: str) -> Version | None:
        packed = self._entries.get(key)
        return None if packed is None else _unpack_version(packed)

    def put(self, key: str, version: Version, obj: JsonObject) -> None:
        self.set(key, version, obj)

    def set(self, key: str, version: Version, obj: JsonObject) -> Entry:
        """As `put`, which is what a list-watch needs of a store."""
        keep, packed = self.keep, _pack_version(version)
        for content in keep.digests:
            packed += _make_digest(content, obj, key)
        if keep.whole or keep.fields:
            packed += _make_text(keep, obj, key)
        self._entries[key] = packed
        return Entry(keep, packed)

    def narrowed(self, keep: Keep) -> "Packed":
        """The same objects, of which less is kept: `keep` must be covered by what this one keeps."""
        other = Packed(keep)
        for key, packed in list(self._entries.items()):
            other._entries[key] = Entry(self.keep, packed).narrowed(keep, key)
        return other

    def remove(self, key: str) -> None:
        self._entries.pop(key, None)

    def entry(self, key: str) -> Entry | None:
        packed = self._entries.get(key)
        return None if packed is None else Entry(self.keep, packed)

    def get(self, key: str) -> JsonObject | None:
        entry = self.entry(key)
        return None if entry is None else entry.object()

    def keys(self) -> Collection[str]:
        return list(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


# A version as API servers have them takes 1 + 8 + 16 bytes: a number, and a uid that is a UUID. Another one is kept as
# text behind its length.
_USUAL = re.compile("[1-9][0-9]{0,18} [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_USUAL_SIZE = 25
_LENGTH_SIZE = 4


def _pack_version(version: Version) -> bytes:
    if _USUAL.fullmatch(version):
        number, _, uid = version.partition(" ")
        return b"\1" + int(number).to_bytes(8) + bytes.fromhex(uid.replace("-", ""))
    text = version.encode()
    return b"\0" + len(text).to_bytes(_LENGTH_SIZE) + text


def _unpack_version(packed: bytes) -> Version:
    if packed[0] == 1:
        uid = packed[9:_USUAL_SIZE].hex()
        number = int.from_bytes(packed[1:9])
        return Version(f"{number} {uid[:8]}-{uid[8:12]}-{uid[12:16]}-{uid[16:20]}-{uid[20:]}")
    return Version(packed[1 + _LENGTH_SIZE : _size_of_version(packed)].decode())


def _size_of_version(packed: bytes) -> int:
    if packed[0] == 1:
        return _USUAL_SIZE
    return 1 + _LENGTH_SIZE + int.from_bytes(packed[1 : 1 + _LENGTH_SIZE])


def _make_digest(content: Content, obj: JsonObject, key: str) -> bytes:
    # The function is the caller's, and the list-watch must go on whatever it does.
    try:
        return blake2b(content(obj), digest_size=DIGEST_SIZE).digest()
    except Exception:
        log.exception("%s: its digest could not be made: every change of it counts as one", key)
        return UNKNOWN


def _make_text(keep: Keep, obj: JsonObject, key: str) -> bytes:
    try:
        return encode(_choose(keep, obj))
    except UnwritableError as error:
        log.error("%s: is nested too deeply to be kept: %s", key, error)  # noqa: TRY400 - a trace has nothing to add
        return UNWRITABLE


def _choose(keep: Keep, obj: JsonObject) -> JsonObject:
    if not keep.whole:
        chosen: JsonObject = {}
        for path in keep.fields:
            _copy_field(path, obj, chosen)
        return chosen
    if keep.managed_fields or MANAGED_FIELDS[1] not in obj["metadata"]:
        return obj
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != MANAGED_FIELDS[1]}}


def _copy_field(path: Path, source: JsonObject, target: JsonObject) -> None:
    """What is not there is not made up."""
    for step in path[:-1]:
        inner = source.get(step)
        if not isinstance(inner, dict):
            return
        source, target = inner, target.setdefault(step, {})
    if path and path[-1] in source:
        target[path[-1]] = source[path[-1]]
