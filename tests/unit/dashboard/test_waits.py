"""How long a thread waits for a client; tests/security has the whole of it, in a process."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from auditor.dashboard.worker import Waits


@dataclass
class Client:
    """Our end of its connection, and its own."""

    sock: socket.socket
    end: socket.socket

    @property
    def is_cut(self) -> bool:
        try:
            return self.end.recv(1) == b""
        except BlockingIOError:
            return False


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clients() -> Iterator[list[Any]]:
    with ExitStack() as stack:
        made = []
        for _ in range(4):
            ours, theirs = map(stack.enter_context, socket.socketpair())
            theirs.setblocking(False)
            made.append(Client(ours, theirs))
        yield made


def begin_all(waits: Waits, clients: list[Client], pools: list[ThreadPoolExecutor], seconds: float = 5.0) -> None:
    """Each in a thread of its own."""
    for client, pool in zip(clients, pools, strict=True):
        pool.submit(waits.begin, client, seconds).result(5)


@pytest.fixture
def pools() -> Iterator[list[ThreadPoolExecutor]]:
    with ExitStack() as stack:
        yield [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(4)]


def test_a_client_has_its_time(clients: list[Client], pools: list[ThreadPoolExecutor]) -> None:
    clock = Clock()
    waits = Waits(9, clock)
    begin_all(waits, clients[:1], pools[:1], 60.0)  # one that reads a long answer
    begin_all(waits, clients[1:], pools[1:])
    assert pools[1].submit(waits.end).result(5) is clients[1]  # its page is made
    for now, cut in {5.0: (False, False, False, False), 5.1: (False, False, True, True), 61.0: (True, False)}.items():
        clock.now = now
        waits.cut_overdue()
        assert tuple(each.is_cut for each in clients)[: len(cut)] == cut


def test_one_thread_is_always_left(clients: list[Client], pools: list[ThreadPoolExecutor]) -> None:
    waits = Waits(3, Clock())
    begin_all(waits, clients, pools)
    assert [each.is_cut for each in clients] == [True, True, False, False]
    # Who was cut off is not waited for again, whatever its thread was about to do.
    assert pools[0].submit(waits.end).result(5) is None
    assert pools[3].submit(waits.end).result(5) is clients[3]
