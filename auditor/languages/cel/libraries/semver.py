"""Semantic versions: `semver`, `isSemver` and their members. Build metadata has no part in any result."""

from functools import total_ordering
from typing import ClassVar, Final, Self

import re2

from auditor.dataclass import dataclass
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.types import BOOL, INT, STRING, Type

_NUMBER: Final = r"(0|[1-9][0-9]*)"
_PRERELEASE: Final = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION: Final = re2.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PRERELEASE}(?:\.{_PRERELEASE})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_MAX_NUMBER: Final = 1 << 64


@total_ordering
@dataclass(frozen=True, slots=True)
class Semver:
    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()

    TYPE: ClassVar[Type] = Type("kubernetes.Semver")

    def to_text(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        return f"{text}-{'.'.join(self.prerelease)}" if self.prerelease else text

    @classmethod
    def from_text(cls, text: str) -> Self:
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no semantic version")
        major, minor, patch, prerelease = match.groups()
        numbers = int(major), int(minor), int(patch)
        if max(numbers) >= _MAX_NUMBER:
            raise ValueError(f"a number in {text!r} is too large")
        return cls(*numbers, tuple(prerelease.split(".")) if prerelease else ())

    def __lt__(self, other: "Semver") -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        """Numbers come before words, fewer parts before more, none at all after all."""
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.prerelease)
        return (self.major, self.minor, self.patch, not self.prerelease, parts)

    def compare(self, other: "Semver") -> int:
        return (self > other) - (self < other)


def normalized(text: str) -> str:
    """`v1.02` as `1.2.0`."""
    parts = text.removeprefix("v").split(".", 2)
    for at, part in enumerate(parts):
        if len(part) > 1:
            stripped = part.lstrip("0")
            parts[at] = stripped if stripped[:1].isdigit() else f"0{stripped}"
    if len(parts) < 3 and ("+" in parts[-1] or "-" in parts[-1]):
        raise ValueError("short version cannot contain PreRelease/Build meta data")
    return ".".join([*parts, "0", "0"][:3])


def parse(text: str, normalize: bool = False) -> Semver:
    return Semver.from_text(normalized(text) if normalize else text)


def is_semver(text: str, normalize: bool = False) -> bool:
    try:
        parse(text, normalize)
    except ValueError:
        return False
    return True


_S = Semver.TYPE

LIBRARY: Final = Library(
    (
        Function("semver", (STRING,), _S, parse, member=False),
        Function("semver", (STRING, BOOL), _S, parse, member=False),
        Function("isSemver", (STRING,), BOOL, is_semver, member=False),
        Function("isSemver", (STRING, BOOL), BOOL, is_semver, member=False),
        Function("major", (_S,), INT, lambda v: v.major),
        Function("minor", (_S,), INT, lambda v: v.minor),
        Function("patch", (_S,), INT, lambda v: v.patch),
        Function("isLessThan", (_S, _S), BOOL, lambda a, b: a < b),
        Function("isGreaterThan", (_S, _S), BOOL, lambda a, b: a > b),
        Function("compareTo", (_S, _S), INT, Semver.compare),
    ),
    (Semver,),
)
