"""Signals as a socket that is read from, a byte for each as it comes."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hear(*numbers: signal.Signals) -> Iterator[socket.socket]:
    """In the main thread. A handler in Python would not do for a thread that waits: one that comes while it begins to
    wait is heard when the wait is over; and what a handler touches may be locked by the very code that it interrupts.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        wakeup = signal.set_wakeup_fd(writer.fileno())
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        try:
            yield reader
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
