"""JSON pointers, RFC 6901."""

from collections.abc import Iterable

from auditor.json import Json


def split_pointer(pointer: str) -> list[str]:
    """The pointer's keys and indexes as text. ValueError for what is no pointer."""
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"the pointer {pointer!r} must be empty or begin with /")
    tokens = pointer[1:].split("/")
    return [token.replace("~1", "/").replace("~0", "~") for token in tokens] if "~" in pointer else tokens


def join_pointer(tokens: Iterable[str | int]) -> str:
    return "".join(f"/{escape(str(token))}" for token in tokens)


def escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def find_value(document: Json, pointer: str) -> Json:
    """KeyError where nothing is."""
    for token in split_pointer(pointer):
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and token.isdecimal() and token.isascii() and int(token) < len(document):
            document = document[int(token)]
        else:
            raise KeyError(pointer)
    return document
