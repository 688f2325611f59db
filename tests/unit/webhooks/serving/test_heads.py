"""A parser that remembers heads reads whatever comes as gunicorn's own does."""

from contextlib import suppress
from ssl import SSLWantReadError
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create
from hypothesis import given
from hypothesis import strategies as st

from auditor.webhooks.serving.heads import MAX_BODY, MAX_HEAD, MAX_HEADS, RECORD, DoorParser, FamiliarRequest
from auditor.webhooks.serving.sockets import WatchedSocket

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
    """A socket that gives what came piece by piece; in the end the connection is reset."""

    def __init__(self, pieces: list[bytes], *, slow: bool = False) -> None:
        self.pieces = [each for each in pieces if each]
        self.sent = b""
        self.slow = self.waits = slow

    def recv(self, size: int) -> bytes:
        self.waits = self.slow and not self.waits
        if self.waits:
            raise SSLWantReadError
        if not self.pieces:
            raise GoneError
        piece = self.pieces.pop(0)
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)


class GoneError(OSError):
    pass


def read_all(parser: Any, records: Records, read: int | None = None) -> list[object]:
    """Of each request environ and body; at the end how it ended."""
    found: list[object] = []
    while True:
        try:
            if isinstance(parser, DoorParser) and not (parser.mesg and parser.mesg.should_close()):
                wait_whole(parser)
            got = next(parser)
            environ = got.environ if isinstance(got, FamiliarRequest) else told(got, parser.unreader.sock, parser.cfg)
            body = environ.pop("wsgi.input").read(read)
            for name in ("gunicorn.socket", "wsgi.errors"):
                del environ[name]
            if not parser.finish_body():
                return [*found, "not finished"]
            found.append((environ, body))
        except (Exception, StopIteration) as error:
            return [*found, type(error), records.sent]


def wait_whole(parser: DoorParser) -> None:
    while not (found := parser.receive()):
        assert found is not None


def told(got: Any, sock: Any, config: Config) -> dict[str, Any]:
    _, environ = create(got, sock, CLIENT, SERVER, config)
    del environ["wsgi.early_hints"]
    return {**environ, "wsgi.multithread": True}


def both(
    pieces: list[bytes], read: int | None = None, *, slow: bool = False
) -> tuple[list[object], list[object], DoorParser]:
    config = Config()
    one, other = Records(pieces, slow=slow), Records(pieces)
    ours = DoorParser(config, WatchedSocket(one), CLIENT, server=SERVER)
    theirs = RequestParser(config, other, CLIENT)
    return read_all(ours, one, read), read_all(theirs, other, read), ours


def kinds(pieces: list[bytes]) -> list[bool]:
    """Of each request, whether it was familiar."""
    parser = DoorParser(Config(), WatchedSocket(Records(pieces)), CLIENT, server=SERVER)
    found = []
    with suppress(GoneError):
        while True:
            wait_whole(parser)
            each = next(parser)
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
    assert kinds(pieces) == [False, True, True, True]
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
    parser = DoorParser(Config(), WatchedSocket(Records([request(b"x")] * 4)), CLIENT, server=SERVER)
    wait_whole(parser)
    next(parser).body.read()
    wait_whole(parser)
    first = next(parser)
    assert isinstance(first, FamiliarRequest)
    first.environ["werkzeug.request"] = "left behind"
    wait_whole(parser)
    second = next(parser)
    assert isinstance(second, FamiliarRequest)
    assert "werkzeug.request" not in second.environ
    assert second.method == "POST", "for what gunicorn writes to the log"
    assert second.uri == "/validate/fail-10s?timeout=10s"


def test_a_body_that_nobody_read_is_no_request() -> None:
    inner = request(b"inner")
    pieces = [request(b"x"), request(inner), request(b"z")]
    parser = DoorParser(Config(), WatchedSocket(Records([b"".join(pieces)])), CLIENT, server=SERVER)
    found = []
    for _ in pieces:
        wait_whole(parser)
        found.append(isinstance(next(parser), FamiliarRequest))
        assert parser.finish_body()
    assert found == [False, True, True]
    assert not parser.ahead


def test_the_time_of_a_request_begins_with_its_first_byte() -> None:
    now = [10.0]
    whole = request(b"abc")
    parser = DoorParser(
        Config(), WatchedSocket(Records([whole[:9], whole[9:]], slow=True)), CLIENT, server=SERVER, clock=lambda: now[0]
    )
    assert parser.receive() is False
    assert parser.arrival is not None
    assert parser.arrival.since == 10.0
    now[0] = 20.0
    assert parser.receive() is True
    assert parser.arrival is None


heads = st.sampled_from(
    [
        b"X-A: 1",
        b"X-A: 2",
        b"Host: y",
        b"Connection: keep-alive",
        b"Connection: close",
        b"Expect: x",
        b"Expect: 100-continue",
    ]
)
chunks = st.lists(st.binary(min_size=1, max_size=20), max_size=4)


def chunked(parts: list[bytes], trailer: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in parts) + b"0\r\n" + trailer + b"\r\n"
    return request(body, lines=(*LINES[:2], b"Transfer-Encoding: chunked"))


requests = st.builds(
    lambda body, path, more, at: request(body, path, (*LINES[:at], *more, *LINES[at:])),
    st.binary(max_size=40),
    st.sampled_from(["/validate", "/validate", "/mutate?x", "/a%20b"]),
    st.lists(heads, max_size=1),
    st.integers(0, len(LINES)),
)


@given(st.data())
def test_whatever_comes_is_read_alike(data: st.DataObject) -> None:
    in_chunks = st.builds(chunked, chunks, st.sampled_from([b"", b"", b"X-T: 1\r\n"]))
    usual = st.one_of(st.just(request(b"{}")), st.just(request(b"[1, 2]")), requests, in_chunks)
    stream = bytearray(b"".join(data.draw(st.lists(usual, min_size=1, max_size=6))))
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(stream) - 1), st.sampled_from(b"\r\n :0129Ax")), max_size=2)
    ):
        stream[at] = byte
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [bytes(stream[start:end]) for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    read = data.draw(st.sampled_from([None, 0, 3]))
    ours, theirs, _ = both(pieces, read, slow=data.draw(st.booleans()))
    if ours[-2] is ConnectionResetError:  # a length that is beyond what anybody waits for
        assert theirs[-2] is GoneError
        ours[-2] = GoneError
    assert ours == theirs


@given(st.lists(requests, min_size=1, max_size=8))
def test_requests_one_by_one_are_read_alike(pieces: list[bytes]) -> None:
    ours, theirs, _ = both(pieces + pieces)
    assert ours == theirs
