"""The short way and the routes give the same answer to everything: status, headers, body."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from auditor.webhooks.app import create_app
from auditor.webhooks.decisions import Ring
from auditor.webhooks.decode import MAX_BODY
from auditor.webhooks.door import Door
from auditor.webhooks.gate import SMALL as SMALL_BODY
from auditor.webhooks.gate import Gate
from auditor.webhooks.reception import Environ, Reception
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import SMALL, compiled, door_of, policy, review, rules, thing

Told = tuple[str, list[tuple[str, str]], bytes]

GOOD = orjson.dumps(review())
BODIES = [
    GOOD,
    orjson.dumps(review(thing({"size": 99}))),
    b"",
    b"{",
    b"{}",
    b"null",
    GOOD[:-1],
    b" " * (SMALL_BODY + 1),
]


class SameId(Ring):
    """Decisions are numbered, and the number is in the answer."""

    def next_id(self) -> str:
        return "one"


def make_door(snapshot: Snapshot | None) -> Door:
    door = door_of(snapshot)
    door.ring = SameId()
    return door


def policies() -> Snapshot:
    changing = policy("changes", mutate=[{"name": "m", "mergePatch": {"spec": {"a": 1}}}])
    return Snapshot.of(compiled(rules(SMALL), changing))


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(make_door(policies()))


def environ_of(body: bytes, **more: Any) -> Environ:
    """As a server makes it, whose input ends where the length says."""
    length = more.get("CONTENT_LENGTH") or ""
    body = body[: int(length)] if length.isdecimal() else body
    found = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/validate/fail-10s",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "timeout=10s",
        "SERVER_NAME": "x",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


def ask(app: Callable[..., Iterable[bytes]], environ: Environ) -> Told:
    told: list[tuple[str, list[tuple[str, str]]]] = []
    parts = app(environ, lambda status, headers, *_: told.append((status, headers)))
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    ((status, headers),) = told
    return status, headers, body


def both(app: Flask, body: bytes, **more: Any) -> tuple[Told, Told]:
    return ask(app, environ_of(body, **more)), ask(lambda *two: Flask.wsgi_app(app, *two), environ_of(body, **more))


def uses_short_way(app: Flask, body: bytes, **more: Any) -> bool:
    reception: Reception = app._reception  # type: ignore[attr-defined]
    return reception.answer_usual(environ_of(body, **more)) is not None


paths = st.one_of(
    st.sampled_from(["/validate", "/validate/fail-10s", "/mutate", "/mutate/x", "/convert", "/", "//validate/x", ""]),
    st.from_regex(r"/(validate|mutate|convert|other)(/[A-Za-z0-9._~ %/-]{0,8}){0,2}", fullmatch=True),
    st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=20).map(
        lambda text: f"/validate/{text}"
    ),
)
unusual = st.fixed_dictionaries(
    {},
    optional={
        "PATH_INFO": paths,
        "REQUEST_METHOD": st.sampled_from(["POST", "GET", "HEAD", "PUT", "OPTIONS", "post", "BREW"]),
        "CONTENT_TYPE": st.sampled_from(
            [
                "application/json; charset=utf-8",
                "Application/JSON",
                "text/plain",
                "",
                "application/json,text/plain",
                None,
            ]
        ),
        "CONTENT_LENGTH": st.sampled_from(
            ["0", "1", "", "-1", "+5", "x", "007", "1_0", "99999", "123456789", "²", None]
        ),
        "HTTP_CONTENT_ENCODING": st.sampled_from(["gzip", "identity", ""]),
        "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", ""]),
        "HTTP_EXPECT": st.just("100-continue"),
        "QUERY_STRING": st.sampled_from(["", "timeout=", "timeout=1m30s", "a=b&timeout=3s", "%", "timeout=10s&" * 200]),
        "SCRIPT_NAME": st.sampled_from(["/validate", "/x"]),
        "wsgi.input_terminated": st.none(),
    },
)


@given(body=st.one_of(st.sampled_from(BODIES), st.binary(max_size=50)), more=unusual)
def test_the_same_answer(app: Flask, body: bytes, more: dict[str, Any]) -> None:
    short, routed = both(app, body, **more)
    assert short == routed


@pytest.mark.parametrize("path", ["/validate", "/validate/fail-10s", "/mutate", "/mutate/ignore-3s", "/validate/own"])
@pytest.mark.parametrize("body", BODIES[:-1])
def test_usual_requests_take_the_short_way(app: Flask, path: str, body: bytes) -> None:
    short, routed = both(app, body, PATH_INFO=path)
    assert short == routed
    assert uses_short_way(app, body, PATH_INFO=path)


@pytest.mark.parametrize(
    "more",
    [
        {"REQUEST_METHOD": "GET"},
        {"PATH_INFO": "/convert/x"},
        {"PATH_INFO": "/validate/"},
        {"PATH_INFO": "/validate/\xe9"},
        {"CONTENT_LENGTH": None},
        {"CONTENT_LENGTH": str(len(GOOD) + 1)},
        {"CONTENT_LENGTH": str(SMALL_BODY + 1)},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"SCRIPT_NAME": "/validate"},
    ],
)
def test_others_do_not(app: Flask, more: dict[str, Any]) -> None:
    assert not uses_short_way(app, GOOD, **more)
    short, routed = both(app, GOOD, **more)
    assert short == routed


def test_before_the_policies_are_loaded() -> None:
    short, routed = both(create_app(make_door(None)), GOOD)
    assert short == routed
    assert short[0].startswith("503 ")
    assert ("Retry-After", "1") in short[1]


def test_when_there_are_too_many() -> None:
    gate = Gate(1)
    assert gate.enter(1)
    short, routed = both(create_app(make_door(policies()), gate=gate), GOOD)
    assert short == routed
    assert short[0].startswith("429 ")


def test_a_smaller_cap(app: Flask) -> None:
    capped = create_app(make_door(policies()), max_body=2000)
    short, routed = both(capped, b" " * 2001)
    assert short == routed
    assert short[0].startswith("413 ")
    assert MAX_BODY > SMALL_BODY


def test_a_defect(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(Door, "review", fail)
    short, routed = both(create_app(make_door(policies())), GOOD)
    assert short == routed
    assert short[0] == "500 INTERNAL SERVER ERROR"
    assert caplog.text.count("/validate/fail-10s failed") == 2
