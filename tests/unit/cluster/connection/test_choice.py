"""Which cluster and user are meant: order of places, several files, contexts, the pod."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cluster.connection import Access, Settings, open_access, pod
from auditor.errors import ConnectionConfigError
from tests.unit.cluster.connection.writing import Kube


def config(*names: str, current: str = "", server: str = "") -> str:
    """One context, cluster and user for each name, all of that name."""
    return json.dumps(
        {
            "clusters": [{"name": n, "cluster": {"server": server or f"https://{n}"}} for n in names],
            "users": [{"name": n, "user": {"token": "t"}} for n in names],
            "contexts": [{"name": n, "context": {"cluster": n, "user": n}} for n in names],
            "current-context": current,
        }
    )


def opened(kubeconfig: str = "", context: str = "") -> Access:
    access = open_access(Settings(kubeconfig=kubeconfig, context=context))
    access.close()
    return access


def test_the_first_file_that_says_something_wins(kube: Kube) -> None:
    first = kube.put("1", config("a", "b", server="https://first"))
    second = kube.put("2", config("b", "c", current="c", server="https://second"))
    third = kube.put("3", config("c", current="a", server="https://third"))
    files = f"{first}:{second}:{third}"
    chosen = opened(kubeconfig=files)
    assert (chosen.context, chosen.server) == ("c", "https://second")  # `a` comes later
    assert opened(kubeconfig=files, context="b").server == "https://first"
    assert opened(kubeconfig=files, context="a").server == "https://first"


def test_one_context_may_use_parts_of_several_files(kube: Kube) -> None:
    kube.context |= {"user": "bob"}
    other = kube.put("other", "users: [{name: bob, user: {tokenFile: t}}]")
    kube.put("t", "of-bob")
    with open_access(Settings(kubeconfig=f"{kube.write()}:{other}")) as access:
        assert access.headers()["Authorization"] == "Bearer of-bob"
        assert access.user == "bob"


def test_files_of_a_list_may_be_absent_or_empty(kube: Kube) -> None:
    files = f"{kube.directory}/absent::{kube.put('empty', '')}:{kube.put('1', config('a', current='a'))}"
    assert opened(kubeconfig=files).server == "https://a"


def test_settings_go_before_the_environment_and_that_before_the_home(
    kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path.home() / ".kube"
    home.mkdir()
    (home / "config").write_text(config("home", current="home"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert opened().context == "home"
    monkeypatch.setenv("KUBECONFIG", kube.put("env", config("env", current="env")))
    assert opened().context == "env"
    assert opened(kubeconfig=kube.put("named", config("named", current="named"))).context == "named"


def test_what_the_environment_names_must_be_there(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{kube.directory}/absent:/nowhere/at/all")
    message = rf"^\$KUBECONFIG: {kube.directory}/absent, /nowhere/at/all: there is no such file"
    with pytest.raises(ConnectionConfigError, match=message):
        open_access(Settings())


def test_names_of_files_may_be_relative(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    (Path.home() / "mine").write_text(config("a", current="a"))
    assert opened(kubeconfig="~/mine").context == "a"
    monkeypatch.chdir(Path.home())
    assert opened(kubeconfig="mine").context == "a"


def test_namespace_of_the_context(kube: Kube) -> None:
    with kube.open() as access:
        assert access.namespace == "default"
    kube.context |= {"namespace": "shop"}
    with kube.open() as access:
        assert access.namespace == "shop"


def test_paths_start_at_the_file_that_names_them(kube: Kube) -> None:
    folder = kube.directory / "elsewhere"
    folder.mkdir()
    (folder / "token").write_text("near the file")
    (folder / "token").write_text("near")
    (folder / "config").write_text(json.dumps({"users": [{"name": "alice", "user": {"tokenFile": "token"}}]}))
    kube.user = {"token": "far"}
    with open_access(Settings(kubeconfig=f"{folder / 'config'}:{kube.write()}")) as access:
        assert access.headers()["Authorization"] == "Bearer near"


@pytest.mark.parametrize(("written", "read"), [("2026-01-31", "2026-01-31"), ("'12345'", "12345"), ("'yes'", "yes")])
def test_texts_stay_texts_in_yaml(kube: Kube, written: str, read: str) -> None:
    text = kube.directory / "yaml"
    text.write_text(
        "clusters: [{name: a, cluster: {server: 'http://a'}}]\n"
        f"users: [{{name: a, user: {{token: {written}}}}}]\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\ncurrent-context: a\n"
    )
    with open_access(Settings(kubeconfig=str(text))) as access:
        assert access.headers()["Authorization"] == f"Bearer {read}"


def test_json_with_tabs_is_a_kubeconfig(kube: Kube) -> None:
    path = kube.put("config", json.dumps(kube.content(), indent="\t"))
    assert opened(kubeconfig=path).context == "dev"


class TestPod:
    @pytest.fixture(autouse=True)
    def account(self, kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pod, "SERVICE_ACCOUNT", kube.directory)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")

    def test_its_service_account_is_used(self, kube: Kube, authority_pem: bytes) -> None:
        kube.put("token", "first\n")
        kube.put("ca.crt", authority_pem)
        kube.put("namespace", "shop")
        with open_access(Settings(), clock=kube.clock) as access:
            assert (access.server, access.context, access.namespace) == ("https://10.0.0.1:443", "in-cluster", "shop")
            assert access.headers()["Authorization"] == "Bearer first"
            kube.put("token", "second")
            kube.clock.now += 2
            assert access.headers()["Authorization"] == "Bearer second"

    def test_addresses_of_version_6_are_in_brackets(
        self, kube: Kube, authority_pem: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kube.put("token", "first")
        kube.put("ca.crt", authority_pem)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
        access = opened()
        assert (access.server, access.namespace) == ("https://[fd00::1]:443", "default")

    @pytest.mark.parametrize(("there", "missing"), [("token", "ca.crt"), ("ca.crt", "token")])
    def test_its_files_must_be_there(self, kube: Kube, authority_pem: bytes, there: str, missing: str) -> None:
        kube.put(there, authority_pem if there == "ca.crt" else b"t")
        message = (
            f"^the service account of this pod: .*: {kube.directory}/{missing}: there is no such file. Let the pod"
        )
        with pytest.raises(ConnectionConfigError, match=message):
            open_access(Settings())

    def test_it_has_no_contexts(self) -> None:
        with pytest.raises(ConnectionConfigError, match='the context "dev" was asked for, but there is no kubeconfig'):
            open_access(Settings(context="dev"))


def test_importing_it_costs_nothing_of_the_heavy_packages() -> None:
    heavy = "{'kubernetes', 'cryptography', 'yaml'}"
    code = f"import sys, auditor.cluster.connection; sys.exit(repr(sorted({heavy} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
