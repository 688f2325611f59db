"""`stop` ends it from every state in which it can be, on real connections."""

import threading
from pathlib import Path

from auditor.cluster import Client
from auditor.cluster.listwatch import Change, Event, Scope
from auditor.sandbox import Sandbox
from tests.cluster.listwatch.conftest import connect_through
from tests.cluster.listwatch.following import Following
from tests.cluster.listwatch.gadgets import GADGETS, Objects
from tests.proxy import Proxy


def test_while_it_reads_a_watch_on_which_nothing_comes(client: Client, objects: Objects) -> None:
    with Following(client, GADGETS, Scope(objects.namespace)) as following:
        following.await_event(Change.SYNCED)
    assert following.status.last_error is None


def test_while_it_connects(proxy: Proxy, control_plane: Sandbox, tmp_path: Path) -> None:
    """TCP is there, and TLS gets no answer: that lasts as long as a connect may."""
    client = connect_through(proxy, control_plane, tmp_path, connect_timeout=1.0)
    proxy.stall()
    with client.transport, Following(client, GADGETS) as following:
        following.await_that(lambda: proxy.accepted > 0, "the connection")
    assert not following.status.synced


def test_while_it_waits_for_the_answer(proxied: Client, proxy: Proxy) -> None:
    """The connection is there from before, and the request gets no answer."""
    assert list(proxied.list(GADGETS)) is not None
    proxy.stall()
    with Following(proxied, GADGETS) as following:
        following.await_that(lambda: following.status.counts.streams > 0, "the request")
    assert proxy.accepted == 1


def test_while_it_waits_after_a_failure(proxied: Client, proxy: Proxy) -> None:
    proxy.refuse()
    with Following(proxied, GADGETS) as following:
        following.await_that(lambda: following.status.counts.failures >= 3, "the third failure")
    error = following.status.last_error
    assert error is not None
    assert "refuses connections" in error.message


def test_while_pages_come(proxied: Client, proxy: Proxy, objects: Objects) -> None:
    for number in range(7):
        objects.write(f"g{number}")
    first, go_on = threading.Event(), threading.Event()

    def hold(event: Event) -> None:
        first.set()
        assert go_on.wait(30)

    with Following(proxied, GADGETS, Scope(objects.namespace), streamed=False, heard=hold) as following:
        assert first.wait(30)
        proxy.stall()
        go_on.set()
        following.await_that(lambda: len(following.events) == 3, "the first page")
    assert len(following.events) == 3  # and not a word of the objects that were not listed
