"""Requests of which a server and a proxy before it may think differently where they end."""


def head(*lines: bytes, start: bytes = b"POST /first HTTP/1.1") -> bytes:
    return b"\r\n".join([start, b"Host: x", *lines, b"", b""])


SMUGGLED = {
    "length and chunks": head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunks and length": head(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n",
    "two lengths": head(b"Content-Length: 5", b"Content-Length: 0"),
    "a list of lengths": head(b"Content-Length: 0, 5"),
    "a length with a sign": head(b"Content-Length: +0"),
    "a negative length": head(b"Content-Length: -1"),
    "a length in hexadecimal": head(b"Content-Length: 0x0"),
    "a length with a space before the colon": head(b"Content-Length : 5"),
    "a length with an underscore": head(b"Content-Length: 1_0"),
    "a length beyond all": head(b"Content-Length: " + b"9" * 5_000),
    "chunks twice": head(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "chunks in between": head(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "an encoding that is none": head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "an encoding on the next line": head(b"Transfer-Encoding:", b" chunked") + b"0\r\n\r\n",
    "a chunk of no size": head(b"Transfer-Encoding: chunked") + b"-1\r\n\r\n",
    "a chunk in other digits": head(b"Transfer-Encoding: chunked") + b"0x0\r\n\r\n",
    "a folded line": head(b"X: a", b" Content-Length: 0"),
    "a name that is none": head(b"Content-Length\x00: 5"),
    "no name": head(b": 5"),
    "a line without a colon": head(b"Content-Length 5"),
    "many lines": head(*[b"X-%d: y" % number for number in range(5_000)]),
    "a long line": head(b"X: " + b"y" * 200_000),
    "a long target": head(start=b"POST /" + b"x" * 200_000 + b" HTTP/1.1"),
    "another protocol": head(start=b"POST /first HTTP/9.9"),
    "an old protocol": head(b"Transfer-Encoding: chunked", start=b"POST /first HTTP/1.0") + b"0\r\n\r\n",
    "no protocol": b"POST /first\r\n\r\n",
}
