"""Every command in the README and the pages as it stands there, but for those that tests/unit/docs/commands.py gives to
another test, or tells why nobody can run them."""

import contextlib
import logging
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import pytest
import yaml
from click.testing import CliRunner

from auditor.cli.frame import auditor
from auditor.errors import AuditorError
from auditor.sandbox import Sandbox
from tests.unit.docs.commands import list_to_run
from tests.unit.docs.pages import ROOT, Block

CODES: Final = {
    "auditor scan manifests/ --policies policies/": 1,
    "auditor scan manifests/ --policies policies/ -o table -o sarif=out.sarif -o junit=out.xml": 1,
    "kustomize build . | auditor scan - --policies policies/": 1,
    "auditor explain quorum manifests/db.yaml --policies policies/": 1,
    "auditor fix manifests/ --policies policies/ --diff": 1,
    "auditor report --framework SOC2 --period 2026-Q3 --fail-under 95 --require-complete": 3,  # nobody watched then
    "auditor explain databasecluster-quorum bad.yaml": 1,
    "auditor fix gadgets/ --policies policies/ --diff": 1,
    "auditor scan gadgets/ --policies policies/ --crds crds/": 1,
    "auditor explain gadget-replicas gadgets/large.yaml --policies policies/ --crds crds/": 1,
    "auditor scan gadgets/ --policies policies/": 1,
    "auditor test policies": 1,
    "auditor scan manifests/ --policies native.yaml": 1,
    "auditor scan --cluster --context staging --as jane": 3,  # she may read nothing
    "auditor impact --crd new.yaml": 0,
}
"""Where something is found, which is what the page is about, or missing; all others end with 0."""

AFTERWARDS: Final = {"docs/packs.md": "auditor packs remove myservice"}
"""It looks up kinds of a pack that is not installed, which other pages would be told of as missing."""

RUN: Final = list_to_run()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in socks]


@dataclass(frozen=True, slots=True)
class World:
    cluster: Sandbox
    home: Path
    tools: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("AUDITOR", "XDG"))}
        mine = {"HOME": str(self.home), "KUBECONFIG": str(self.home / "config")}
        return {**kept, **mine, "PATH": f"{self.tools}:{os.environ['PATH']}", "COLUMNS": "120"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A cluster as after `auditor run --install`, with a Deployment for each part, in which nothing runs."""
    home = tmp_path_factory.mktemp("home")
    tools = home / "bin"
    tools.mkdir()
    with Sandbox.start(f"pages-{os.getpid()}", owner=os.getpid()) as cluster:
        (tools / "kubectl").symlink_to(cluster.record.programs["kubectl"])
        (tools / "auditor").symlink_to(Path(sys.executable).parent / "auditor")
        (tools / "kustomize").write_text("#!/bin/sh\ncat manifests/db.yaml\n")
        (tools / "kustomize").chmod(0o755)
        (home / "config").write_text(with_staging(cluster.kubeconfig.read_text()))
        world = World(cluster, home, tools)
        for name in ("shop", "billing"):
            cluster.kubectl("create", "namespace", name)
        with serve(world):
            for part in ("webhook", "watch"):
                cluster.kubectl("-n", "auditor-system", "create", "deployment", f"auditor-{part}", "--image=none")
            cluster.kubectl("apply", "-f", "-", stdin=WIDGETS)
            cluster.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com")
            cluster.kubectl("apply", "-f", "-", stdin=POLICY.replace("NAME", "sizes"))
            deadline = time.monotonic() + 60
            while (told := run(world, "auditor status | cat"))[0]:  # in a shell
                assert time.monotonic() < deadline, told[1]
            yield world


def with_staging(kubeconfig: str) -> str:
    """The same cluster by another context."""
    config = yaml.safe_load(kubeconfig)
    config["contexts"].append({**config["contexts"][0], "name": "staging"})
    text: str = yaml.safe_dump(config)
    return text


@contextlib.contextmanager
def serve(world: World) -> Iterator[None]:
    listen, door, watcher = free_ports(3)
    command = [sys.executable, "-m", "auditor", "run", "--install", "--listen", f"127.0.0.1:{listen}"]
    command += ["--url", f"https://127.0.0.1:{listen}", "--door-operations", f"127.0.0.1:{door}"]
    command += ["--watch-operations", f"127.0.0.1:{watcher}"]
    environment = {**world.environment, "AUDITOR_WEBHOOK_DRAIN": "0.2"}
    log = world.home / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=world.home, stdin=subprocess.DEVNULL, stderr=file, env=environment)
    try:
        deadline, pause = time.monotonic() + 120, threading.Event()
        while world.cluster.kubectl("get", "validatingwebhookconfiguration", "auditor", check=False).returncode:
            assert time.monotonic() < deadline, log.read_text()
            pause.wait(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


WIDGETS: Final = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
POLICY: Final = """
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: NAME}
spec:
  match: {resourceRules: [{apiGroups: [example.com], apiVersions: [v1], resources: [widgets], operations: [CREATE]}]}
  rules: [{name: odd, cel: object.spec.size % 2 == 1, message: the size must be odd}]
  mutate: [{name: class, jq: '.spec.class //= "standard"'}]
  enforcement: Deny
