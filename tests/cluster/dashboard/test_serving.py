"""`auditor dashboard` as a process, over TLS: the link, and the proxy that shows a certificate."""

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.certs.authority import Authority
from auditor.dashboard.access.proxy import USER_HEADER
from auditor.sandbox import Sandbox
from tests.unit.dashboard.world import TEAMS, make_url, make_world

PATIENCE = 30.0
HOST = "auditor.example.com"
ME = {USER_HEADER: "admin@example.com"}


@dataclass(frozen=True)
class Papers:
    """Certificates, in files."""

    folder: Path

    def __post_init__(self) -> None:
        ours, theirs = Authority.create("ours"), Authority.create("theirs")
        ours.pair.write(self.folder, "ours")
        ours.issue("dashboard", hosts=[HOST, "127.0.0.1"], server=True).write(self.folder, "server")
        ours.issue("proxy", hosts=["proxy.example.com"], client=True).write(self.folder, "proxy")
        ours.issue("other", hosts=["other.example.com"], client=True).write(self.folder, "other")
        theirs.issue("proxy", hosts=["proxy.example.com"], client=True).write(self.folder, "foreign")

    def path(self, name: str, kind: str = "crt") -> str:
        return str(self.folder / f"{name}.{kind}")

    def context(self, client: str = "") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.path("ours"))
        if client:
            context.load_cert_chain(self.path(client), self.path(client, "key"))
        return context


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


def ask(
    port: int, context: ssl.SSLContext, path: str, headers: Mapping[str, str], method: str = "GET"
) -> tuple[int, str, dict[str, str]]:
    """Under the name of the dashboard, at the address where it listens."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as secured,
    ):
        connection = http.client.HTTPConnection(HOST)
        connection.sock = secured
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}


@contextlib.contextmanager
def serve(port: int, papers: Papers, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    tls = ("--tls-cert", papers.path("server"), "--tls-key", papers.path("server", "key"))
    command = [sys.executable, "-m", "auditor", "dashboard", "--listen", f"127.0.0.1:{port}", *tls, *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def proxied(control_plane: Sandbox, papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    uid = control_plane.kubectl("get", "namespace", "kube-system", "-o=jsonpath={.metadata.uid}").stdout
    url = make_url(tmp_path_factory.mktemp("history"))
    make_world(url, uid=uid)
    rules = [{"apiGroups": ["openreports.io"], "resources": ["reports", "clusterreports"], "verbs": ["list"]}]
    what = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "d-serving"}}
    role = {**what, "kind": "ClusterRole", "rules": rules}
    group = "rbac.authorization.k8s.io"
    binding = {
        **what,
        "kind": "ClusterRoleBinding",
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "d-serving"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": ME[USER_HEADER]}],
    }
    for thing in (role, binding):
        control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(thing))
    port = find_port()
    proof = ("--proxy-ca", papers.path("ours"), "--proxy-name", "proxy.example.com")
    how = ("--access", "proxy", *proof, "--public-url", f"https://{HOST}", "--database-url", url)
    with serve(port, papers, *how, "--kubeconfig", str(control_plane.kubeconfig)):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                assert ask(port, papers.context(), "/healthz", {})[:2] == (200, "ok\n")
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield port


def test_the_proxy_shows_its_certificate(proxied: int, papers: Papers) -> None:
    status, text, headers = ask(proxied, papers.context("proxy"), "/", {"Host": HOST, **ME})
    assert status == 200
    assert all(team in text for team in TEAMS)
    assert "max-age" in headers["strict-transport-security"]
    nobody = {"Host": HOST, USER_HEADER: "joe@example.com"}
    assert ask(proxied, papers.context("proxy"), "/", nobody)[0] == 403


@pytest.mark.parametrize("client", ["", "other"])
def test_who_shows_none_or_another_is_not_the_proxy(client: str, proxied: int, papers: Papers) -> None:
    for path in ("/", "/api/v1/findings", "/reports/download"):
        status, text, _ = ask(proxied, papers.context(client), path, {"Host": HOST, **ME})
        assert status == 401
        assert not any(team in text for team in TEAMS)


def test_a_certificate_of_somebody_else_is_no_connection(proxied: int, papers: Papers) -> None:
    with pytest.raises(OSError, match=r"unknown ca|reset|closed|EOF"):
        ask(proxied, papers.context("foreign"), "/", {"Host": HOST, **ME})


@pytest.mark.parametrize("client", ["", "proxy", "other"])
def test_probes_need_no_certificate_and_no_name(client: str, proxied: int, papers: Papers) -> None:
    assert ask(proxied, papers.context(client), "/healthz", {"Host": "10.0.0.7"})[:2] == (200, "ok\n")


def test_the_link_works_once_over_tls(papers: Papers, tmp_path: Path) -> None:
    url = make_url(tmp_path)
    make_world(url, objects=4)
    port = find_port()
    with serve(port, papers, "--database-url", url) as process:
        assert process.stderr is not None
        base, _, link = process.stderr.readline().strip().partition("https://")[2].partition("/")
        context, host = papers.context(), {"Host": base}
        assert base == f"127.0.0.1:{port}"
        assert ask(port, context, "/findings", host)[0] == 401
        status, _, headers = ask(port, context, f"/{link}", host)
        assert status == 303
        cookie = headers["set-cookie"]
        assert cookie.startswith("__Host-auditor=")
        assert all(word in cookie for word in ("; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"))
        # Other people have names of this computer, too: none is to be bound to TLS for a year.
        assert "strict-transport-security" not in headers
        status, text, _ = ask(port, context, "/findings", {**host, "Cookie": cookie.partition(";")[0]})
        assert status == 200
        assert TEAMS[0] in text
        assert ask(port, context, f"/{link}", host)[0] == 401
        assert ask(port, context, "/enter", {**host, "Origin": f"http://127.0.0.1:{port}"}, "POST")[0] == 403
        assert ask(port, context, "/enter", {**host, "Origin": f"https://127.0.0.1:{port}"}, "POST")[0] == 200
