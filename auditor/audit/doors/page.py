"""One answer of a door: what it decided since a number, and how often all in all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from auditor.cluster.access import dig, dig_list, dig_text
from auditor.errors import MalformedError
from auditor.json import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something was decided, and found."""

    decisions: Mapping[tuple[str, str], int]
    """By webhook and outcome."""
    findings: Mapping[tuple[str, str, bool], int]
    """By policy, result, and whether it blocks."""

    def since(self, before: "Counts") -> "Counts":
        """What was added. Where an older answer is compared with a newer one it is nothing, and never less."""
        return Counts(
            Counter(self.decisions) - Counter(before.decisions), Counter(self.findings) - Counter(before.findings)
        )

    def upto(self, other: "Counts") -> "Counts":
        """The newer of two answers of one process: counts only grow."""
        return Counts(
            Counter(self.decisions) | Counter(other.decisions), Counter(self.findings) | Counter(other.findings)
        )

    def __bool__(self) -> bool:
        return bool(self.decisions or self.findings)


NONE: Final = Counts({}, {})


@dataclass(frozen=True, slots=True)
class Page:
    instance: str
    """Of the process that answered; another one counts anew."""
    last: int
    """The number of its last decision, which may be on a later page."""
    missed: int
    """Decisions after the number that was asked for which it keeps no longer."""
    decisions: Sequence[JsonObject]
    """As the door describes them, each with its `number`; the oldest first."""
    totals: Counts
    """Since that process began."""


def read_page(body: bytes) -> Page:
    """Raises MalformedError: what is of another shape is of something else than a door."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"the answer is no JSON: {error}") from error
    instance = dig_text(answer, "instance")
    if not instance:
        raise MalformedError("the answer is not that of a door: it names no instance")
    decisions = dig_list(answer, "decisions")
    numbers = [_count(dig(each, "number"), "the number of a decision") for each in decisions]
    if numbers != sorted(set(numbers)):
        raise MalformedError("the decisions are not in the order of their numbers")
    counters = dig(answer, "counters")
    return Page(
        instance=instance,
        last=_count(dig(answer, "last"), "last"),
        missed=_count(dig(answer, "missed"), "missed"),
        decisions=decisions,
        totals=Counts(
            {
                (dig_text(each, "webhook"), dig_text(each, "outcome")): _count(dig(each, "count"), "a count")
                for each in dig_list(counters, "decisions")
            },
            {
                (dig_text(each, "policy"), dig_text(each, "result"), dig(each, "blocks") is True): _count(
                    dig(each, "count"), "a count"
                )
                for each in dig_list(counters, "findings")
            },
        ),
    )


def _count(value: Json, what: str) -> int:
    if type(value) is not int or value < 0:
        raise MalformedError(f"{what} must be a whole number of 0 or more, not {value!r:.40}")
    return value
