"""`auditor run` as somebody with a laptop has it: one command, what is bad is refused or reported, nothing stays."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil
import pytest

from auditor import crds
from auditor.json import JsonObject
from auditor.sandbox import Sandbox

ROOT = Path(__file__).parents[3]
SECONDS = 40.0
GROUP = "example.com"
REPORTED = "jsonpath={range .items[*]}{.scope.name} {.results[*].policy}{'\\n'}{end}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sandbox]:
    """Webhooks reach the whole of a cluster, so it is one of its own."""
    with Sandbox.start(f"run-{os.getpid()}", owner=os.getpid()) as sandbox:
        yield sandbox


def wait(holds: Callable[[], bool], why: Callable[[], str] = lambda: "", seconds: float = SECONDS) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, why()
        pause.wait(0.05)


def free_ports(count: int) -> list[int]:
    """One after the other; nobody else had them a moment ago."""
    for first in range(20000 + os.getpid() % 5000, 60000, count):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return list(range(first, first + count))
    raise AssertionError("no free ports")


class Run:
    """In a session of its own, so that a terminal's Ctrl-C can be played, and what stays behind is found."""

    def __init__(self, cluster: Sandbox, folder: Path, *options: str, workers: int = 1) -> None:
        self.listen, *self.doors, self.watcher = free_ports(workers + 2)
        command = [sys.executable, "-m", "auditor", "-v", "run", "--kubeconfig", str(cluster.kubeconfig)]
        command += ["--listen", f"127.0.0.1:{self.listen}", "--url", f"https://127.0.0.1:{self.listen}"]
        command += ["--door-operations", f"127.0.0.1:{self.doors[0]}", "--workers", str(workers)]
        command += ["--database-url", f"sqlite:///{folder / 'history.db'}", *options]
        environment = {**os.environ, "AUDITOR_WEBHOOK_DRAIN": "0.2"}
        self._log = folder / "log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=log, env=environment, start_new_session=True
            )

    @property
    def text(self) -> str:
        return self._log.read_text()[-6000:]

    def family(self) -> list[psutil.Process]:
        """All of the session, also those whose parents have gone."""
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getsid(each.pid) == self.process.pid and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
        return found

    def child(self, command: str) -> psutil.Process:
        return next(
            each
            for each in psutil.Process(self.process.pid).children()
            if command in each.cmdline() and "auditor.cli.run.leash" in each.cmdline()
        )

    def get(self, port: int, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError as error:
            return 0, str(error)
        finally:
            connection.close()

    def wait_ready(self) -> None:
        def unready() -> str:
            found = {port: self.get(port, "/readyz") for port in (*self.doors, self.watcher)}
            return "\n".join(f"{port}: {told}" for port, told in found.items() if told[0] != 200)

        wait(lambda: not unready(), lambda: f"{unready()}\n{self.text}")

    def end(self, seconds: float = 20.0) -> int:
        return self.process.wait(seconds)

    def clean(self) -> None:
        for each in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        self.process.wait()


Start = Callable[..., Run]


@pytest.fixture
def start(cluster: Sandbox, tmp_path: Path) -> Iterator[Start]:
    found: list[Run] = []

    def launch(*options: str, workers: int = 1) -> Run:
        found.append(Run(cluster, tmp_path, *options, workers=workers))
        return found[-1]

    yield launch
    for each in found:
        each.clean()
    cluster.kubectl("delete", "validatingwebhookconfiguration,mutatingwebhookconfiguration", "--all")


def thing_crd() -> JsonObject:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def thing(name: str, replicas: int) -> JsonObject:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": metadata, "spec": {"replicas": replicas}}


def policy() -> JsonObject:
    matched = {"apiGroups": [GROUP], "apiVersions": ["*"], "resources": ["things"], "operations": ["CREATE", "UPDATE"]}
    rule = {"name": "odd", "cel": "object.spec.replicas % 2 == 1", "message": "must be odd"}
    spec = {"enforcement": "Deny", "match": {"resourceRules": [matched]}, "rules": [rule]}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": "quorum"}, "spec": spec}


def put(cluster: Sandbox, *things: JsonObject) -> None:
    for each in things:
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin=orjson.dumps(each).decode())


def create(cluster: Sandbox, thing: JsonObject, *options: str) -> str:
    """What was said against it."""
    return cluster.kubectl("create", "-f", "-", *options, stdin=orjson.dumps(thing).decode(), check=False).stderr


def run_briefly(cluster: Sandbox, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "auditor", "run", "--kubeconfig", str(cluster.kubeconfig), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.timeout(120)
def test_from_an_empty_cluster_to_a_refusal_and_a_report(cluster: Sandbox, start: Start) -> None:
    told = run_briefly(cluster, "--url", "https://127.0.0.1:8443")
    assert told.returncode == 2
    assert "customresourcedefinitions/policies.auditor.dev" in told.stderr
    assert "namespaces/auditor-system missing. `auditor run --install` creates" in told.stderr

    # With our CRDs alone it says what else is missing.
    for name in crds.names():
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin=crds.read(name))
    told = run_briefly(cluster, "--url", "https://127.0.0.1:8443")
    assert told.returncode == 2
    assert "wholly: namespaces/auditor-system missing" in told.stderr

    put(cluster, thing_crd())
    cluster.kubectl("wait", "--for=condition=Established", "crd", f"things.{GROUP}")
    assert create(cluster, thing("old", 4)) == ""
    run = start("--install")
    run.wait_ready()
    put(cluster, policy())
    wait(lambda: "must be odd" in create(cluster, thing("new", 2), "--dry-run=server"), lambda: run.text)
    assert "must be odd" in create(cluster, thing("new", 2))
    assert create(cluster, thing("good", 3)) == ""

    def reported() -> str:
        found = cluster.kubectl("get", "reports.openreports.io", "-A", "-o", REPORTED, check=False)
        return f"{found.stdout}{found.stderr}"

    wait(lambda: "old quorum\n" in reported(), lambda: f"{reported()}\n{run.text}")
    wait(
        lambda: 'auditor_audit_doors{answers="yes"} 1.0' in run.get(run.watcher, "/metrics")[1],
        lambda: run.get(run.watcher, "/metrics")[1][-3000:],
    )
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end() == 0, run.text
    assert run.family() == []


@pytest.mark.timeout(60)
def test_several_workers_and_the_watcher_have_ports_of_their_own(cluster: Sandbox, start: Start) -> None:
    run = start("--install", workers=2)
    run.wait_ready()
    wait(
        lambda: 'auditor_audit_doors{answers="yes"} 2.0' in run.get(run.watcher, "/metrics")[1],
        lambda: run.get(run.watcher, "/metrics")[1][-3000:],
    )
    run.process.terminate()
    assert run.end() == 0, run.text
    assert run.family() == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("victim", ["webhook", "watch", "run"])
def test_killed_nothing_stays(cluster: Sandbox, start: Start, victim: str) -> None:
    run = start("--install", "--no-report-crds")
    run.wait_ready()
    if victim == "run":
        run.process.kill()
        assert run.end() == -signal.SIGKILL
    else:
        run.child(victim).kill()
        assert run.end() == 3, run.text
        assert f"auditor {victim} has ended by itself, with signal SIGKILL" in run.text
    wait(lambda: run.family() == [], lambda: f"{[each.cmdline() for each in run.family()]}\n{run.text}", 30)