"""
WIDGET: Final = """
apiVersion: example.com/v1
kind: Widget
metadata: {name: db, namespace: shop}
spec:
  size: 4
"""


GADGETS: Final = WIDGETS.replace("widget", "gadget").replace("Widget", "Gadget")
GADGET: Final = """\
apiVersion: example.com/v1
kind: Gadget
metadata: {name: one}
spec:
  image: registry.example.com/one:1
  size: SIZE
"""
COMMENTED: Final = """\
apiVersion: example.com/v1
kind: Gadget
metadata:
  name: one
spec:
  # the size
  size: 5  # five
"""
LARGER: Final = """
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: larger}
spec:
  match: {resourceRules: [{apiGroups: [example.com], apiVersions: [v1], resources: [gadgets], operations: [CREATE]}]}
  mutate: [{name: size, jq: '.spec.size = 7 | .spec.class = "standard"'}]
"""
ORDERS: Final = """\
apiVersion: db.auditor.dev/v1
kind: DatabaseCluster
metadata: {name: orders, namespace: shop}
spec: {replicas: 5, zones: [a, b]}
"""


def yaml_of(page: str) -> str:
    """What it shows first."""
    return (ROOT / page).read_text().partition("```yaml\n")[2].partition("```")[0]


def files_of(page: str) -> dict[str, str]:
    """What the commands name: manifests with something wrong in them, policies with a case, a candidate, a log."""
    files = {
        "policies/quorum.yaml": POLICY.replace("NAME", "quorum"),
        "policies/tests/fail.odd.yaml": WIDGET,
        "manifests/db.yaml": WIDGET,
        "apps/web/db.yaml": WIDGET.replace("size: 4", "size: 5"),
        "new.yaml": POLICY.replace("NAME", "new"),
        "candidate.yaml": POLICY.replace("NAME", "candidate"),
        "decisions.jsonl": "",
    }
    if page == "docs/scan-cluster.md":
        return {**files, "new.yaml": WIDGETS}
    if page == "docs/explain.md":
        return {"bad.yaml": ORDERS, "gadgets/one.yaml": COMMENTED, "policies/larger.yaml": LARGER}
    if page == "docs/policies.md":
        cases = {f"policies/gadgets/tests/{name}.yaml": GADGET.replace("SIZE", "5") for name in ("pass", "fail.odd")}
        return {
            "gadgets/one.yaml": GADGET.replace("SIZE", "4"),
            "policies/gadgets/policies.yaml": yaml_of(page),
            "policies/gadgets/crd.yaml": GADGETS,
            **cases,
        }
    if page == "docs/native-policies.md":
        crds = GADGETS, GADGETS.replace("gadget", "gadgetlimit").replace("Gadget", "GadgetLimit")
        large = {"gadgets/large.yaml": GADGET.replace("size: SIZE", "replicas: 9")}
        return {"policies/all.yaml": yaml_of(page), "crds/all.yaml": "---".join(crds), **large}
    if page == "docs/migration.md":
        return {**files, "native.yaml": POLICY.replace("NAME", "native")}
    return files


def make_place(place: Path, page: str) -> None:
    for name, text in files_of(page).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)


def steady(text: str) -> list[str]:
    return [re.sub(r"[\d.]+ ms$", "0 ms", line.rstrip()) for line in text.splitlines()]


def run(world: World, command: str) -> tuple[int, str]:
    """One that is ours alone runs in this process, all others in a shell."""
    if command.startswith("auditor ") and not re.search(r"[|<>$]", command):
        done = CliRunner().invoke(auditor, shlex.split(command)[1:], standalone_mode=False)
        if done.exception is None:
            return int(done.return_value or 0), done.output
        if isinstance(done.exception, AuditorError | click.ClickException):
            return done.exception.exit_code, f"{done.output}\n{done.exception}"
        raise done.exception
    shell = ["bash", "-euo", "pipefail", "-c", command]
    ended = subprocess.run(shell, env=world.environment, capture_output=True, text=True, check=False, timeout=100)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.timeout(600)  # 80 commands, some of which read or write a whole cluster: a minute on a free machine
def test_each_command_of_each_page(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One test, as all share the cluster, and what one page installs others patch, judge and remove."""
    for name, text in world.environment.items():
        monkeypatch.setenv(name, text)
    handlers, level = logging.root.handlers[:], logging.root.level
    wrong = []
    try:
        for page in dict.fromkeys(block.page for block, _ in RUN):
            place = tmp_path / page.replace("/", "-")
            make_place(place, page)
            monkeypatch.chdir(place)
            for block, command in RUN:
                if block.page == page:
                    wrong += try_one(world, block, command)
            assert run(world, AFTERWARDS.get(page, "true"))[0] == 0
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    assert not wrong, "\n\n".join(wrong)


def try_one(world: World, block: Block, command: str) -> list[str]:
    """What is wrong with it."""
    code, said = run(world, command.replace(" PACK", " databasecluster"))
    shown = steady(block.text)[1:] if block.language == "console" else []
    missing = set(shown) - set(steady(said))
    if code == CODES.get(command, 0) and not missing:
        return []
    return [f"{block.name}: {command}: {code}, missing {sorted(missing)}\n{said[-600:]}"]
