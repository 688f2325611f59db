"""OpenID Connect, with an identity provider that speaks TLS."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from urllib.parse import parse_qs

import pytest
import yaml

from auditor.certs import Authority
from auditor.cluster.connection import Access
from auditor.errors import ConnectionConfigError, UnreachableError
from auditor.json import JsonObject
from tests.unit.cluster.connection.writing import Kube, encode


def jwt(name: str, end: float) -> str:
    parts = [{"alg": "none"}, {"sub": name, "exp": int(end)}]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts), "sig"])


def token(access: Access) -> str:
    return access.headers()["Authorization"].removeprefix("Bearer ")


class Provider(ThreadingHTTPServer):
    daemon_threads = True
    found: JsonObject
    answer: tuple[int, object]
    asked: list[tuple[str, dict[str, list[str]]]]
    gate: threading.Event
    entered: threading.Event


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        self.reply(200 if self.path == "/realm/.well-known/openid-configuration" else 404, self.server.found)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.headers.get("Authorization", ""), parse_qs(body)))
        self.server.entered.set()
        self.server.gate.wait(20)
        self.reply(*self.server.answer)

    def reply(self, status: int, content: object) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def provider(authority: Authority, tmp_path: Path) -> Iterator[Provider]:
    server = Provider(("127.0.0.1", 0), Handler)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("idp", hosts=["127.0.0.1"], server=True).write(tmp_path, "idp"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.asked, server.gate, server.entered = [], threading.Event(), threading.Event()
    server.gate.set()
    server.found = {"token_endpoint": f"{url(server)}/token"}
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield server
    server.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


def url(server: Provider) -> str:
    return f"https://127.0.0.1:{server.server_port}"


@pytest.fixture
def config(kube: Kube, provider: Provider, authority_pem: bytes) -> JsonObject:
    """The provider's config of a user whose token ends in 60 s."""
    config = {
        "idp-issuer-url": f"{url(provider)}/realm/",
        "idp-certificate-authority-data": encode(authority_pem),
        "client-id": "kube login",
        "client-secret": "s+e/c",
        "id-token": jwt("alice", kube.wall_clock.now + 60),
        "refresh-token": "refresh-1",
    }
    kube.user = {"auth-provider": {"name": "oidc", "config": config}}
    provider.answer = (200, {"id_token": jwt("later", kube.wall_clock.now + 3600), "refresh_token": "refresh-2"})
    return config


def test_a_token_is_used_until_it_expires(kube: Kube, provider: Provider, config: JsonObject) -> None:
    with kube.open() as access:
        kube.wall_clock.now += 45
        assert token(access) == config["id-token"]
        assert provider.asked == []
        kube.wall_clock.now += 10
        later = token(access)
        assert later == jwt("later", 1_800_003_600)
        assert token(access) == later
        assert len(provider.asked) == 1


def test_how_the_provider_is_asked(kube: Kube, provider: Provider, config: JsonObject) -> None:
    kube.wall_clock.now += 60
    with kube.open():
        pass
    basic = "Basic " + encode(b"kube+login:s%2Be%2Fc")
    assert provider.asked == [(basic, {"grant_type": ["refresh_token"], "refresh_token": ["refresh-1"]})]


