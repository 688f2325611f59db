from pathlib import Path

import pytest

from auditor.certs import Authority
from tests.unit.cluster.connection.writing import Kube, Plugin


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that this computer has of its own: no kubeconfig, no proxy, no pod."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def kube(tmp_path: Path) -> Kube:
    return Kube(tmp_path)


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create("test authority")


@pytest.fixture(scope="session")
def authority_pem(authority: Authority) -> bytes:
    return authority.pair.certificate_pem
