"""`auditor webhook` with options that cannot be: told in a sentence, before anything is started."""

from pathlib import Path

import orjson
import pytest

from auditor.cli.frame import auditor
from auditor.errors import AuditorError
from auditor.webhooks.serving.settings import Target


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--listen", "nowhere"], "no address to listen on"),
        (["--url", "http://x"], "https://HOST"),
        (["--service", "name:port"], "NAME or NAME:PORT"),
        (["--inject-from", "a/b"], "belong to --certificates"),
        (["--client-name", "x"], "belongs to --client-authorities"),
        (["--redact", "/a"], "belong to --decision-log"),
        (["--kubeconfig", "/no/such/file"], "/no/such/file"),
    ],
)
def test_mistakes_in_options(options: list[str], said: str) -> None:
    with pytest.raises(AuditorError, match=said) as raised:
        auditor.main(["webhook", *options], standalone_mode=False)
    assert raised.value.exit_code == 2


def test_the_environment_counts_as_options(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Kubernetes itself tells of a Service of this name must not be taken for an option.
    for name, value in (("SERVICE_HOST", "10.0.0.1"), ("SERVICE_PORT", "99999999"), ("PORT", "tcp://10.0.0.1:443")):
        monkeypatch.setenv(f"AUDITOR_WEBHOOK_{name}", value)
    monkeypatch.setenv("AUDITOR_WEBHOOK_LISTEN", "from the environment")
    with pytest.raises(AuditorError, match="'from the environment' is no address"):
        auditor.main(["webhook"], standalone_mode=False)


def test_a_log_of_decisions_that_cannot_be_written(tmp_path: Path) -> None:
    log = tmp_path / "missing" / "log"
    config = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    user = {"name": "u", "user": {"token": "t"}}
    parts = {"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "x"}
    config.write_bytes(orjson.dumps({"apiVersion": "v1", "kind": "Config", **parts}))
    with pytest.raises(AuditorError, match="decisions cannot be logged there"):
        auditor.main(["webhook", "--kubeconfig", str(config), "--decision-log", str(log)], standalone_mode=False)


def test_the_service_may_have_a_port() -> None:
    assert Target.read("door", namespace="n").port == 443
    target = Target.read("door:8443", namespace="n")
    assert (target.service, target.port, target.hosts[0]) == ("door", 8443, "door.n.svc")
