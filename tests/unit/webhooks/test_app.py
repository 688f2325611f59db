"""Over HTTP: the right form for everything that may come, right or wrong."""

import io
import threading
from typing import Any

import orjson
import pytest
from werkzeug.test import Client, TestResponse

from auditor.json import JsonObject
from auditor.webhooks.app import create_app
from auditor.webhooks.decode import MAX_BODY
from auditor.webhooks.door import Door
from auditor.webhooks.gate import SMALL as SMALL_BODY
from auditor.webhooks.gate import Gate
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import (
    SMALL,
    UID,
    compiled,
    conversion,
    conversion_review,
    door_of,
    policy,
    review,
    rules,
    thing,
)


def make_client(door: Door | None = None, **settings: Any) -> Client:
    if door is None:
        changing = policy("changes", mutate=[{"name": "m", "mergePatch": {"spec": {"a": 1}}}])
        conversions = {("example.com", "Thing"): conversion()}
        door = door_of(Snapshot.of(compiled(rules(SMALL), changing), conversions=conversions))
    return Client(create_app(door, **settings))


def post(client: Client, path: str, body: bytes, **more: Any) -> TestResponse:
    return client.post(path, data=body, **{"content_type": "application/json", **more})


def refused(response: TestResponse, status: int) -> str:
    """The sentence of a refusal: the API server shows it if it is that of a Status."""
    assert response.status_code == status
    assert response.content_type == "application/json"
    body = orjson.loads(response.data)
    assert (body["apiVersion"], body["kind"], body["status"], body["code"]) == ("v1", "Status", "Failure", status)
    assert body["reason"]
    return str(body["message"])


@pytest.mark.parametrize("path", ["/validate", "/validate/fail-10s?timeout=10s", "/mutate", "/mutate/ignore-3s"])
def test_reviews_are_answered(path: str) -> None:
    response = post(make_client(), path, orjson.dumps(review()))
    assert (response.status_code, response.content_type) == (200, "application/json")
    answer = orjson.loads(response.data)["response"]
    assert (answer["uid"], answer["allowed"]) == (UID, True)
    assert ("patch" in answer) is path.startswith("/mutate")


@pytest.mark.parametrize("path", ["/convert", "/convert/things.example.com?timeout=30s"])
def test_conversions_are_answered(path: str) -> None:
    response = post(make_client(), path, orjson.dumps(conversion_review(thing())))
    answer = orjson.loads(response.data)["response"]
    assert answer["result"]["status"] == "Success"
    assert answer["convertedObjects"][0]["spec"] == {"count": 1}


@pytest.mark.parametrize("path", ["/validate", "/mutate/x", "/convert"])
@pytest.mark.parametrize(
    ("body", "more", "status", "said"),
    [
        (b"{", {}, 400, "no JSON"),
        (b"", {}, 400, "no JSON"),
        (b"{}", {}, 400, "kind: must be"),
        (b"{}", {"content_type": "text/plain"}, 415, "must be application/json, and is text/plain"),
        (b"{}", {"content_type": None}, 415, "without a content type"),
        (b"{}", {"headers": {"Content-Encoding": "gzip"}}, 415, "must not be compressed"),
        (b" " * 2001, {}, 413, "larger than 2,000 bytes"),
    ],
)
def test_what_is_no_review_is_refused(path: str, body: bytes, more: dict[str, Any], status: int, said: str) -> None:
    assert said in refused(post(make_client(max_body=2000), path, body, **more), status)


def test_a_chunked_body_is_read_and_bounded() -> None:
    """As gunicorn hands it over: without a length, and with an input that ends by itself."""
    client = make_client(max_body=2000)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    def send(body: bytes) -> TestResponse:
        return client.post(
            "/validate", input_stream=Stream(body), content_type="application/json", environ_overrides=chunked
        )

    assert send(orjson.dumps(review())).status_code == 200
    assert "larger" in refused(send(b" " * 3000), 413)


