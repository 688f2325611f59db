"""Beginning what needs somebody else who may not be there yet: as often as it takes, and without a flood of words."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from auditor.errors import AuditorError

log = logging.getLogger(__name__)

RETRY: Final = 2.0
"""Seconds between two attempts to get what a service cannot begin without, as when the API server is not there yet."""
SAID: Final = 30.0
"""Seconds after which a reason for waiting is told again."""


def insist(begin: Callable[[], object], what: str, stopping: threading.Event) -> bool:
    """False if it had not begun when the end was asked for."""
    said, told = "", 0.0
    while not stopping.is_set():
        try:
            begin()
            return True
        except AuditorError as error:
            if str(error) != said or time.monotonic() - told > SAID:
                said, told = str(error), time.monotonic()
                log.warning("%s: %s", what, error)
        except Exception:
            log.exception("%s: a defect of auditor", what)
        stopping.wait(RETRY)
    return False
