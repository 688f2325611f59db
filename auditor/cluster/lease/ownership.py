"""Which member owns which key, by rendezvous hashing: who comes or goes moves its own keys and no others."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self, TypeAlias

View: TypeAlias = tuple[str, ...]
"""The members that one member reckons with, sorted. Empty: it takes no part."""


def owner_of(key: str, view: View) -> str:
    """The same on every machine and in every version: whoever changes it moves every key of a running cluster."""
    return max(view, key=lambda member: (blake2b(f"{member}\0{key}".encode(), digest_size=8).digest(), member))


@dataclass(frozen=True, slots=True)
class Ownership:
    """What one member owns at some moment: what falls to it in all of its views, and what nobody else claims."""

    member: str = ""
    views: tuple[View, ...] = ()
    others: tuple[tuple[str, View | None], ...] = ()
    """The views that other members act on; None where that is not known, so it may be anything."""

    def owns(self, key: str) -> bool:
        if not self.views or any(owner_of(key, view) != self.member for view in self.views):
            return False
        return all(view is not None and owner_of(key, view) != name for name, view in self.others)

    def narrowed(self, view: View) -> Self | "Ownership":
        if not view or not self.views:
            return NOTHING
        return self if view in self.views else Ownership(self.member, (*self.views, view), self.others)


NOTHING = Ownership()


def make_ownership(member: str, view: View, others: Iterable[tuple[str, View | None]]) -> Ownership:
    """Those who take no part claim nothing; those who act on our own view claim what does not fall to us."""
    return Ownership(member, (view,), tuple(o for o in others if o[1] != () and o[1] != view)) if view else NOTHING


def moved(keys: Iterable[str], before: Ownership, after: Ownership) -> tuple[set[str], set[str]]:
    """(gained, lost) of these keys."""
    gained, lost = set(), set()
    for key in keys:
        had, has = before.owns(key), after.owns(key)
        if has and not had:
            gained.add(key)
        elif had and not has:
            lost.add(key)
    return gained, lost
