"""Signals as bytes."""

import os
import select
import signal

from auditor.operations.signals import hear


def test_each_signal_is_a_byte_also_one_that_comes_before_anybody_waits() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with hear(signal.SIGUSR1, signal.SIGUSR2) as signals:
        assert not select.select([signals], [], [], 0)[0]
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)
        found = bytearray()
        while len(found) < 2:
            assert select.select([signals], [], [], 5)[0]
            found += signals.recv(64)
        assert list(found) == [signal.SIGUSR1, signal.SIGUSR2]
    assert signal.getsignal(signal.SIGUSR1) is before
