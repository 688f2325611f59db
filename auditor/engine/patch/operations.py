"""JSON Patch, RFC 6902, with the habits of the library that the API server applies it with.

There `replace` of a member that is not there adds it, `copy` of one copies null, `test` takes it for null, and
negative indexes count from the end. Our own are: a value that is left out, and a pointer that does not begin with /,
are errors.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial

import orjson

from auditor.engine.patch.pointer import split_pointer
from auditor.engine.patch.same import same
from auditor.json import Json, JsonObject

# What the API server allows by default: 10,000 operations a patch, and copies of 3 MiB together.
MAX_OPERATIONS = 10_000
MAX_COPIED = 3 * 1024 * 1024

_INDEX = re.compile(r"[-+]?[0-9]{1,9}")
_ABSENT = object()


class PatchError(ValueError):
    """The patch is wrong, or does not fit the object."""


class TestFailedError(PatchError):
    """A `test` operation did not hold: a mutating policy that is native is then skipped without a word."""

    __test__ = False  # pytest takes every class whose name begins so for tests


def apply_patch(document: Json, patch: Sequence[JsonObject]) -> Json:
    """The patched value. Raises PatchError; the document is as it was in any case."""
    if not isinstance(patch, list | tuple):
        raise PatchError("a JSON Patch is a list of operations")
    if len(patch) > MAX_OPERATIONS:
        raise PatchError(f"more than {MAX_OPERATIONS} operations")
    copied = 0
    for number, operation in enumerate(patch):
        try:
            name, path, source, value = _read(operation)
            if name == "test":
                _test(document, path, value)
            elif name == "add":
                document = _change(document, path, partial(_add, value))
            elif name == "replace":
                document = value if not path else _change(document, path, partial(_replace, value))
            elif name == "remove":
                document = _change(document, path, _remove)
            else:
                moved = _find(document, source)
                if name == "move":
                    document = _change(document, source, _remove)
                else:
                    moved = None if moved is _ABSENT else moved
                    copied += len(orjson.dumps(moved))
                    if copied > MAX_COPIED:
                        raise PatchError(f"copies of more than {MAX_COPIED} bytes together")
                document = _change(document, path, partial(_add, moved))
        except TestFailedError:
            raise
        except ValueError as error:
            what = f" ({operation.get('op')} {operation.get('path')})" if isinstance(operation, dict) else ""
            raise PatchError(f"operation {number}{what}: {error}") from None
    return document


def _read(operation: Json) -> tuple[str, list[str], list[str], Json]:
    if not isinstance(operation, dict):
        raise PatchError("must be an object with op and path")
    name = operation.get("op")
    if name not in {"add", "remove", "replace", "move", "copy", "test"}:
        raise PatchError(f"op must be add, remove, replace, move, copy or test, not {name!r}")
    pointers = []
    for field, needed in (("path", True), ("from", name in {"move", "copy"})):
        pointer = operation.get(field) if needed else ""
        if not isinstance(pointer, str):
            raise PatchError(f"{name} needs a pointer in `{field}`")
        pointers.append(split_pointer(pointer))
    if name in {"add", "replace", "test"} and "value" not in operation:
        raise PatchError(f"{name} needs a `value`")
    if name == "replace" and not pointers[0] and not isinstance(operation["value"], dict | list):
        raise PatchError("the whole can only be replaced by an object or a list")
    return name, pointers[0], pointers[1], operation.get("value")


def _read_index(token: str, limit: int) -> int:
    """Below `limit`; negative ones count from there."""
    if not _INDEX.fullmatch(token):
        raise PatchError(f"{token!r} is no index of a list")
    index = int(token)
    if not -limit <= index < limit:
        raise PatchError(f"the list has no index {index}")
    return index + limit if index < 0 else index


def _get(node: Json, token: str) -> Json:
    if isinstance(node, dict):
        return node.get(token, _ABSENT)
    return node[_read_index(token, len(node))]


def _find(document: Json, path: list[str]) -> Json:
    """The value, or _ABSENT for a member that is not there of an object that is."""
    if not path:
        raise PatchError("the whole cannot be moved or copied into itself")
    for depth, token in enumerate(path):
        if not isinstance(document, dict | list):
            raise PatchError(f"there is no /{'/'.join(path[:depth])}")
        document = _get(document, token)
    return document


_Edit = Callable[[Json, str], Json]


def _change(node: Json, path: list[str], edit: _Edit, at: int = 0) -> Json:
    """A copy of each container on the way; everything beside the way is shared."""
    if not path:
        raise PatchError("the path is empty")
    if not isinstance(node, dict | list):
        raise PatchError(f"there is no object or list at /{'/'.join(path[:at])}")
    token = path[at]
    if at == len(path) - 1:
        return edit(node, token)
    child = _get(node, token)
    if child is _ABSENT:
        raise PatchError(f"there is no /{'/'.join(path[: at + 1])}")
    changed = _change(child, path, edit, at + 1)
    if isinstance(node, dict):
        return {**node, token: changed}
    index = _read_index(token, len(node))
    return [*node[:index], changed, *node[index + 1 :]]


def _add(value: Json, node: Json, token: str) -> Json:
    if value is _ABSENT:
        raise PatchError("nothing is there to move")
    if isinstance(node, dict):
        return {**node, token: value}
    index = len(node) if token == "-" else _read_index(token, len(node) + 1)
    return [*node[:index], value, *node[index:]]


def _replace(value: Json, node: Json, token: str) -> Json:
    if isinstance(node, dict):
        return {**node, token: value}
    index = _read_index(token, len(node))
    return [*node[:index], value, *node[index + 1 :]]


def _remove(node: Json, token: str) -> Json:
    if isinstance(node, dict):
        if token not in node:
            raise PatchError(f"there is no {token!r} to remove")
        return {key: value for key, value in node.items() if key != token}
    index = _read_index(token, len(node))
    return [*node[:index], *node[index + 1 :]]


def _test(document: Json, path: list[str], value: Json) -> None:
    found = _find(document, path) if path else document
    if not same(None if found is _ABSENT else found, value):
        raise TestFailedError(f"test of /{'/'.join(path)} failed")
