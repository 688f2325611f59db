"""Small files that others read while we write them, and locks that end with the process that holds them."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from auditor.certs import write_private


def write_json(path: Path, value: dict[str, Any]) -> None:
    write_private(path, json.dumps(value, indent=1).encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """None for a file that is not there or is not whole."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock until the last process that has it closes it or ends; None if it is held.

    flock belongs to the open file, so the lock can be handed to a child process without a moment of nobody holding it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
