"""What a person may write, and what is refused with a sentence."""

import pytest

from auditor.errors import UsageError
from auditor.webhooks.serving.settings import Listen, ServingSettings, Target


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


def test_the_hosts_of_the_certificate_are_those_that_are_called() -> None:
    assert Target().hosts == ("auditor-webhook.auditor-system.svc", "auditor-webhook.auditor-system.svc.cluster.local")
    assert Target(url="https://10.0.0.1:8443/some/path").hosts == ("10.0.0.1",)


@pytest.mark.parametrize("url", ["http://x", "x", "https://", "https://x?y=z", "https://x#y"])
def test_urls_by_which_no_api_server_calls(url: str) -> None:
    with pytest.raises(UsageError, match="https://HOST"):
        Target(url=url)


def test_all_else_has_a_default() -> None:
    settings = ServingSettings()
    assert (settings.workers, settings.operations.port) == (1, 8081)
