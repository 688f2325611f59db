"""How long a lease lasts, how long its holder trusts in it, how often it is renewed; and that the three fit."""

from dataclasses import dataclass

from auditor.errors import UsageError

LONGEST = 3600
"""Seconds. Nobody of ours has more, so a record that claims more (somebody edited it) is not waited for any longer."""
TRUST = 0.9
"""Of the lease, at most: the rest is for clocks that run at different rates and for writes that are under way.

With it, the clock of one machine may run 11 % faster than that of another; with the defaults, 50 %.
"""
JITTER = 1.2
"""Those who wait ask every retry period and up to a fifth more, so that not all ask at once, as client-go's."""
MOST_PER_CALL = 5.0
"""Seconds. A call that gets no answer is given up by then, so that there is time for another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """In seconds; the defaults are those of client-go, and so of every controller of Kubernetes itself."""

    lease: int = 15
    """Nobody else takes over before its record was left unchanged for so long. Whole seconds: the API has no others."""
    renew: float = 10.0
    """How long the holder trusts in a renewal, from the moment when it asked for it."""
    retry: float = 2.0
    """The time between two rounds."""

    def __post_init__(self) -> None:
        if type(self.lease) is not int or not 1 <= self.lease <= LONGEST:
            raise UsageError(f"lease duration {self.lease}: whole seconds, 1 to {LONGEST}")
        if not 0 < self.renew <= self.lease * TRUST:
            raise UsageError(
                f"renew deadline {self.renew:g} s with a lease of {self.lease} s: more than 0 and at most "
                f"{self.lease * TRUST:g} s, or the next holder may begin before the last one has ended"
            )
        if not 0 < self.retry * JITTER < self.renew:
            raise UsageError(
                f"retry period {self.retry:g} s with a renew deadline of {self.renew:g} s: "
                f"more than 0 and less than {self.renew / JITTER:g} s, or there is no second try"
            )

    @property
    def call(self) -> float:
        """Seconds for one call: half of the time there is, so that one that hangs leaves time for another."""
        return min(self.renew / 2, MOST_PER_CALL)
