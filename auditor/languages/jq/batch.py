"""Many rules as one jq program: one round trip, the object read once, and no rule's error ends another.

The input is a list: the object, then each value that is bound. The program yields one string, the JSON of a list with
one entry for each rule: a list of its outputs, or {"error": ...}. The text comes from `tojson` in libjq, which keeps
integers that a double would round.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import orjson

from auditor.dataclass import dataclass
from auditor.json import Json
from auditor.languages.jq.program import Program
from auditor.languages.jq.results import kind_of
from auditor.languages.outcome import Outcome

Call: TypeAlias = tuple[Program, Mapping[str, Json]]
"""A program and the variables of its own, as params are of one policy; they go before those of the whole batch."""

MAX_OUTPUTS = 1000
"""Outputs of one rule on one object: nobody reads so many messages, and the API server cuts causes much earlier."""
_MAX_REASON = 500
"""Characters of a message that a rule throws: it may throw the whole object."""

Slots: TypeAlias = tuple[tuple[str, int], ...]
"""The variables of one rule and where their values stand in the input."""


@dataclass(frozen=True, slots=True)
class Batch:
    text: bytes
    data: bytes
    size: int


class Values:
    """The input of one request, each value serialised once, however many rules use it."""

    def __init__(self, value: Json, bindings: Mapping[str, Json]) -> None:
        self._bindings = bindings
        self._values: list[Json] = []  # kept, so that no id() is given to another value meanwhile
        self._texts: list[bytes | str] = []
        self._slots: dict[int, int] = {}
        self._slot(value)

    def _slot(self, value: Json) -> int:
        slot = self._slots.get(id(value))
        if slot is None:
            slot = self._slots[id(value)] = len(self._texts)
            self._values.append(value)
            self._texts.append(_serialised(value))
        return slot

    def slots(self, call: Call) -> Slots | Outcome:
        """Where the variables of a rule are, or why it cannot run."""
        if isinstance(self._texts[0], str):
            return Outcome.failed(f"the object cannot be given to jq: {self._texts[0]}")
        program, own = call
        found = []
        for name in program.uses:
            if name not in own and name not in self._bindings:
                return Outcome.failed(f"${name} is not bound here")
            slot = self._slot(own[name] if name in own else self._bindings[name])
            if isinstance(self._texts[slot], str):
                return Outcome.failed(f"${name} cannot be given to jq: {self._texts[slot]!s}")
            found.append((name, slot))
        return tuple(found)

    def batch(self, rules: Sequence[tuple[Program, Slots]]) -> Batch:
        """Rules whose slots are known; the values of others are left in their places as null."""
        needed = {0}.union(slot for _, slots in rules for _, slot in slots)
        texts = [
            text if slot in needed and isinstance(text, bytes) else b"null" for slot, text in enumerate(self._texts)
        ]
        text = _combined(tuple([(program.text, slots) for program, slots in rules]))
        return Batch(text, b"[%b]" % b",".join(texts), len(rules))


@lru_cache(maxsize=512)
def _combined(rules: tuple[tuple[str, Slots], ...]) -> bytes:
    """Each rule is a function, because libjq limits the size of one; `[...]` takes either all outputs or the error."""
    functions = "".join(_function(number, text, slots) for number, (text, slots) in enumerate(rules))
    entries = ",".join(f"(try [__rule{number}] catch {{error: .}})" for number in range(len(rules)))
    return f". as $__all | $__all[0] | {functions}[{entries}] | tojson".encode()


def _function(number: int, text: str, slots: Slots) -> str:
    """Two ends of line: the text may end with a comment, and a backslash at its end would take in one line more."""
    bound = "".join(f"$__all[{slot}] as ${name} | " for name, slot in slots)
    return f"def __rule{number}: {bound}(\n{text}\n\n);"


def outcomes(batch: Batch, answer: bytes) -> list[Outcome] | None:
    """One for each rule; None where the answer is not of that form."""
    try:
        entries = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(entries, list) or len(entries) != batch.size:
        return None
    return [_outcome(entry) for entry in entries]


def _outcome(entry: Json) -> Outcome:
    if not isinstance(entry, list):
        return Outcome.failed(_reason(entry))
    if len(entry) > MAX_OUTPUTS:
        return Outcome.failed(f"yields {len(entry)} outputs, {MAX_OUTPUTS} are allowed")
    return Outcome.of(entry)


def _reason(entry: Json) -> str:
    thrown = entry.get("error") if isinstance(entry, dict) else entry
    said = thrown if isinstance(thrown, str) else f"threw {kind_of(thrown)}, which is not shown: throw a text"
    return shorten(said) or "threw an empty message"


def shorten(text: str) -> str:
    return text if len(text) <= _MAX_REASON else text[: _MAX_REASON - 1] + "…"


def _serialised(value: Json) -> bytes | str:
    """The JSON, or why there is none."""
    try:
        text = orjson.dumps(value)
    except TypeError as error:  # surrogates, integers beyond 64 bits, deeper than 254, keys that are no strings
        return str(error)
    # orjson writes null for NaN and the infinities, which JSON does not have but YAML does.
    if b"null" in text and not _finite(value):
        return "it has a number that is not finite"
    return text


def _finite(value: Json) -> bool:
    """Written for speed: objects with a null, as a `creationTimestamp`, are frequent."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list and kind is not tuple:
        return not isinstance(value, float) or value - value == 0
    for item in value:
        kind = type(item)
        if kind is not str and kind is not int and item is not None and not _finite(item):
            return False
    return True
