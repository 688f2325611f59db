"""Connections to the real API server: it says whom it takes us for, and kubectl is asked the same."""

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from auditor.cluster.connection import Settings, open_access, pod
from auditor.cluster.transport import Transport
from auditor.errors import UnauthorizedError, UnreachableError
from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.connection.proxy import running_proxy

REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
EXEC = "client.authentication.k8s.io/v1"
HOUR = timedelta(hours=1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def whoami(transport: Transport) -> JsonObject:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = json.loads(transport.ask("POST", path, what="create selfsubjectreviews", body=REVIEW))
    user: JsonObject = answer["status"]["userInfo"]
    return user


@contextlib.contextmanager
def connected(
    config: JsonObject | Path, folder: Path, *, clock: Clock | None = None, **settings: Json
) -> Iterator[Transport]:
    path = config if isinstance(config, Path) else folder / "config"
    if not isinstance(config, Path):
        path.write_text(json.dumps(config))
    access = open_access(Settings(kubeconfig=str(path), **settings), clock=clock or Clock())
    transport = Transport(access)
    try:
        yield transport
    finally:
        transport.close()


def read(path: Path) -> tuple[JsonObject, JsonObject, JsonObject]:
    """(everything, its cluster, its user): parts to change."""
    config = yaml.safe_load(path.read_text())
    return config, config["clusters"][0]["cluster"], config["users"][0]["user"]


def token_of(path: Path) -> str:
    return str(read(path)[2]["token"])


def pair_of(path: Path) -> tuple[bytes, bytes]:
    user = read(path)[2]
    return (base64.b64decode(user["client-certificate-data"]), base64.b64decode(user["client-key-data"]))


@pytest.fixture
def robot(control_plane: Sandbox, namespace: str) -> Callable[[str], Path]:
    """The kubeconfig of a service account."""

    def make(name: str) -> Path:
        control_plane.kubectl("create", "serviceaccount", name, "-n", namespace)
        return control_plane.service_account_kubeconfig(namespace, name)

    return make


def plugin(folder: Path, answers: list[JsonObject]) -> JsonObject:
    """The n-th run gives the n-th answer."""
    for index, status in enumerate(answers, 1):
        answer = {"apiVersion": EXEC, "kind": "ExecCredential", "status": status}
        (folder / f"answer-{index}").write_text(json.dumps(answer))
    program = folder / "plugin"
    program.write_text(f'#!/bin/sh\ncd "{folder}"\necho run >> runs\ncat "answer-$(grep -c run runs)"\n')
    program.chmod(0o700)
    return {"exec": {"apiVersion": EXEC, "command": str(program), "interactiveMode": "Never"}}


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


def test_kubectl_is_taken_for_the_same(
    control_plane: Sandbox, robot: Callable[[str], Path], namespace: str, tmp_path: Path
) -> None:
    token = robot("robot")
    config, _, user = read(control_plane.kubeconfig)
    user |= {"as": "jürgen", "as-uid": "7", "as-groups": ["a", "b, c"], "as-user-extra": {"Scope/é": ["x", "y"]}}
    acting = tmp_path / "acting"
    acting.write_text(json.dumps(config))
    for path, name in (
        (control_plane.user_kubeconfig("alice", ["devs", "ops"]), "alice"),
        (token, f"system:serviceaccount:{namespace}:robot"),
        (acting, "jürgen"),
    ):
        done = control_plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=path)
        with connected(path, tmp_path) as transport:
            ours = whoami(transport)
        assert ours["username"] == name
        assert ours == json.loads(done.stdout)["status"]["userInfo"]


def test_impersonation_by_the_settings(control_plane: Sandbox, tmp_path: Path) -> None:
    path = control_plane.kubeconfig
    with connected(path, tmp_path, as_user="eve", as_groups=("a", "b, c"), as_uid="7") as transport:
        assert whoami(transport) == {"username": "eve", "uid": "7", "groups": ["a", "b, c", "system:authenticated"]}


def test_a_plugin_gives_a_token(robot: Callable[[str], Path], tmp_path: Path) -> None:
    path = robot("robot")
    config, _, user = read(path)
    config["users"][0]["user"] = plugin(tmp_path, [{"token": user["token"]}])
    with connected(config, tmp_path) as transport:
        for _ in range(3):
            assert whoami(transport)["username"].endswith(":robot")
    assert runs(tmp_path) == 1


def test_a_token_that_the_server_refuses_is_fetched_again(robot: Callable[[str], Path], tmp_path: Path) -> None:
    path = robot("robot")
    config, _, user = read(path)
    config["users"][0]["user"] = plugin(tmp_path, [{"token": "stale"}, {"token": user["token"]}])
    with connected(config, tmp_path) as transport:
        assert whoami(transport)["username"].endswith(":robot")
    assert runs(tmp_path) == 2


def test_a_token_that_is_refused_twice_is_refused(robot: Callable[[str], Path], tmp_path: Path) -> None:
    config, _, _ = read(robot("robot"))
    config["users"][0]["user"] = plugin(tmp_path, [{"token": "stale"}, {"token": "stale"}])
    with connected(config, tmp_path) as transport, pytest.raises(UnauthorizedError):
        whoami(transport)
    assert runs(tmp_path) == 2