@pytest.mark.parametrize("secret", ["s", ""])
def test_providers_that_want_the_client_in_the_form(
    kube: Kube, provider: Provider, config: JsonObject, secret: str
) -> None:
    provider.found["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    config["client-secret"] = secret
    kube.wall_clock.now += 60
    with kube.open():
        pass
    form = {"grant_type": ["refresh_token"], "refresh_token": ["refresh-1"], "client_id": ["kube login"]}
    assert provider.asked == [("", form | ({"client_secret": ["s"]} if secret else {}))]


def test_new_tokens_are_written_back(kube: Kube, provider: Provider, config: JsonObject) -> None:
    kube.wall_clock.now += 60
    with kube.open() as access:
        later = token(access)
    written = yaml.safe_load(kube.path.read_text())
    assert written["users"][0]["user"]["auth-provider"]["config"] == config | {
        "id-token": later,
        "refresh-token": "refresh-2",
    }
    written["users"] = kube.content()["users"]
    assert written == kube.content()  # and nothing else has changed
    assert sorted(p.name for p in kube.directory.iterdir() if "config" in p.name) == ["config"]


def test_mode_and_link_of_the_file_stay(kube: Kube, provider: Provider, config: JsonObject) -> None:
    kube.wall_clock.now += 60
    real = kube.directory / "real"
    real.write_text(json.dumps(kube.content()))
    real.chmod(0o640)
    kube.path.symlink_to(real)
    with kube.open():
        pass
    assert kube.path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "refresh-2" in real.read_text()


def test_another_process_may_have_renewed_them(kube: Kube, provider: Provider, config: JsonObject) -> None:
    with kube.open() as access:
        config["id-token"] = jwt("by kubectl", kube.wall_clock.now + 3600)
        kube.write()
        kube.wall_clock.now += 60
        assert token(access) == config["id-token"]
        assert provider.asked == []


def test_where_writing_back_fails_they_serve_this_process(
    kube: Kube, provider: Provider, config: JsonObject, caplog: pytest.LogCaptureFixture
) -> None:
    (kube.directory / "config.lock").touch()
    kube.wall_clock.now += 60
    with kube.open() as access:
        assert token(access) == jwt("later", 1_800_003_600)
        assert "config.lock says that another process is writing" in caplog.text
        assert "refresh-2" not in kube.path.read_text()
        assert "refresh-1" not in caplog.text
        provider.answer = (200, {"id_token": jwt("third", kube.wall_clock.now + 7200)})
        kube.wall_clock.now += 3600
        assert token(access) == jwt("third", 1_800_007_260)
        assert provider.asked[-1][1]["refresh_token"] == ["refresh-2"]


def test_a_refusal_fetches_another(kube: Kube, provider: Provider, config: JsonObject) -> None:
    with kube.open() as access:
        assert access.renew(access.headers()) is True
        assert token(access) == jwt("later", 1_800_003_600)


def test_a_refusal_without_a_refresh_token_is_final(kube: Kube, config: JsonObject) -> None:
    del config["refresh-token"]
    with kube.open() as access:
        assert access.renew(access.headers()) is False


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"refresh-token": None},
            r"id-token: it expired at 2027-01-15 08:01:00 UTC, and there is no refresh-token\. Log in",
        ),
        (
            {"refresh-token": None, "id-token": None},
            r"id-token: it is missing or no JWT, and there is no refresh-token",
        ),
        (
            {"refresh-token": None, "id-token": "a.b.c"},
            r"id-token: it is missing or no JWT, and there is no refresh-token",
        ),
        ({"id-token": "two words"}, "id-token: this is no token"),
        ({"client-id": None}, "client-id: it is missing"),
        ({"idp-certificate-authority-data": encode(b"x")}, "idp-certificate-authority-data: this is no certificate"),
    ],
)
def test_what_may_be_wrong_with_the_entry(kube: Kube, config: JsonObject, change: JsonObject, message: str) -> None:
    config |= change
    kube.wall_clock.now += 60
    with pytest.raises(ConnectionConfigError, match=f'user "alice": auth-provider.config.{message}'), kube.open():
        pass


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            (400, {"error": "invalid_grant", "error_description": "used"}),
            r"answered 400 \(invalid_grant: used\)\. Log in",
        ),
        ((500, b"<html>"), r"answered 500 with no JSON object\. Log in again"),
        ((200, b"[]"), r"answered 200\. Log in"),
        ((302, {}), r"answered 302\. Log in again"),
        ((200, {"access_token": "hunter2"}), "its answer has no id_token"),
    ],
)
def test_what_a_provider_may_answer(
    kube: Kube, provider: Provider, config: JsonObject, answer: tuple[int, object], message: str
) -> None:
    kube.wall_clock.now += 60
    provider.answer = answer
    with pytest.raises(ConnectionConfigError, match=message) as caught, kube.open():
        pass
    assert "idp-issuer-url (https://127.0.0.1" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("hunter2", "refresh-1", "s+e/c"))


def test_a_provider_is_not_trusted_without_its_authority(kube: Kube, provider: Provider, config: JsonObject) -> None:
    del config["idp-certificate-authority-data"]
    kube.wall_clock.now += 60
    with pytest.raises(UnreachableError, match="certificate verify failed"), kube.open():
        pass
    assert provider.asked == []


def test_secrets_go_over_tls_only(kube: Kube, provider: Provider, config: JsonObject) -> None:
    provider.found["token_endpoint"] = f"http://127.0.0.1:{provider.server_port}/token"
    kube.wall_clock.now += 60
    with pytest.raises(ConnectionConfigError, match="its token_endpoint is no https URL"), kube.open():
        pass


def test_closing_ends_the_wait_for_a_provider(kube: Kube, provider: Provider, config: JsonObject) -> None:
    failures: list[UnreachableError] = []
    with kube.open() as access:
        kube.wall_clock.now += 60
        provider.gate.clear()

        def ask() -> None:
            try:
                access.headers()
            except UnreachableError as error:
                failures.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert provider.entered.wait(10)
        access.close()
        thread.join(5)
        assert not thread.is_alive()
    assert "has been closed" in str(failures[0])
