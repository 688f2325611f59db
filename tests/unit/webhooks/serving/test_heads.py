"""A parser that remembers heads reads whatever comes as gunicorn's own does."""

from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create
from hypothesis import given
from hypothesis import strategies as st

from auditor.webhooks.serving.heads import MAX_BODY, MAX_HEAD, MAX_HEADS, RECORD, DoorParser, FamiliarRequest

CLIENT, SERVER = ("192.0.2.1", 4711), ("192.0.2.2", 8443)
LINES = (
    b"Host: auditor-webhook.auditor-system.svc:443",
    b"User-Agent: kube-apiserver-admission",
    b"Content-Length: %d",
    b"Accept: application/json, */*",
    b"Content-Type: application/json",
    b"Accept-Encoding: gzip",
)


def request(body: bytes, path: str = "/validate/fail-10s?timeout=10s", lines: tuple[bytes, ...] = LINES) -> bytes:
    head = b"\r\n".join([f"POST {path} HTTP/1.1".encode(), *lines]) + b"\r\n\r\n"
    return head.replace(b"%d", str(len(body)).encode()) + body


class Records:
    """A socket that gives what came piece by piece, and then the end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [each for each in pieces if each]
        self.sent = b""

    def recv(self, size: int) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)


def read_all(parser: Any, records: Records, read: int | None = None) -> list[object]:
    """Of each request environ and body; at the end how it ended."""
    found: list[object] = []
    while True:
        try:
            got = next(parser)
            environ = got.environ if isinstance(got, FamiliarRequest) else told(got, records, parser.cfg)
            body = environ.pop("wsgi.input").read(read)
            for name in ("gunicorn.socket", "wsgi.errors"):
                del environ[name]
            found.append((environ, body))
            if not parser.finish_body():
                return [*found, "not finished"]
        except (Exception, StopIteration) as error:
            return [*found, type(error), records.sent]


def told(got: Any, records: Records, config: Config) -> dict[str, Any]:
    _, environ = create(got, records, CLIENT, SERVER, config)
    del environ["wsgi.early_hints"]
    return {**environ, "wsgi.multithread": True}


def both(pieces: list[bytes], read: int | None = None) -> tuple[list[object], list[object], DoorParser]:
    config = Config()
    one, other = Records(pieces), Records(pieces)
    ours = DoorParser(config, one, CLIENT, server=SERVER)
    theirs = RequestParser(config, other, CLIENT)
    return read_all(ours, one, read), read_all(theirs, other, read), ours


def kinds(pieces: list[bytes]) -> list[bool]:
    """Of each request, whether it was familiar."""
    parser = DoorParser(Config(), Records(pieces), CLIENT, server=SERVER)
    found = []
    for each in parser:
        environ = each.environ if isinstance(each, FamiliarRequest) else None
        found.append(environ is not None)
        (environ["wsgi.input"] if environ else each.body).read()
    return found


def test_a_head_is_read_once() -> None:
    pieces = [request(b"x" * size) for size in (3, 30, 300, 0, 3)] + [
        request(b"y", "/mutate"),
        request(b"z", "/mutate"),
    ]
    assert kinds(pieces) == [False, True, True, True, True, False, True]
    ours, theirs, _ = both(pieces)
    assert ours == theirs


def test_bodies_in_pieces_and_requests_in_one() -> None:
    whole = request(b"a" * 5000)
    cut = len(whole) - 4000
    pieces = [request(b"a"), whole[:cut], whole[cut:-1], whole[-1:] + request(b"bc") + request(b"d")]
    assert kinds(pieces) == [False, True, False, False]  # what has been read ahead is gunicorn's
    ours, theirs, _ = both(pieces)
    assert ours == theirs


@pytest.mark.parametrize("size", [RECORD, MAX_BODY, MAX_BODY + 1, 10 * MAX_BODY])
def test_large_bodies(size: int) -> None:
    pieces = [
        request(b"a"),
        *(request(b"x" * size)[at : at + RECORD] for at in range(0, size + 400, RECORD)),
        request(b"b"),
    ]
    ours, theirs, _ = both(pieces)
    assert ours == theirs
    assert kinds(pieces)[1] is (size <= MAX_BODY)


@pytest.mark.parametrize(
    "lines",
    [
        (*LINES, b"Connection: close"),
        (*LINES, b"Expect: 100-continue"),
        (*LINES, b"Content-Length: %d"),
        (*LINES, b"Transfer-Encoding: chunked"),
        (*LINES[:2], b"content-length: %d"),
        (*LINES[:2], b"Content-Length:  %d"),
        (*LINES[:2], b"Content-Length: 0%d"),
        (*LINES, b"X: " + b"x" * MAX_HEAD),
        LINES[:2],
    ],
)
def test_unusual_heads_stay_with_gunicorn(lines: tuple[bytes, ...]) -> None:
    one = request(b"x" * 10, lines=lines)
    ours, theirs, parser = both([one, one, one])
    assert ours == theirs
    assert not parser._known


def test_of_a_connection_few_heads_are_kept() -> None:
    pieces = [request(b"x", f"/validate/{i % 20}") for i in range(60)]
    ours, theirs, parser = both(pieces)
    assert ours == theirs
    assert len(parser._known) == MAX_HEADS


def test_an_environ_is_of_one_request() -> None:
    parser = DoorParser(Config(), Records([request(b"x")] * 4), CLIENT, server=SERVER)
    next(parser).body.read()
    first = next(parser)
    assert isinstance(first, FamiliarRequest)
    first.environ["werkzeug.request"] = "left behind"
    second = next(parser)
    assert isinstance(second, FamiliarRequest)
    assert "werkzeug.request" not in second.environ
    assert second.method == "POST", "for what gunicorn writes to the log"
    assert second.uri == "/validate/fail-10s?timeout=10s"


def test_a_body_that_nobody_read_is_no_request() -> None:
    inner = request(b"inner")
    pieces = [request(b"x"), request(inner), request(b"z")]
    parser = DoorParser(Config(), Records(pieces), CLIENT, server=SERVER)
    assert [isinstance(each, FamiliarRequest) for each in parser] == [False, True, True]


heads = st.sampled_from(
    [b"X-A: 1", b"X-A: 2", b"Host: y", b"Connection: keep-alive", b"Connection: close", b"Expect: x"]
)
requests = st.builds(
    lambda body, path, more, at: request(body, path, (*LINES[:at], *more, *LINES[at:])),
    st.binary(max_size=40),
    st.sampled_from(["/validate", "/validate", "/mutate?x", "/a%20b"]),
    st.lists(heads, max_size=1),
    st.integers(0, len(LINES)),
)


@given(st.data())
def test_whatever_comes_is_read_alike(data: st.DataObject) -> None:
    usual = st.one_of(st.just(request(b"{}")), st.just(request(b"[1, 2]")), requests)
    stream = bytearray(b"".join(data.draw(st.lists(usual, min_size=1, max_size=6))))
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(stream) - 1), st.sampled_from(b"\r\n :0129Ax")), max_size=2)
    ):
        stream[at] = byte
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [bytes(stream[start:end]) for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    read = data.draw(st.sampled_from([None, 0, 3]))
    ours, theirs, _ = both(pieces, read)
    assert ours == theirs


@given(st.lists(requests, min_size=1, max_size=8))
def test_requests_one_by_one_are_read_alike(pieces: list[bytes]) -> None:
    ours, theirs, _ = both(pieces + pieces)
    assert ours == theirs
