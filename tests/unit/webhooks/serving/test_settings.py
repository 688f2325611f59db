"""What a person may write, and what is refused with a sentence."""

import pytest

from auditor.errors import UsageError
from auditor.webhooks.serving.settings import ServingSettings, Target


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
