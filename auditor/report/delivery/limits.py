"""How long a receiver may take, each step and all of it."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

STEP: Final = 20.0
"""Seconds for each answer. Mail servers that look for spam take some seconds for one."""
WHOLE: Final = 60.0
"""Seconds for all of a delivery: one that drips a byte now and then does not hold up the others."""


@contextlib.contextmanager
def cut_off(find: Callable[[], socket.socket | None], seconds: float) -> Iterator[None]:
    """After that many seconds whoever waits for the socket gets an error. It is asked for then: one that is encrypted
    takes the place of the plain one."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            if (sock := find()) is not None:
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