class Stream(io.BytesIO):
    """An input that gives a few bytes at a time, as they come from the network."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(100 if size is None or size < 0 else min(size, 100))


def test_the_cap_lets_the_largest_review_through() -> None:
    big = review(thing({"size": 1, "text": "x" * 3 * 1024 * 1024}), thing({"size": 1, "text": "y" * 1536 * 1024}))
    body = orjson.dumps(big)
    assert len(body) < MAX_BODY
    assert post(make_client(), "/validate", body).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/validate", 405),
        ("PUT", "/mutate/x", 405),
        ("POST", "/", 404),
        ("POST", "/validate/a/b", 404),
        ("POST", "/validate/", 404),
        ("GET", "/metrics", 404),
        ("GET", "/static/x", 404),
    ],
)
def test_other_paths_and_methods(method: str, path: str, status: int) -> None:
    assert path in refused(make_client().open(path, method=method), status)


def test_before_the_policies_are_loaded() -> None:
    response = post(make_client(door_of(None)), "/validate", orjson.dumps(review()))
    assert "not loaded its policies yet" in refused(response, 503)
    assert response.headers["Retry-After"] == "1", "the API server waits for them"


def test_a_fault_outside_of_the_engine_is_told_in_the_log_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(Door, "review", fail)
    assert "secret" not in refused(post(make_client(), "/validate", orjson.dumps(review())), 500)
    assert "secret" in caplog.text


def test_more_than_the_limit_in_flight_are_told_to_come_again() -> None:
    door = door_of(Snapshot.of(compiled(rules(SMALL))))
    entered, leave = threading.Event(), threading.Event()
    real = door.review

    def wait(*arguments: Any, **more: Any) -> Any:
        entered.set()
        assert leave.wait(10)
        return real(*arguments, **more)

    door.review = wait  # type: ignore[method-assign]
    gate = Gate(1)
    client = make_client(door, gate=gate)
    body = orjson.dumps(review())
    statuses: list[int] = []
    first = threading.Thread(target=lambda: statuses.append(post(client, "/validate", body).status_code))
    first.start()
    assert entered.wait(10)
    response = post(client, "/validate", body)
    assert "too many requests" in refused(response, 429)
    assert response.headers["Retry-After"] == "1"
    assert door.meters.registry.get_sample_value("auditor_webhook_in_flight") == 1
    leave.set()
    first.join(10)
    assert statuses == [200]
    assert post(client, "/validate", body).status_code == 200
    assert gate.inside == 0


def test_the_bytes_in_hand_are_bounded_too() -> None:
    mib = 1 << 20
    gate = Gate(10, max_bytes=100 * mib)
    assert gate.enter(500 * mib), "one that is alone always may"
    assert not gate.enter(mib)
    gate.leave(500 * mib)
    assert gate.enter(60 * mib)
    assert gate.enter(40 * mib)
    assert not gate.enter(mib)
    gate.leave(60 * mib)
    assert gate.enter(mib)
    assert gate.inside == 2


def test_small_bodies_do_not_wait_for_large_ones() -> None:
    gate = Gate(3, max_bytes=1)
    assert gate.enter(1 << 23)
    assert not gate.enter(SMALL_BODY + 1)
    assert gate.enter(SMALL_BODY)
    assert gate.enter(1)
    assert not gate.enter(1), "there are three"


def test_a_body_counts_by_what_is_declared() -> None:
    asked: list[int] = []

    class Watched(Gate):
        def enter(self, size: int) -> bool:
            asked.append(size)
            return super().enter(size)

    client = make_client(gate=Watched(), max_body=2000)
    body = orjson.dumps(review())
    post(client, "/validate", body)
    post(client, "/validate", b" " * 5000)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    client.post("/validate", input_stream=Stream(body), content_type="application/json", environ_overrides=chunked)
    assert asked == [len(body), 2000, 2000]


def test_who_is_refused_leaves_again() -> None:
    gate = Gate(1)
    client = make_client(gate=gate)
    for body in (b"{", b"", orjson.dumps(review())) * 3:
        post(client, "/validate", body)
    assert gate.inside == 0


def test_a_snapshot_that_is_replaced_is_in_force_at_once() -> None:
    door = door_of(Snapshot.of(compiled(rules(SMALL))))
    client = make_client(door)

    def allowed() -> bool:
        body: JsonObject = orjson.loads(post(client, "/validate", orjson.dumps(review(thing({"size": 9})))).data)
        return body["response"]["allowed"] is True

    assert not allowed()
    door.snapshots.replace(Snapshot.of(compiled()))
    assert allowed()
