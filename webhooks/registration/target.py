"""The objects that are kept right, one by one: how each of them stands, and what is remembered of it."""

from dataclasses import dataclass
from enum import StrEnum

from auditor.json import JsonObject
from auditor.webhooks.registration.rivalry import Rivalry


class State(StrEnum):
    IN_FORCE = "in force"
    CONTESTED = "contested"
    """Somebody changes it back again and again: it may be right or wrong at this moment."""
    PENDING = "pending"
    FAILED = "failed"
    """It could not be read or written, or not in whole; it is tried again."""
    LEFT = "left"
    """Not as it was asked for, on purpose: the message says why."""
    UNINSTALLED = "uninstalled"


@dataclass(frozen=True, slots=True)
class Target:
    """One object that we keep right. `name` is a CRD's, or the kind of a configuration."""

    name: str
    state: State = State.PENDING
    message: str = ""
    faults: tuple[str, ...] = ()
    """Webhooks that the API server refuses, with its reasons."""
    writes: int = 0


@dataclass(slots=True)
class Memory:
    target: Target
    rivalry: Rivalry
    digest: str = ""
    """Of what we wanted when we last saw it in force: what differs afterwards, without a change of this, is drift."""
    accepted: JsonObject | None = None
    """What the API server took of that."""
    policies: frozenset[str] = frozenset()
    """Of a configuration: those that it calls us for, when we last looked."""
    lacking: frozenset[str] = frozenset()
    """Those that it should call us for, and does not."""
