"""How a list-watch is doing: for metrics, for people, and for whoever has to know whether it can be relied on."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """Since the start."""

    lists: int = 0
    """Lists that were complete, of either form."""
    pages: int = 0
    relists: int = 0
    """Times that the watch could not go on from where it was."""
    streams: int = 0
    """Watches that were opened."""
    restarts: int = 0
    """Watches that were opened again, after a regular end or a failure."""
    stalls: int = 0
    """Connections on which nothing was heard for too long."""
    failures: int = 0
    malformed: int = 0
    """Answers that could not be understood; each leads to a list."""
    repeated: int = 0
    """Events that told what was known already, or was older."""
    sink_errors: int = 0
    """Exceptions of whoever listens."""
    events: dict[str, int] = field(default_factory=dict)
    """Those of the watch by their type, as the server names it."""
    told: dict[str, int] = field(default_factory=dict)
    """Those that came out, by their change."""


@dataclass(frozen=True, slots=True)
class Failure:
    message: str
    code: int
    """Of the server's answer; 0 if there was none."""
    since: float
    """Wall clock: the first of those in a row."""
    count: int
    """In a row."""

    def __str__(self) -> str:
        """For a person. Nothing in it counts up: whoever stores it would have to write it anew at each attempt."""
        return self.message


@dataclass(frozen=True, slots=True)
class Status:
    synced: bool
    """A list has been complete: all that was there has been told."""
    resource_version: str
    """As of which all has been told."""
    last_heard: float | None
    """Wall clock."""
    last_error: Failure | None
    """None while all is well."""
    counts: Counts
    """A copy."""
