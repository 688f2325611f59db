"""The two clocks: one that measures how long, and one that people read."""

import os
import secrets
import socket
import time
from datetime import UTC, datetime

_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC_RAW", time.CLOCK_MONOTONIC))


def since_boot() -> float:
    """Seconds that nobody sets, with those during which the machine was suspended.

    `time.monotonic` stops in suspend, on Linux as on macOS: a laptop or VM that wakes up would go on to trust in a
    lease that others have taken long ago. Linux counts on in CLOCK_BOOTTIME. macOS has no clock of that name; there
    CLOCK_MONOTONIC_RAW counts on (it is mach_continuous_time), and CLOCK_MONOTONIC has been known to follow the wall.
    """
    return time.clock_gettime(_CLOCK)


def wall() -> datetime:
    """For people who look at a Lease. Nothing is decided by it: no two machines agree on it."""
    return datetime.now(UTC)


def micro_time(moment: datetime) -> str:
    """As the API writes MicroTime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_identity() -> str:
    """Where it runs, and never the same again: a process that starts anew is not who it was."""
    return f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}"
