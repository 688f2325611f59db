"""Who asks, for whom, and through which proxy."""

import pytest

from auditor.cluster.connection import proxy
from auditor.cluster.connection.section import Section
from auditor.errors import ConnectionConfigError
from tests.unit.cluster.connection.writing import Kube

ACTING = {
    "token": "t",
    "as": "bob",
    "as-uid": "7",
    "as-groups": ["devs", "ops"],
    "as-user-extra": {"example.com/Scopes %": ["view", "edit"]},
}


def lines(kube: Kube, **settings: object) -> list[tuple[str, str]]:
    with kube.open(**settings) as access:
        merged = {"Accept": "application/json"} | access.headers()
        return [(name, value) for name, value in merged.items() if name.startswith("Impersonate")]


def test_impersonation_as_the_kubeconfig_has_it(kube: Kube) -> None:
    kube.user = ACTING
    assert lines(kube) == [
        ("Impersonate-User", "bob"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "devs"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Extra-example.com%2FScopes%20%25", "view"),
        ("Impersonate-Extra-example.com%2FScopes%20%25", "edit"),
    ]


def test_who_is_named_in_the_settings_has_no_rights_of_the_one_in_the_kubeconfig(kube: Kube) -> None:
    kube.user = ACTING
    assert lines(kube, as_user="eve") == [("Impersonate-User", "eve")]
    assert lines(kube, as_user="eve", as_groups=("a, b", "c"), as_uid="8") == [
        ("Impersonate-User", "eve"),
        ("Impersonate-Uid", "8"),
        ("Impersonate-Group", "a, b"),
        ("Impersonate-Group", "c"),
    ]


def test_groups_of_the_settings_go_before_those_of_the_kubeconfig(kube: Kube) -> None:
    kube.user = {"as": "bob", "as-groups": ["devs"], "as-uid": "7"}
    assert lines(kube, as_groups=("ops",), as_uid="8") == [
        ("Impersonate-User", "bob"),
        ("Impersonate-Uid", "8"),
        ("Impersonate-Group", "ops"),
    ]


def test_names_are_sent_in_utf_8(kube: Kube) -> None:
    [(_, value)] = lines(kube, as_user="jürgen 日")
    assert value.encode("latin-1").decode() == "jürgen 日"


def test_groups_without_a_user_are_a_mistake(kube: Kube) -> None:
    with pytest.raises(ConnectionConfigError, match="groups, uid or extra of another user are given without"):
        lines(kube, as_groups=("ops",))


def test_a_plain_kubeconfig_impersonates_nobody(kube: Kube) -> None:
    assert lines(kube) == []


def test_tokens_over_plain_http_are_warned_of(kube: Kube, caplog: pytest.LogCaptureFixture) -> None:
    kube.cluster = {"server": "http://localhost:8001"}
    with kube.open():
        assert not caplog.messages
    kube.cluster = {"server": "http://kube.example.com"}
    with kube.open():
        assert 'cluster "here": server: http://kube.example.com is not encrypted' in caplog.text


def test_no_secret_is_shown_by_accident(kube: Kube) -> None:
    kube.user = {"token": "hunter2"}
    with kube.open() as access:
        assert "hunter2" not in repr(access)
        assert "hunter2" not in repr(access._source.get())
        assert "hunter2" not in repr(Section("x", kube.user, kube.directory))
        assert repr(access) == "Access('https://kube.example.com:6443', context='dev', user='alice')"


def configured(kube: Kube) -> tuple[str | None, dict[str, str] | None, str]:
    with kube.open() as access:
        found = access.configuration
        return found.proxy, found.proxy_headers, found.no_proxy or ""


LOGIN = {"proxy-authorization": "Basic Ym9iOnA6d0A="}  # bob:p:w@


def test_the_proxy_of_the_kubeconfig_goes_before_the_environment(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://other:3128")
    monkeypatch.setenv("NO_PROXY", "*")
    kube.cluster["proxy-url"] = "http://bob:p%3Aw%40@proxy:3128"
    assert configured(kube) == ("http://proxy:3128", LOGIN, "")


ENVIRONMENTS = [
    ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
    ({"https_proxy": "https://proxy"}, "https://proxy"),
    ({"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
    ({"ALL_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
    ({"HTTP_PROXY": "http://proxy:3128"}, None),
    ({"HTTPS_PROXY": ""}, None),
    ({}, None),
    *(
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": exempt}, proxy)
        for exempt, proxy in [
            ("", "http://proxy:3128"),
            ("other.example.com", "http://proxy:3128"),
            ("kube.example.com", None),
            (".example.com", None),
            ("a, example.com", None),
            ("*", None),
        ]
    ),
]


@pytest.mark.parametrize(("environment", "expected"), ENVIRONMENTS)
def test_the_proxy_of_the_environment(
    kube: Kube, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert configured(kube) == (expected, None, "")


@pytest.mark.parametrize(
    "server", ["https://localhost:6443", "https://127.0.0.1", "https://127.9.9.9", "https://[::1]:6443"]
)
def test_this_computer_needs_no_proxy(kube: Kube, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    kube.cluster = {"server": server}
    assert configured(kube)[0] is None


def test_networks_may_be_exempt(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")
    kube.cluster = {"server": "https://10.1.2.3:6443"}
    assert configured(kube)[0] is None
    kube.cluster = {"server": "https://11.1.2.3:6443"}
    assert configured(kube)[0] == "http://proxy:3128"


def test_a_proxy_of_the_environment_that_is_none(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://bob:hunter2@")
    with pytest.raises(ConnectionConfigError, match=r"^\$HTTPS_PROXY: this is no URL of a proxy") as caught:
        configured(kube)
    assert "hunter2" not in str(caught.value)


def test_socks_keeps_its_login(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "find_spec", lambda _: object())
    kube.cluster["proxy-url"] = "socks5h://bob:pw@proxy:1080"
    assert configured(kube) == ("socks5h://bob:pw@proxy:1080", None, "")


def test_server_name_and_address(kube: Kube) -> None:
    kube.cluster = {"server": "https://10.0.0.1/k8s/clusters/c-1/", "tls-server-name": "kube.internal"}
    with kube.open() as access:
        assert access.server == access.configuration.host == "https://10.0.0.1/k8s/clusters/c-1"
        assert access.configuration.tls_server_name == "kube.internal"
