"""`kubectl auditor` by the real kubectl: one cluster with a watcher, asked as a person with a finding would."""

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import yaml

from auditor import crds
from auditor.cli.frame import COMMANDS
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.audit.running import Watch, wait
from tests.cluster.packs.stage import run_packs

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[3]
PACK = ROOT / "policies" / "databasecluster"
KIND = "databaseclusters.db.auditor.dev"
QUORUM = "databasecluster-quorum"
ENTRIES = {"kubectl-auditor": "main", "kubectl_complete-auditor": "complete"}
"""As the wheel installs them."""


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """kubectl with our plugin on its PATH, and the namespace `shop` in its context."""

    cluster: Sandbox
    bin: Path

    def __call__(self, *words: str, kubeconfig: Path | None = None) -> Said:
        environment = {**self.cluster.environment, "PATH": f"{self.bin}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        if kubeconfig is not None:
            environment["KUBECONFIG"] = str(kubeconfig)
        done = subprocess.run(
            self.cluster.kubectl_command(words),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def auditor(self, *words: str, kubeconfig: Path | None = None) -> Said:
        return self("auditor", *words, kubeconfig=kubeconfig)


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    place = tmp_path_factory.mktemp("bin")
    for name, function in ENTRIES.items():
        program = place / name
        program.write_text(f"#!{sys.executable}\nfrom auditor.cli.plugin import {function}\n{function}()\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with Sandbox.start(f"plugin-{os.getpid()}", owner=os.getpid()) as cluster:
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin="\n---\n".join(map(crds.read, crds.names())))
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all")
        for namespace in ("auditor-system", "shop"):
            cluster.kubectl("create", "namespace", namespace)
        cluster.kubectl("config", "set-context", "--current", "--namespace=shop")
        yield Terminal(cluster, place)


@pytest.fixture(scope="module")
def watched(kubectl: Terminal) -> Iterator[Terminal]:
    """With a pack, its good and bad examples, and their reports."""
    cluster = kubectl.cluster
    assert run_packs(cluster, "install", "databasecluster").returncode == 0
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{KIND}")
    for folder in ("good", "bad"):
        cluster.kubectl("apply", "-n", "shop", "-f", str(PACK / "examples" / folder))
    watch = Watch(cluster.kubeconfig, "--report-crds")
    try:
        watch.wait_ready()

        def reported() -> bool:
            return kubectl.auditor("findings", "databasecluster/carts").code == 1

        wait(reported, 40, lambda: f"{kubectl.auditor('findings', 'databasecluster/carts')}\n{watch.text[-3000:]}")
        yield kubectl
    finally:
        watch.kill()


def test_it_is_found_and_says_what_it_is_called(kubectl: Terminal) -> None:
    assert str(kubectl.bin / "kubectl-auditor") in kubectl("plugin", "list").out
    assert kubectl.auditor("--help").out.startswith("Usage: kubectl auditor [OPTIONS] COMMAND")


def test_nothing_watches_and_that_is_not_clean(kubectl: Terminal) -> None:
    """Before the fixture `watched` is asked for: tests run in their order."""
    assert kubectl.auditor("status").code == 3
    said = kubectl.auditor("findings", "-A")
    assert (said.code, "nothing watches" in said.err) == (3, True)


def test_findings_of_one_object_with_what_to_do(watched: Terminal) -> None:
    said = watched.auditor("findings", "databasecluster", "carts")
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith("databasecluster/carts in shop\n")
    assert "the number of replicas must be odd\n    at /spec/replicas\n    remedy: Use 3, 5 or 7 replicas" in said.out
    advice = re.search(rf"excuse: kubectl (auditor except \S+/carts {QUORUM}/odd-replicas -n shop)", said.out)
    assert advice
    assert "--expires is required" in watched(*advice[1].split()).err
    clean = watched.auditor("findings", "databasecluster/orders")
    assert (clean.code, clean.out, clean.err) == (0, "no findings are reported\n", "")


def test_findings_of_many_as_chosen(watched: Terminal) -> None:
    def names(*options: str) -> set[tuple[str, str]]:
        said = watched.auditor("findings", "-o", "json", *options)
        assert said.code in (0, 1), said.err
        found: JsonObject = orjson.loads(said.out)
        return {(each["resource"]["name"], each["policy"]) for each in found["findings"]}

    everything = names("-A")
    assert {name for name, _ in everything} == {"carts", "legacy", "partners"}
    assert names("databasecluster", "--policy", QUORUM) == {each for each in everything if each[1] == QUORUM}
    table = watched.auditor("findings", "-n", "default")
    assert (table.code, table.out) == (0, "no findings are reported in namespace default (-A: in all)\n")


def test_what_is_not_known_is_never_clean(watched: Terminal) -> None:
    assert watched.auditor("findings", "databasecluster/nobody").code == 3
    assert watched.auditor("findings", "widgets").code == 2
    nowhere = watched.auditor("findings", "-n", "nope")
    assert (nowhere.code, nowhere.out) == (3, "")
    assert "there is no namespace nope" in nowhere.err
    secrets = watched.auditor("findings", "secrets")  # which nobody follows
    assert (secrets.code, "there may be more: kind secrets" in secrets.err) == (3, True)


def test_who_may_not_look_is_told_that_there_may_be_more(watched: Terminal) -> None:
    cluster = watched.cluster
    role = ("--verb=get,list", "--resource=reports.openreports.io,databaseclusters.db.auditor.dev", "-n", "shop")
    cluster.kubectl("create", "role", "reader", *role)
    cluster.kubectl("create", "rolebinding", "reader", "--role=reader", "--user=jane", "-n", "shop")
    said = watched.auditor("findings", "-n", "shop", kubeconfig=cluster.user_kubeconfig("jane"))
    assert said.code == 3
    assert "odd-replicas" in said.out
    assert "there may be more: rights: " in said.err


def test_explain_and_scan_are_about_the_cluster(watched: Terminal) -> None:
    said = watched.auditor("explain", f"{QUORUM}/odd-replicas", "databasecluster/carts")
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith(f"fail  {QUORUM} on DatabaseCluster shop/carts  (as it is stored)\n")
    # One that may not be installed, from a file.
    other = watched.auditor("explain", str(PACK / "policies.yaml"), "databasecluster/orders", "-o", "json")
    (found,) = orjson.loads(other.out)["objects"]
    assert (other.code, found["allowed"], len(found["policies"]) > 1) == (0, True, True)
    scanned = orjson.loads(watched.auditor("scan", "-n", "shop", "-o", "json").out)
    listed = orjson.loads(watched.auditor("findings", "-o", "json").out)
    assert {each["fingerprint"] for each in scanned["findings"]} == {each["fingerprint"] for each in listed["findings"]}
    refused = watched.auditor("scan", "some.yaml")
    assert (refused.code, "with `kubectl auditor` the objects" in refused.err) == (2, True)


def test_the_commands_of_the_page(watched: Terminal) -> None:
    page = (ROOT / "docs" / "kubectl-plugin.md").read_text()
    shown = re.findall(r"^\$ kubectl (auditor .*)$", page, re.MULTILINE)
    assert [watched(*shlex.split(each)).code for each in shown] == [1, 1, 1, 0]
    assert set(re.findall(r"^\| `kubectl auditor ([a-z]+)", page, re.MULTILINE)) <= set(COMMANDS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((f"{QUORUM}/nonsense",), "has no rule nonsense: there are odd-replicas,"),
        ((QUORUM, "--expires", "400d"), "further ahead than the 365 days"),
        ((QUORUM, "--reason", "so"), "should be at least 10 chars long"),
    ],
)
def test_an_exception_that_could_not_work_is_refused(watched: Terminal, words: tuple[str, ...], said: str) -> None:
    defaults = ("--reason", "a fifth node comes in May", "--expires", "30d")
    told = watched.auditor("except", "databasecluster/carts", words[0], *defaults, *words[1:])
    assert (told.code, said in told.err) == (2, True), told


def test_an_exception_takes_the_finding_away(watched: Terminal) -> None:
    rule = f"{QUORUM}/odd-replicas"
    words = ("except", "databasecluster/carts", rule, "--reason", "a fifth node comes in May", "--expires", "30d")
    printed = watched.auditor(*words, "--dry-run", "--owner", "team-shop")
    assert (printed.code, printed.err) == (0, "")
    manifest = yaml.safe_load(printed.out)
    assert manifest["spec"]["owner"] == "team-shop"
    assert manifest["spec"]["match"]["resourceRules"][0]["resourceNames"] == ["carts"]
    assert watched("get", "policyexceptions", "-o", "name").out == ""
    written = watched.auditor(*words)
    assert (written.code, "created in shop" in written.out) == (0, True), written
    found = orjson.loads(watched("get", "policyexceptions", "-o", "json").out)["items"]
    assert [each["metadata"]["name"] for each in found] == [manifest["metadata"]["name"]]
    given, sent = found[0]["spec"], manifest["spec"]
    assert (given["policies"], given["rules"], given["reason"]) == (sent["policies"], sent["rules"], sent["reason"])
    assert given["match"]["resourceRules"][0].items() >= sent["match"]["resourceRules"][0].items()
    user = yaml.safe_load(watched("auth", "whoami", "-o", "yaml").out)
    assert given["owner"] == user["status"]["userInfo"]["username"]

    def excused() -> bool:
        said = watched.auditor("findings", "databasecluster/carts", "--policy", rule, "-o", "json")
        rows = orjson.loads(said.out)["findings"]
        return said.code == 0 and [each["result"] for each in rows] == ["skip"]

    wait(excused, 20, lambda: watched.auditor("findings", "databasecluster/carts").out)
    again = watched.auditor(*words)
    assert (again.code, "give another --name" in again.err) == (2, True)
    elsewhere = watched.auditor("except", "databasecluster/orders", rule, *words[3:], "--dry-run")
    assert (elsewhere.code, "no finding of" in elsewhere.err) == (0, True)


def test_tab(watched: Terminal) -> None:
    def offered(*words: str) -> list[str]:
        return [line.partition("\t")[0] for line in watched("__complete", "auditor", *words).out.splitlines()]

    assert offered("find") == ["findings", ":4"]
    assert offered("scan", "-o", "s") == ["sarif", ":4"]
    assert offered("findings", "databasecl") == [KIND, ":4"]
    assert offered("impact", "") == [":0"]
