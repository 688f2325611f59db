"""What the dispatcher asks of each kind of objects that it sees to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from auditor.audit.dispatch.audiences import Namespaces
from auditor.audit.dispatch.entry import Entry, Standing, State
from auditor.audit.dispatch.wish import Wish
from auditor.cluster import Resource
from auditor.cluster.conditions import Condition
from auditor.json import JsonObject
from auditor.report.delivery import Parcel

Kept = TypeVar("Kept", bound=Entry)
Status = TypeVar("Status", bound=Standing[Any])

SHOWN: Final = 3
"""Deliveries that a condition names; all stand in the list."""


class Case(Protocol[Status, Kept]):
    """One object in one round."""

    @property
    def wish(self) -> Wish: ...

    def plan(self, now: datetime) -> tuple[Status, Sequence[Condition]]:
        """The status that is to be before anything is sent, and what is to be told. Raises AuditorError."""

    def choose_due(self, standing: Status, now: datetime) -> Sequence[Kept]:
        """Those to be attempted now, in this order."""

    def make(self, entry: Kept, now: datetime) -> Parcel | None:
        """The same one however often it is made. None: there is nothing left to tell. Raises AuditorError."""


class Office(Protocol[Status, Kept]):
    @property
    def resource(self) -> Resource: ...

    @property
    def word(self) -> str:
        """By which the log speaks of such an object."""

    @property
    def ways(self) -> Sequence[str]:
        """Which of the ways to deliver such objects may name."""

    def read(self, status: JsonObject) -> Status: ...

    def render(self, standing: Status, status: JsonObject) -> JsonObject:
        """`status` has the conditions, which are not the office's to make."""

    def tell(self, standing: Status) -> Condition:
        """What is to be told when an attempt is over, whatever the spec says."""

    def enter(self, thing: JsonObject, namespaces: Namespaces) -> Case[Status, Kept] | Condition:
        """A condition: of this one nothing can be delivered, and why. Raises CompileError."""


def find_delivered(entries: Iterable[Entry], *, nothing: str) -> Condition:
    """The condition that all of these kinds have. `nothing`: what is said where nothing was sent yet."""
    entries = tuple(entries)
    wrong = [each for each in entries if each.state is State.GIVEN_UP or (each.is_open and each.error)]
    if wrong:
        told = "; ".join(
            f"{each.name}{f' to {each.audience}' if each.audience else ''}: {each.error}" for each in wrong[:SHOWN]
        )
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        given_up = any(each.state is State.GIVEN_UP for each in wrong)
        return Condition("Delivered", "False", "GivenUp" if given_up else "Retrying", f"{told}{more}")
    waiting = [each for each in entries if each.is_open]
    if waiting or not entries:
        said = f"{len(waiting)} deliveries are under way." if waiting else nothing
        return Condition("Delivered", "Unknown", "Waiting" if waiting else "NothingDue", said)
    return Condition("Delivered", "True", "Delivered", "All that was due has arrived.")
