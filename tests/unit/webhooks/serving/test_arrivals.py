"""Whether a request that comes in parts is whole, and how much of all of them is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.webhooks.serving import arrivals
from auditor.webhooks.serving.arrivals import Arrival, Kept

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"


def fed(*parts: bytes) -> list[bool]:
    """After each part, whether it is whole."""
    arrival = Arrival(0.0)
    found = []
    for each in parts:
        arrival.add(each)
        found.append(arrival.whole)
    return found


@pytest.mark.parametrize(
    "whole",
    [
        HEAD + b"\r\n",
        b"\r\n" + HEAD + b"\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        HEAD + b"Content-Length: 3\r\n\r\nabc",
        HEAD + b"content-length:3 \r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;a=b\r\n\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n10 ;a\r\n0123456789abcdef\r\n0\r\nA: 1\r\nB: 2\r\n\r\n",
    ],
)
def test_it_is_whole_with_its_last_byte(whole: bytes) -> None:
    assert fed(*(whole[at : at + 1] for at in range(len(whole)))) == [False] * (len(whole) - 1) + [True]
    assert fed(whole) == fed(whole + b"and more") == [True]


@pytest.mark.parametrize(
    "wrong",
    [
        b"nonsense\r\n",
        b"\r\n\r\n",
        b"POST /x HTTP/2.0\r\n",
        b"x" * (arrivals.MAX_LINE + 1),
        HEAD + b"A: 1\n",
        HEAD + b"A: " + b"x" * arrivals.MAX_HEAD,
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n",
        HEAD + b"Content-Length: %d\r\n\r\n" % (arrivals.READ + 1),
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nExpect: miracles\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nsome\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1" + b"0" * arrivals.MAX_LINE,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: 1\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n" + b"x" * (arrivals.READ + arrivals.AHEAD + 1),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * (arrivals.MAX_CHUNKS + 1),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"x" * 8000 + b"\r\nx\r\n") * 2100,
    ],
)
def test_for_what_is_wrong_or_too_large_nobody_waits(wrong: bytes) -> None:
    assert fed(wrong) == [True]


@given(st.integers(0, 300), st.lists(st.integers(1, 60), max_size=8))
def test_the_length_tells_it(size: int, cuts: list[int]) -> None:
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
    parts, at = [], 0
    for each in cuts:
        parts.append(whole[at : at + each])
        at += each
    found = fed(*parts, whole[at:])
    assert found[-1]
    assert found[:-1] == [sum(map(len, parts[: number + 1])) >= len(whole) for number in range(len(parts))]


@pytest.mark.parametrize(("line", "expects"), [(b"Expect: 100-Continue", True), (b"Accept: */*", False)])
def test_who_wants_to_be_told_to_go_on(line: bytes, expects: bool) -> None:
    arrival = Arrival(0.0)
    arrival.add(HEAD + line + b"\r\nContent-Length: 3\r\n\r\n")
    assert (arrival.whole, arrival.expects) == (False, expects)


def test_an_old_client_expects_nothing() -> None:
    arrival = Arrival(0.0)
    arrival.add(HEAD.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert not arrival.expects


def test_beyond_the_limit_those_go_that_began_first() -> None:
    kept: Kept[str] = Kept(100)
    assert kept.keep("a", 10) == kept.keep("b", 60) == kept.keep("a", 30) == []
    assert kept.total == 90
    assert kept.keep("c", 20) == ["a"]
    assert kept.total == 80
    kept.release("a")
    kept.release("b")
    assert kept.total == 20
    assert kept.keep("d", 200) == ["c", "d"]
    assert kept.total == 0
