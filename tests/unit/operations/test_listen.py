"""Where to listen, as a person writes it."""

import pytest

from auditor.errors import UsageError
from auditor.operations import Listen


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("0.0.0.0:8443", "0.0.0.0", 8443, "127.0.0.1"),  # noqa: S104 - it is only read
        (":8443", "0.0.0.0", 8443, "127.0.0.1"),  # noqa: S104
        ("[::]:1", "::", 1, "::1"),
        ("127.0.0.2:0", "127.0.0.2", 0, "127.0.0.2"),
        ("localhost:65535", "localhost", 65535, "localhost"),
    ],
)
def test_addresses_to_listen_on(text: str, host: str, port: int, loopback: str) -> None:
    found = Listen.read(text)
    assert (found.host, found.port, found.loopback) == (host, port, loopback)
    assert Listen.read(found.text) == found


@pytest.mark.parametrize("text", ["", "8443", "host:", "host:x", "host:65536", "host:-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        Listen.read(text)


def test_it_is_opened_where_it_says() -> None:
    with Listen("localhost", 0).open(backlog=1) as found:
        host, port = found.getsockname()[:2]
        assert host in ("127.0.0.1", "::1")
        with pytest.raises(UsageError, match=f"cannot listen on .*{port}: "):
            Listen(host, port).open()
        with pytest.raises(UsageError, match=rf"cannot listen on .*{port} \(--operations\): "):
            Listen.read(Listen(host, port).text, option="--operations").open()
