"""JSON documents, one or a stream of them, with the numbers that Go makes of them."""

import json
import re
from collections.abc import Iterator

from auditor.dataclass import dataclass
from auditor.intake.yaml.document import Fault
from auditor.json import Json, JsonObject

_SPACE = re.compile(r"[ \t\n\r]*")
# Nineteen digits may be beyond int64: such numbers take the slower way.
_LONG = re.compile(r"[0-9]{19}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}:,]|[^\s\]\[{}:,"]+', re.DOTALL)


class _DuplicateError(ValueError):
    pass


class _RangeError(ValueError):
    pass


def _collect(pairs: list[tuple[str, Json]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _DuplicateError
    return result


def _read_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _RangeError(f"the number {text[:40]} is out of range")
    return value


def _read_integer(text: str) -> int | float:
    value = int(text) if len(text) <= 20 else None
    return value if value is not None and -(2**63) <= value < 2**63 else _read_float(text)


def _refuse(text: str) -> Json:
    raise ValueError(f"{text} is not JSON")


_PLAIN = json.JSONDecoder(object_pairs_hook=_collect, parse_float=_read_float, parse_constant=_refuse)
_CAREFUL = json.JSONDecoder(
    object_pairs_hook=_collect, parse_float=_read_float, parse_int=_read_integer, parse_constant=_refuse
)
_LENIENT = json.JSONDecoder(parse_float=str, parse_int=str)


def skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a stream: where it begins and ends, and the value or what is wrong with it (a stream goes on)."""

    start: int
    end: int
    value: Json = None
    fault: Fault | None = None


def read_json(text: str) -> Iterator[Part]:
    """The values from the start on. Raises Fault, with a place in the whole text, at what is not JSON."""
    decoder = _CAREFUL if _LONG.search(text) else _PLAIN
    surrogates = "\\u" in text
    at = skip_space(text, 0)
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
            yield Part(at, end, _replace(value) if surrogates else value)
        except _DuplicateError:
            end = _LENIENT.raw_decode(text, at)[1]
            yield Part(at, end, fault=find_duplicate(text[at:end]))
        except _RangeError as error:
            end = _LENIENT.raw_decode(text, at)[1]
            yield Part(at, end, fault=Fault(str(error)))
        except json.JSONDecodeError as error:
            raise Fault(f"not JSON: {error.msg}", *_place(text, error.pos)) from None
        except ValueError as error:
            raise Fault(str(error), *_place(text, at)) from None
        except RecursionError:
            raise Fault("nested too deeply", *_place(text, at)) from None
        at = skip_space(text, end)


def _replace(value: Json) -> Json:
    """Half of a surrogate pair is no character; Go reads U+FFFD."""
    if type(value) is str:
        return _SURROGATE.sub("\ufffd", value)
    if type(value) is list:
        return [_replace(item) for item in value]
    if type(value) is dict:
        return {_replace(key): _replace(item) for key, item in value.items()}
    return value


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1)


def walk_json(text: str) -> Iterator[tuple[str, int]]:
    """Each key and item of one value that is JSON: its pointer, and where it begins."""
    stack: list[list[int | str | bool]] = []  # [is a mapping, parent's pointer, current key or index, key expected]
    expect_key = False
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word in "]}":
            stack.pop()
            expect_key = False
            continue
        if word == ":":
            expect_key = False
            continue
        if word == ",":
            top = stack[-1]
            expect_key = bool(top[0])
            if not top[0]:
                top[2] = int(top[2]) + 1
            continue
        if expect_key:
            stack[-1][2] = json.loads(word).replace("~", "~0").replace("/", "~1")
            yield f"{stack[-1][1]}/{stack[-1][2]}", match.start()
            continue
        pointer = f"{stack[-1][1]}/{stack[-1][2]}" if stack else ""
        if not stack or not stack[-1][0]:
            yield pointer, match.start()
        if word in "[{":
            stack.append([word == "{", pointer, 0])
            expect_key = word == "{"


def find_duplicate(text: str) -> Fault:
    seen: dict[str, int] = {}
    for pointer, at in walk_json(text):
        if pointer in seen:
            key = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            line, column = _place(text, at)
            first = _place(text, seen[pointer])[0]
            return Fault(
                f'key "{key}" stands twice in this mapping', line, column, "remove one of the two", first=first
            )
        seen[pointer] = at
    return Fault("a key stands twice in a mapping")