def test_a_plugin_gives_certificates_one_after_another(control_plane: Sandbox, tmp_path: Path) -> None:
    config, _, _ = read(control_plane.kubeconfig)
    answers = []
    for name, end in (("alice", datetime.now(UTC) - HOUR), ("bob", datetime.now(UTC) + HOUR)):
        certificate, key = pair_of(control_plane.user_kubeconfig(name))
        answers.append(
            {
                "clientCertificateData": certificate.decode(),
                "clientKeyData": key.decode(),
                "expirationTimestamp": end.isoformat(),
            }
        )
    config["users"][0]["user"] = plugin(tmp_path, answers)
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    wall_clock = Clock()
    wall_clock.now = datetime.now(UTC).timestamp()
    transport = Transport(open_access(Settings(kubeconfig=str(path)), wall_clock=wall_clock))
    with contextlib.closing(transport):
        assert whoami(transport)["username"] == "alice"
        wall_clock.now += 10  # that of alice was good for some seconds more, although it had expired
        assert whoami(transport)["username"] == "bob"
        assert whoami(transport)["username"] == "bob"
    assert runs(tmp_path) == 2


def test_a_token_file_is_renewed_while_it_is_used(robot: Callable[[str], Path], tmp_path: Path) -> None:
    path, other = robot("first"), robot("second")
    config, _, user = read(path)
    file = tmp_path / "token"
    file.write_text(user["token"])
    config["users"][0]["user"] = {"tokenFile": "token"}
    clock = Clock()
    with connected(config, tmp_path, clock=clock) as transport:
        assert whoami(transport)["username"].endswith(":first")
        file.write_text(token_of(other))
        clock.now += 2
        assert whoami(transport)["username"].endswith(":second")
        file.write_text("stale")
        clock.now += 2
        transport.access.headers()  # it is read here
        file.write_text(user["token"])
        assert whoami(transport)["username"].endswith(":first")  # refused, read again, asked again


def test_certificate_files_are_renewed_while_they_are_used(control_plane: Sandbox, tmp_path: Path) -> None:
    config, _, _ = read(control_plane.kubeconfig)
    config["users"][0]["user"] = {"client-certificate": "tls.crt", "client-key": "tls.key"}
    clock = Clock()

    def put(name: str, *, key: bool = True) -> None:
        certificate, private = pair_of(control_plane.user_kubeconfig(name))
        (tmp_path / "tls.crt").write_bytes(certificate)
        if key:
            (tmp_path / "tls.key").write_bytes(private)
        clock.now += 2

    put("alice")
    with connected(config, tmp_path, clock=clock) as transport:
        assert whoami(transport)["username"] == "alice"
        put("bob", key=False)  # half of it
        assert whoami(transport)["username"] == "alice"
        put("bob")
        assert whoami(transport)["username"] == "bob"


def test_the_service_account_of_a_pod(
    control_plane: Sandbox, robot: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cluster, user = read(robot("robot"))
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    (tmp_path / "token").write_text(user["token"])
    parts = urlsplit(control_plane.record.url)
    monkeypatch.setattr(pod, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(parts.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(parts.port))
    with contextlib.closing(Transport(open_access(Settings()))) as transport:
        assert whoami(transport)["username"].endswith(":robot")


def test_the_server_is_known_by_the_name_that_is_said(control_plane: Sandbox, tmp_path: Path) -> None:
    config, cluster, _ = read(control_plane.kubeconfig)
    cluster["tls-server-name"] = "localhost"
    with connected(config, tmp_path) as transport:
        assert whoami(transport)["username"]
    cluster["tls-server-name"] = "other.example.com"
    with connected(config, tmp_path) as transport, pytest.raises(UnreachableError, match="not trusted"):
        whoami(transport)


def test_a_server_of_another_authority_is_not_trusted(control_plane: Sandbox, tmp_path: Path) -> None:
    config, cluster, _ = read(control_plane.kubeconfig)
    del cluster["certificate-authority-data"]
    with connected(config, tmp_path) as transport, pytest.raises(UnreachableError, match="local issuer"):
        whoami(transport)
    cluster["insecure-skip-tls-verify"] = True
    with connected(config, tmp_path) as transport:
        assert whoami(transport)["username"]


def test_a_proxy_of_the_kubeconfig(control_plane: Sandbox, tmp_path: Path) -> None:
    config, cluster, _ = read(control_plane.kubeconfig)
    parts = urlsplit(control_plane.record.url)
    target = (str(parts.hostname), int(parts.port or 0))
    with running_proxy(target) as proxy:
        cluster["proxy-url"] = f"http://bob:p%40w@127.0.0.1:{proxy.port}"
        with connected(config, tmp_path) as transport:
            assert whoami(transport)["username"]
            assert whoami(transport)["username"]
        [request] = proxy.requests  # one connection for both
    assert request.startswith(f"CONNECT {parts.netloc} ".encode())
    assert b"proxy-authorization: basic ym9ionbadw==" in request.lower()  # bob:p@w
    assert b"bearer" not in request.lower()


def test_a_proxy_of_the_environment(control_plane: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It alone knows where the server is."""
    config, cluster, _ = read(control_plane.kubeconfig)
    parts = urlsplit(control_plane.record.url)
    cluster |= {"server": f"https://kube.invalid:{parts.port}", "tls-server-name": "localhost"}
    for name in ("HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with running_proxy((str(parts.hostname), int(parts.port or 0))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with connected(config, tmp_path) as transport:
            assert whoami(transport)["username"]
        assert len(proxy.requests) == 1
        monkeypatch.setenv("no_proxy", "kube.invalid")
        with connected(config, tmp_path) as transport, pytest.raises(UnreachableError):
            whoami(transport)
        assert len(proxy.requests) == 1
