"""Whatever the network does while somebody writes: at the end what was told is what a fresh list has."""

import random

import pytest

from auditor.cluster import Client
from auditor.cluster.listwatch import Change, Scope
from tests.cluster.listwatch.following import Following
from tests.cluster.listwatch.gadgets import GADGETS, Objects
from tests.proxy import Proxy

EITHER = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "pages"])
STALL_AFTER = 1.0
ROUNDS = 25


class Writer:
    """Changes a few objects again and again, by a random that the test can repeat."""

    def __init__(self, objects: Objects, seed: int) -> None:
        self._objects, self.random = objects, random.Random(seed)  # noqa: S311 to be repeated
        self._there: set[str] = set()

    def write(self, changes: int) -> None:
        for _ in range(changes):
            name = f"g{self.random.randrange(12)}"
            if name in self._there and self.random.random() < 0.4:
                self._objects.delete(name)
                self._there.discard(name)
            else:
                self._objects.write(name, self.random.choice(["red", "green", "blue"]), n=str(self.random.random())[:8])
                self._there.add(name)


def make_fault(proxy: Proxy, draw: random.Random) -> None:
    match draw.randrange(6):
        case 0:
            proxy.cut()
        case 1:
            proxy.truncate(draw.randrange(1, 6000))  # in the middle of TLS, of headers, of lines
        case 2:
            proxy.stall()
        case 3:
            proxy.delay(draw.random() / 5)
        case 4:
            proxy.refuse()
            proxy.cut()
        case 5:
            proxy.let_pass()


@EITHER
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost(
    client: Client, proxied: Client, proxy: Proxy, objects: Objects, *, streamed: bool, seed: int
) -> None:
    writer = Writer(objects, seed)
    writer.write(20)
    with Following(proxied, GADGETS, Scope(objects.namespace), streamed=streamed, stall_after=STALL_AFTER) as following:
        for number in range(ROUNDS):
            make_fault(proxy, writer.random)
            writer.write(4)
            if number % 5 == 4:
                proxy.let_pass()
                following.await_equal(client)
        proxy.let_pass()
        following.await_equal(client)
        assert following.status.counts.failures > 0


@EITHER
def test_stalled_connection_is_noticed(
    client: Client, proxied: Client, proxy: Proxy, objects: Objects, streamed: bool
) -> None:
    objects.write("one")
    scope = Scope(objects.namespace)
    with Following(proxied, GADGETS, scope, streamed=streamed, stall_after=STALL_AFTER) as following:
        following.await_event(Change.SYNCED)
        proxy.stall()
        objects.write("two")
        following.await_that(lambda: following.status.counts.stalls >= 1, "the stall")
        proxy.cut()  # a dead path stays dead; a new one works
        proxy.let_pass()
        following.await_equal(client)
        assert following.status.counts.relists == 0
