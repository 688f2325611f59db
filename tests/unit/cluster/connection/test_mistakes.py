"""Each way in which a configuration can be wrong: what is said, where, and what to do. No secret is ever said."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from auditor.certs import Authority
from auditor.errors import ConnectionConfigError
from auditor.json import Json, JsonObject
from tests.unit.cluster.connection.writing import V1, V1BETA1, Kube, Plugin, encode

SECRET = "hunter2"
BROKEN = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def refused(kube: Kube, **settings: Json) -> str:
    with pytest.raises(ConnectionConfigError) as caught, kube.open(**settings):
        pass
    text = str(caught.value)
    assert SECRET not in text
    assert SECRET not in repr(caught.value)
    return text.replace(str(kube.directory), "DIR")


AGAIN = "Correct the path, or fetch the kubeconfig anew"
NO_SERVER = "server: this is no URL of an API server. Write it as https://HOST:PORT"
NO_TOKEN = "this is no token: it holds blanks or other characters that no token has. Fetch it anew"
NO_CA = "certificate-authority-data: this is no certificate in PEM. Fetch the CA certificate of the cluster"
NO_CLUSTER = 'cluster: there is no cluster "her" in the files. Did you mean "here"? There is: here'
BASIC = "API servers have not known users with passwords since Kubernetes 1.19. Use a token, a client certificate"
GROUPS = "as: groups, uid or extra of another user are given without the user. Name it with --as"
BOTH_TLS = "insecure-skip-tls-verify: there is a certificate-authority, too. Remove one of the two"
SPOKEN = f"Write {V1} or {V1BETA1}, whichever the plugin speaks"
ALPHA = "client.authentication.k8s.io/v1alpha1"

ENTRIES: list[tuple[str, JsonObject, str]] = [
    ("context", {"user": "alice"}, "cluster: it names no cluster. There is: here"),
    ("context", {"cluster": "here"}, "user: it names no user. There is: alice"),
    ("context", {"cluster": "her", "user": "alice"}, NO_CLUSTER),
    ("context", {"cluster": "here", "user": "b"}, 'user: there is no user "b" in the files. There is: alice'),
    ("cluster", {}, "server: it is missing. Write the URL of the API server"),
    ("cluster", {"server": "10.0.0.1:6443"}, NO_SERVER),
    ("cluster", {"server": "ftp://host"}, NO_SERVER),
    ("cluster", {"server": "https://"}, NO_SERVER),
    ("cluster", {"server": "https://host:port"}, NO_SERVER),
    ("cluster", {"server": "https://[::1"}, NO_SERVER),
    ("cluster", {"server": "https://host/?a=b"}, NO_SERVER),
    ("cluster", {"server": f"https://bob:{SECRET}@host"}, "server: a URL with a user in it. Put its token or"),
    ("cluster", {"server": ["https://host"]}, "server: this must be a text, and is a list"),
    (
        "cluster",
        {"insecure-skip-tls-verify": "yes"},
        "insecure-skip-tls-verify: this must be true or false, and is a text",
    ),
    ("cluster", {"insecure-skip-tls-verify": True, "certificate-authority": "ca.crt"}, BOTH_TLS),
    ("cluster", {"certificate-authority": "ca"}, f"certificate-authority: DIR/ca: there is no such file. {AGAIN}"),
    ("cluster", {"certificate-authority": "home"}, "certificate-authority: DIR/home: this is a folder, not a file."),
    ("cluster", {"certificate-authority": "config/x"}, "certificate-authority: DIR/config/x: there is no such folder."),
    ("cluster", {"certificate-authority-data": f"-{SECRET}-"}, "certificate-authority-data: this is not base64. Write"),
    ("cluster", {"certificate-authority-data": encode(b"no PEM")}, NO_CA),
    ("cluster", {"certificate-authority-data": encode(BROKEN)}, NO_CA),
    (
        "cluster",
        {"proxy-url": f"ftp://bob:{SECRET}@proxy"},
        "proxy-url: this is no URL of a proxy. Write it as http://",
    ),
    ("cluster", {"proxy-url": f"socks5://bob:{SECRET}@proxy"}, "proxy-url: a SOCKS proxy needs the package PySocks"),
    ("user", {"username": "bob", "password": SECRET}, f"username: {BASIC}"),
    ("user", {"token": f"{SECRET}\nhost: evil"}, f"token: {NO_TOKEN}"),
    ("user", {"token": {"a": SECRET}}, "token: this must be a text, and is an object"),
    ("user", {"token": 123}, "token: this must be a text, and is a number. Put it in quotes"),
    ("user", {"token": True}, "token: this must be a text, and is true or false. Put it in quotes"),
    ("user", {"tokenFile": "token"}, f"tokenFile: DIR/token: there is no such file. {AGAIN}"),
    ("user", {"as-groups": ["admins"]}, GROUPS),
    ("user", {"as-uid": "7"}, GROUPS),
    ("user", {"as-user-extra": {"scopes": ["view"]}}, GROUPS),
    ("user", {"auth-provider": {"name": "gcp"}}, "auth-provider.name: 'gcp' is not known: Kubernetes 1.26 has removed"),
    ("user", {"auth-provider": {"name": "oidc"}}, "auth-provider.config: it is missing. Log in again"),
    (
        "user",
        {"auth-provider": {"name": "oidc", "config": {"client-id": "kube"}}},
        "auth-provider.config.idp-issuer-url: it is missing. Log in again, or ask whoever runs the cluster",
    ),
    ("user", {"auth-provider": {}, "exec": {}}, "exec: there is an auth-provider, too. Remove one of the two"),
    ("user", {"exec": []}, "exec: this must be an object, and is a list"),
    ("user", {"exec": {"command": "x"}}, f"exec.apiVersion: it is missing. {SPOKEN}"),
    ("user", {"exec": {"command": "x", "apiVersion": ALPHA}}, f"exec.apiVersion: '{ALPHA}' is not known. {SPOKEN}"),
    ("user", {"exec": {"apiVersion": V1}}, "exec.command: it is missing. Name the program that prints the credential"),
]
EXECS: list[tuple[JsonObject, str]] = [
    ({"interactiveMode": "Maybe"}, "interactiveMode: 'Maybe' is not known. Write Never, IfAvailable or Always"),
    ({"interactiveMode": "Always"}, "interactiveMode: the plugin needs a terminal to ask at, and here is none. Log in"),
    ({"args": f"--password={SECRET}"}, "args: this must be a list of texts"),
    ({"env": ["A=B"]}, "env: this must be a list of objects"),
    ({"env": [{"name": "A\0B", "value": "C"}]}, "command (sh): a name, argument or variable holds a null character."),
    ({"command": "no-such-program"}, "command (no-such-program): there is no such command. Install it, or correct"),
    ({"command": "./x", "installHint": "\x1b[31mGet it\x1b[0m"}, "command (DIR/x): there is no such command. Get it"),
    ({"command": "./home"}, "command (DIR/home): it cannot be started: Permission denied. Check that it is a program"),
]


@pytest.mark.parametrize(("part", "fields", "message"), ENTRIES)
def test_mistakes_in_an_entry(kube: Kube, part: str, fields: JsonObject, message: str) -> None:
    setattr(kube, part, fields if part != "cluster" or "server" in fields or not fields else kube.cluster | fields)
    name = {"cluster": "here", "context": "dev", "user": "alice"}[part]
    assert refused(kube).startswith(f'DIR/config: {part} "{name}": {message}')


@pytest.mark.parametrize(("fields", "message"), EXECS)
def test_mistakes_about_a_plugin(kube: Kube, fields: JsonObject, message: str) -> None:
    kube.user = {"exec": {"apiVersion": V1, "command": "sh"} | fields}
    assert refused(kube).startswith(f'DIR/config: user "alice": exec.{message}')


def test_names_that_a_header_cannot_carry(kube: Kube) -> None:
    message = "Impersonate-User: 'bob\\r\\nHost: evil' holds characters that no name has. Correct it"
    assert refused(kube, as_user="bob\r\nHost: evil") == message


CHOOSE = "Choose a context with --context or `kubectl config use-context`"
FILES = [
    ("", "DIR/config: empty. Fetch the kubeconfig of your cluster, or name another file"),
    ("# nothing\n", "DIR/config: empty. Fetch the kubeconfig of your cluster, or name another file"),
    ("a text", "DIR/config: this is not a kubeconfig: an object is expected. Name another file"),
    ("- kind: Config", "DIR/config: this is not a kubeconfig: an object is expected. Name another file"),
    (f"users:\n- token: *{SECRET}\n", "DIR/config: line 2, column 10: this is not YAML. Correct it"),
    (f"token: '{SECRET}\n", "DIR/config: line 2, column 1: this is not YAML. Correct it"),
    ("\x00\x01", "DIR/config: this is not YAML. Name another file"),
    ("kind: Pod\napiVersion: v1\n", "DIR/config: this is not a kubeconfig, but kind 'Pod' of 'v1'. Name another file"),
    (
        "kind: Config\napiVersion: v2\n",
        "DIR/config: this is not a kubeconfig, but kind 'Config' of 'v2'. Name another file",
    ),
    (
        "kind: Config\ncontexts: null\n",
        "DIR/config: no contexts are in there. Fetch the kubeconfig of your cluster, or name another file",
    ),
    ("users: 7\n", "DIR/config: users: this must be a list of objects"),
    ("users: [{user: {}}]\n", "DIR/config: users[0].name: this entry has no name. Give it one"),
    ("users: [{name: a, user: x}]\n", "DIR/config: users[0].user: this must be an object, and is a text"),
    ("users: [{name: a}, {name: a}]\n", 'DIR/config: users[1].name: there are two entries "a". Remove one'),
    ("contexts: [{name: a}, {name: b}]\n", f"DIR/config: current-context: it is not set. {CHOOSE}: a, b"),
    (
        "contexts: [{name: prod}]\ncurrent-context: prd\n",
        'DIR/config: current-context: the context "prd" is not in there. Did you mean "prod"? There is: prod',
    ),
]


@pytest.mark.parametrize(("content", "message"), FILES)
def test_mistakes_in_a_file(kube: Kube, monkeypatch: pytest.MonkeyPatch, content: str, message: str) -> None:
    monkeypatch.setattr(Kube, "write", lambda self: self.put("config", content))
    assert refused(kube) == message


def test_a_file_that_is_not_there(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kube, "write", lambda self: str(self.path))
    assert refused(kube) == "--kubeconfig: DIR/config: there is no such file. Name one that exists"


def test_a_folder(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kube, "write", lambda self: str(self.directory))
    assert refused(kube) == "DIR: this is a folder, not a file. Name another file"


def test_a_context_that_is_not_there(kube: Kube) -> None:
    message = 'DIR/config: the context "deb" is not in there. Did you mean "dev"? There is: dev'
    assert refused(kube, context="deb") == message


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "exec_timeout"])
def test_timeouts_are_more_than_nothing(kube: Kube, name: str) -> None:
    for wrong in (0, float("nan")):
        assert refused(kube, **{name: wrong}) == "a timeout is not more than 0 seconds. Give it some"


@pytest.mark.parametrize("wrong", [{"qps": 0}, {"qps": -1}, {"qps": float("nan")}, {"burst": 0}])
def test_a_pace_at_which_nothing_can_be_asked(kube: Kube, wrong: dict[str, float]) -> None:
    assert refused(kube, **wrong).endswith("Allow more than 0 a second, and 1 or more at a time")


def test_an_empty_token_file(kube: Kube) -> None:
    kube.user = {"tokenFile": kube.put("token", " \n")}
    assert refused(kube).startswith('DIR/config: user "alice": tokenFile: DIR/token: the file is empty. Correct')


def test_a_certificate_that_has_expired(kube: Kube, authority: Authority) -> None:
    pair = authority.issue("alice", client=True, lifetime=timedelta(hours=1), now=datetime(2026, 1, 1, tzinfo=UTC))
    kube.user = {"client-certificate-data": encode(pair.certificate_pem), "client-key-data": encode(pair.key_pem)}
    kube.wall_clock.now = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    assert refused(kube) == (
        'DIR/config: user "alice": client-certificate-data: the certificate expired at 2026-01-01 01:00:00 UTC. '
        "Renew it, or log in again"
    )
    kube.wall_clock.now = datetime(2025, 1, 2, tzinfo=UTC).timestamp()
    assert refused(kube) == (
        'DIR/config: user "alice": client-certificate-data: the certificate is valid from 2025-12-31 23:55:00 UTC, '
        "and it is 2025-01-02 00:00:00 UTC. Set the clock"
    )


def test_pairs_that_are_none(kube: Kube, authority: Authority) -> None:
    pair, other = authority.issue("alice", client=True), authority.issue("bob", client=True)
    certificate, key = kube.put("a.crt", pair.certificate_pem), kube.put("a.key", pair.key_pem)
    locked = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"
    place = 'DIR/config: user "alice": '
    cases: list[tuple[str, str, str]] = [
        (certificate, "", "client-certificate: DIR/a.crt: there is no client-key for it."),
        ("", key, "client-key: DIR/a.key: there is no client-certificate for it."),
        (certificate, kube.put("b.key", other.key_pem), "client-key: DIR/b.key: this is not the key of"),
        (certificate, certificate, "client-key: DIR/a.crt: this is no private key in PEM."),
        (key, key, "client-certificate: DIR/a.key: this is no certificate in PEM."),
        (certificate, kube.put("c.key", locked), "client-key: DIR/c.key: the key asks for a password."),
        (certificate, kube.put("d.key", pair.key_pem[:-30]), "client-key: DIR/d.key: this is no private key in PEM."),
        (certificate, "gone.key", "client-key: DIR/gone.key: there is no such file."),
        (
            kube.put("e.crt", pair.certificate_pem.replace(b"MII", b"AAA")),
            key,
            "client-certificate: DIR/e.crt: it does not load with its key:",
        ),
    ]
    for crt, private, message in cases:
        kube.user = {"client-certificate": crt, "client-key": private}
        assert refused(kube).startswith(place + message)


BOTH = "it gave one of clientCertificateData and clientKeyData, not both. Run it by hand"
NEITHER = "its status has neither token nor clientCertificateData. Run it by hand"
NO_TIME = "status.expirationTimestamp: this is no time like 2026-01-31T12:00:00Z. Run it by hand"
OLD = json.dumps({"kind": "ExecCredential", "apiVersion": V1BETA1, "status": {"token": SECRET}})
ANSWERS = [
    ("no JSON: hunter2", "it printed 16 bytes that are no JSON. Run it by hand"),
    ("", "it printed 0 bytes that are no JSON. Run it by hand"),
    ("[]", "it printed JSON that is no ExecCredential. Run it by hand"),
    ('{"kind": "Status"}', "it printed JSON that is no ExecCredential. Run it by hand"),
    (OLD, f"it answers in {V1BETA1!r}, and exec.apiVersion asks for {V1!r}. Write the version that it speaks into the"),
]
STATUSES: list[tuple[JsonObject, str]] = [
    ({}, NEITHER),
    ({"token": ""}, NEITHER),
    ({"token": {"a": SECRET}}, NEITHER),
    ({"clientCertificateData": SECRET}, BOTH),
    ({"token": SECRET, "clientKeyData": SECRET}, BOTH),
    ({"token": f"{SECRET}\r\n: x"}, f"status.token: {NO_TOKEN}"),
    ({"token": SECRET, "expirationTimestamp": "tomorrow"}, NO_TIME),
    ({"token": SECRET, "expirationTimestamp": "2026-01-01T00:00:00"}, NO_TIME),
    ({"token": SECRET, "expirationTimestamp": 7}, NO_TIME),
    (
        {"clientCertificateData": SECRET, "clientKeyData": SECRET},
        "status.clientCertificateData: this is no certificate in PEM. Fetch it anew, or log in again",
    ),
]
ANSWERS += [
    (json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": status}), message)
    for status, message in STATUSES
]


@pytest.mark.parametrize(("answer", "message"), ANSWERS)
def test_what_a_plugin_may_not_say(kube: Kube, plugin: Plugin, answer: str, message: str) -> None:
    kube.user = {"exec": plugin.install()}
    plugin.say(answer)
    assert refused(kube).startswith(f'DIR/config: user "alice": exec.command (DIR/plugin): {message}')


ENDS = [
    ("echo 'please log in' >&2; exit 3", "it ended with 3: please log in"),
    ("exit 1", "it ended with 1"),
    ("printf '\\033[31mno\\033[0m\\n' >&2; exit 1", "it ended with 1: no"),
    ("kill -TERM $$", "it ended by signal 15"),
]


@pytest.mark.parametrize(("script", "message"), ENDS)
def test_how_a_plugin_may_fail(kube: Kube, plugin: Plugin, script: str, message: str) -> None:
    kube.user = {"exec": plugin.install(script)}
    assert refused(kube) == f'DIR/config: user "alice": exec.command (DIR/plugin): {message}'


def test_a_plugin_that_hangs_is_ended_with_its_children(kube: Kube, plugin: Plugin) -> None:
    kube.user = {"exec": plugin.install("sleep 60 & wait")}
    assert refused(kube, exec_timeout=0.2) == (
        'DIR/config: user "alice": exec.command (DIR/plugin): it has not ended after 0.2 s, and was stopped. '
        "Run it by hand to see what it waits for"
    )


def test_there_is_no_configuration_at_all(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kube, "write", lambda _: "")
    assert refused(kube) == (
        "no cluster is named: $KUBECONFIG is not set, there is no DIR/home/.kube/config, and this is no pod of a "
        "cluster. Name a kubeconfig with --kubeconfig or $KUBECONFIG"
    )
