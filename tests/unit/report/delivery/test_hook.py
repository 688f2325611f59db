"""With a real server on loopback."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from auditor.report.delivery import DeliveryError, Hook
from tests.unit.report.delivery.making import PARCEL
from tests.unit.report.delivery.receivers import Trust, WebServer, closed_port

NOW = datetime(2026, 11, 2, 6, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def hook(server: WebServer) -> Hook:
    return Hook(url=f"{server.url}/in?token=s3cret", clock=lambda: NOW, step=2.0)


def test_all_that_is_known(hook: Hook, server: WebServer) -> None:
    assert hook.deliver(PARCEL) == ""
    (post,) = server.posts
    assert post.path == "/in?token=s3cret"
    assert post.headers["Idempotency-Key"] == "5f0c"
    assert post.headers["Content-Type"] == "application/json"
    assert json.loads(post.body) == {
        **PARCEL.words,
        "subject": PARCEL.subject,
        "text": PARCEL.text,
        "report": {"html": "<p>Bäume</p>", "json": {"percent": 97.5}},
    }


def test_a_template(hook: Hook, server: WebServer) -> None:
    replace(hook, body='{"text": "*${cluster}* ${title}", "n": "${violations}"}').deliver(PARCEL)
    assert json.loads(server.posts[0].body) == {"text": '*prod* a "b" \\ c\n', "n": 3}


def test_a_template_of_text(hook: Hook, server: WebServer) -> None:
    replace(hook, body="${cluster}: ${violations}", content_type="text/plain; charset=utf-8").deliver(PARCEL)
    assert server.posts[0].body == b"prod: 3"
    assert server.posts[0].headers["Content-Type"] == "text/plain; charset=utf-8"


def test_it_is_signed(hook: Hook, server: WebServer) -> None:
    replace(hook, key=b"key", headers={"X-From": "auditor"}).deliver(PARCEL)
    (post,) = server.posts
    timestamp = post.headers["Auditor-Timestamp"]
    expected = hmac.new(b"key", timestamp.encode() + b"." + post.body, hashlib.sha256).hexdigest()
    assert post.headers["Auditor-Signature"] == f"sha256={expected}"
    assert int(timestamp) == NOW.timestamp()
    assert post.headers["X-From"] == "auditor"


def test_not_signed_without_a_key(hook: Hook, server: WebServer) -> None:
    hook.deliver(PARCEL)
    assert not any(name.startswith("Auditor-") for name in server.posts[0].headers)


def test_tls(trust: Trust) -> None:
    with WebServer(trust) as server:
        Hook(url=server.url, ca=trust.ca).deliver(PARCEL)
        assert len(server.posts) == 1
        with pytest.raises(DeliveryError, match="certificate is not trusted"):
            Hook(url=server.url).deliver(PARCEL)
        assert len(server.posts) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500, 503])
def test_what_is_no_success_is_tried_again(hook: Hook, server: WebServer, status: int) -> None:
    server.day.status = status
    with pytest.raises(DeliveryError, match=f"answers {status}") as told:
        hook.deliver(PARCEL)
    assert "s3cret" not in str(told.value)
    assert not told.value.uncertain


def test_it_says_when(hook: Hook, server: WebServer) -> None:
    server.day.status, server.day.headers = 429, {"Retry-After": "120"}
    with pytest.raises(DeliveryError) as told:
        hook.deliver(PARCEL)
    assert told.value.retry_after == 120


@pytest.mark.parametrize(
    ("said", "pause"), [("Mon, 01 Jan 99999999999 00:00:00 GMT", None), ("soon", None), ("9" * 400, float("inf"))]
)
def test_it_says_what_cannot_be_meant(hook: Hook, server: WebServer, said: str, pause: float | None) -> None:
    server.day.status, server.day.headers = 503, {"Retry-After": said}
    with pytest.raises(DeliveryError, match="answers 503") as told:
        hook.deliver(PARCEL)
    assert told.value.retry_after == pause


def test_redirects_are_not_followed(hook: Hook, server: WebServer) -> None:
    with WebServer() as other:
        server.day.status, server.day.headers = 307, {"Location": other.url}
        with pytest.raises(DeliveryError, match="leads elsewhere"):
            hook.deliver(PARCEL)
        assert not other.posts


def test_cut_off_half_way(hook: Hook, server: WebServer) -> None:
    server.day.hang_up = True
    with pytest.raises(DeliveryError, match="closes the connection") as told:
        hook.deliver(PARCEL)
    assert told.value.uncertain
    server.day.hang_up = False
    hook.deliver(PARCEL)
    assert len(server.posts) == 2
    assert len(server.known) == 1, "the same key"


def test_slow(hook: Hook, server: WebServer) -> None:
    server.day.hold = threading.Event()
    with pytest.raises(DeliveryError, match="in time") as told:
        replace(hook, step=0.1).deliver(PARCEL)
    assert told.value.uncertain
    with pytest.raises(DeliveryError, match="closes"):
        replace(hook, whole=0.1).deliver(PARCEL)
    server.day.hold.set()


def test_nobody_there(hook: Hook) -> None:
    with pytest.raises(DeliveryError, match=r"http://127\.0\.0\.1:\d+: ") as told:
        replace(hook, url=f"http://127.0.0.1:{closed_port()}/s3cret").deliver(PARCEL)
    assert not told.value.uncertain
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:10.0.0.1]", "localhost"]
)
def test_private_addresses(server: WebServer, host: str) -> None:
    with pytest.raises(DeliveryError, match=r"private address|link-local"):
        Hook(url=f"http://{host}:{server.port}/", public_only=True).deliver(PARCEL)
    assert not server.posts


@pytest.mark.parametrize("url", ["", "ftp://a", "https://", "https://a:b@c", "https://a:x", "file:///etc/passwd"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(DeliveryError, match="is none") as told:
        Hook(url=url).deliver(PARCEL)
    assert "a:b" not in str(told.value)


@pytest.mark.parametrize("changed", [{"headers": {"X-A": "s3cret \u2713"}}, {"url": "http://127.0.0.1:1/s3cret\u2713"}])
def test_what_cannot_be_sent(hook: Hook, server: WebServer, changed: dict[str, Any]) -> None:
    if "url" in changed:
        changed = {"url": changed["url"].replace(":1/", f":{server.port}/")}
    with pytest.raises(DeliveryError, match="cannot be sent") as told:
        replace(hook, **changed).deliver(PARCEL)
    assert "s3cret" not in str(told.value)
    assert not server.posts


def test_secrets_are_not_shown(hook: Hook) -> None:
    shown = repr(replace(hook, key=b"k3y", headers={"Authorization": "t0ken"}))
    assert not any(secret in shown for secret in ("s3cret", "k3y", "t0ken"))
