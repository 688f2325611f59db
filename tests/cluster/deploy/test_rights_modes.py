"""The ways to run it that the chart does not choose, with the rights that `auditor rbac` writes for them and no others:
--without-chart, --report-crds, reports of wgpolicyk8s.io, --crd-impact, --objects, and a dashboard with an account of
its own. What these add is used, and nothing is refused.
"""

import contextlib
import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import orjson
import pytest
import yaml

from auditor import crds
from auditor.cli.rbac.installed import Installed
from auditor.cli.rbac.parts import RUNNING, Release, make_parts
from auditor.cluster import Client, Resource, Settings, connect
from auditor.cluster.resource import CRDS
from auditor.engine.read import read_policy
from auditor.intake.reach import read_custom
from auditor.json import JsonObject
from auditor.model.rights import Atom
from auditor.model.settings import ReportApi
from auditor.report.crs.forms import FORMS
from auditor.sandbox import Sandbox
from tests.cluster.audit.conftest import CONFIGS, POLICIES
from tests.cluster.audit.running import Watch
from tests.cluster.deploy.rights_audit import Log, show
from tests.cluster.deploy.rights_job import HUGE, JARS, LISTS, NAMESPACE, ODD, SITES, make_crd, make_object, make_policy
from tests.cluster.deploy.workloads import ROOT, free_port, wait
from tests.cluster.webhooks.serving.running import Program

ACCOUNTS = {part: f"auditor-{part}" for part in RUNNING}
MODES = ("--without-chart", "--report-crds", "--crd-impact", "--objects")
THINGS = {JARS: make_object(JARS, "one"), SITES: make_object(SITES, "one")}
MUTATION: JsonObject = {"name": "size", "jq": ".spec.size //= 1"}
"""For which the dashboard reads CRDs."""
POLICIES_THERE = [
    make_policy(f"{kind.plural}-{rule['name']}", rule, resource=kind, mutate=mutate)
    for kind in THINGS
    for rule, mutate in ((ODD, [MUTATION]), (HUGE, []))
]
CRDS_THERE = [make_crd(kind) for kind in THINGS]
REPORTS = {
    kind: Resource(each.group, each.version, each.plural, each.kind, namespaced=each.namespaced)
    for kind, each in zip(THINGS, FORMS[ReportApi.WGPOLICY], strict=True)
}
REPAIRED = {Atom("get", each.group, each.plural) for each in REPORTS.values()}
"""Of a report that has lost its label, which the job of the chart has for the other API: it is the same code."""
HOST = "auditor.example.com"


def list_added() -> dict[str, set[Atom]]:
    """By part, what it has more than in the way of the chart. The dashboard's are all its own."""
    installed = Installed(
        policies=[read_policy(each) for each in POLICIES_THERE], customs=[read_custom(each) for each in CRDS_THERE]
    )
    plain = Release(accounts=ACCOUNTS, reports=frozenset({ReportApi.OPENREPORTS}))
    chosen = Release(
        accounts=ACCOUNTS,
        reports=frozenset({ReportApi.WGPOLICY}),
        report_crds=True,
        crd_impact=True,
        objects=True,
        brought=False,
    )

    def atoms(release: Release) -> dict[str, set[Atom]]:
        parts = make_parts(RUNNING, release, installed)
        return {part.name: {atom for right in part.rights for atom in right.atoms()} for part in parts}

    found, known = atoms(chosen), atoms(plain)
    return {part: found[part] - (known[part] if part != "dashboard" else set()) - REPAIRED for part in RUNNING}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log.make(tmp_path)


@pytest.fixture
def sandbox(log: Log) -> Iterator[Sandbox]:
    name = f"modes-{os.getpid()}"
    with Sandbox.start(name, owner=os.getpid(), api_server_arguments=(*log.arguments, LISTS)) as sandbox:
        yield sandbox


@pytest.mark.timeout(200)
def test_what_these_ways_add_is_used(sandbox: Sandbox, log: Log, tmp_path: Path) -> None:
    client = connect(Settings(kubeconfig=str(sandbox.kubeconfig), qps=2000, burst=2000))
    with client.transport, contextlib.ExitStack() as running:
        prepare(sandbox, client)
        found = auditor(sandbox, "rbac", *MODES)
        assert found.returncode == 0, found.stderr
        sandbox.kubectl("apply", "-f", "-", stdin=found.stdout)
        checked = auditor(sandbox, "rbac", "--check", *MODES)
        assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout

        kubeconfigs = {part: sandbox.service_account_kubeconfig(NAMESPACE, name) for part, name in ACCOUNTS.items()}
        history = f"sqlite:///{tmp_path}/history.db"
        watcher = Watch(kubeconfigs["watch"], "--report-crds", "--database-url", history)
        running.callback(watcher.kill)
        options = ("--namespace", NAMESPACE, "--owner", "ClusterRole/auditor-webhook", "--crd-impact", "warn")
        door = Program(kubeconfigs["webhook"], *options, port=free_port())
        running.callback(door.stop)
        watcher.wait_ready()
        door.wait_ready()

        for size, results in ((2, 1), (200, 2), (3, 0), (4, 1)):
            for kind, thing in THINGS.items():
                client.apply(kind, {**thing, "spec": {"size": size}}, force=True)
            wait(partial(holds, client, results), why=lambda: watcher.text[-3000:])
        for kind in THINGS:
            tighten(sandbox, door, kind)
        look(sandbox, kubeconfigs["dashboard"], history, running)

        added = list_added()
        assert all(added.values())
        idle = {
            part: show(atom for atom in atoms if not any(atom.covers(each) for each in log.used(ACCOUNTS[part])))
            for part, atoms in added.items()
        }
        assert idle == dict.fromkeys(RUNNING, "")
        assert {part: log.refused(ACCOUNTS[part]) for part in RUNNING} == {part: set() for part in RUNNING}


def prepare(sandbox: Sandbox, client: Client) -> None:
    """What whoever goes without the chart makes by hand."""
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (NAMESPACE, "shop")]
    accounts = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}
        for name in ACCOUNTS.values()
    ]
    own = [yaml.safe_load(crds.read(name)) for name in crds.names()]
    sandbox.kubectl("create", "-f", "-", stdin=yaml.safe_dump_all([*namespaces, *accounts, *own, *CRDS_THERE]))
    sandbox.kubectl("wait", "--for=condition=Established", "crd", "--all")
    spec = {"reports": {"api": "wgpolicyk8s"}}
    config = {"apiVersion": CONFIGS.api_version, "kind": CONFIGS.kind, "metadata": {"name": "default"}, "spec": spec}
    client.apply(CONFIGS, config, force=True)
    for each in POLICIES_THERE:
        client.apply(POLICIES, each, force=True)


def auditor(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "auditor", *arguments, "--kubeconfig", str(sandbox.kubeconfig)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def holds(client: Client, results: int) -> bool:
    """So many in the reports of each kind, whose CRDs are there by now; errors come and go on a busy machine."""
    there = {each["metadata"]["name"] for each in client.list(CRDS)}
    return all(
        reports.name in there
        and [row["result"] for each in client.list(reports) for row in each["results"]].count("fail") == results
        for reports in REPORTS.values()
    )


def tighten(sandbox: Sandbox, door: Program, kind: Resource) -> None:
    """A CRD for which the object that is there is too small. The webhook lists the kind to say so."""
    narrow = make_crd(kind)
    version = narrow["spec"]["versions"][0]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"] = {
        "size": {"type": "integer", "minimum": 5}
    }

    def warned() -> bool:
        done = sandbox.kubectl("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(narrow))
        return "1 object, v1: spec.size: would be invalid" in done.stderr

    wait(warned, why=lambda: door.text[-3000:])


def look(sandbox: Sandbox, kubeconfig: Path, history: str, running: contextlib.ExitStack) -> None:
    """At the findings of each object, as somebody who may see these and their policies; and as one of a namespace."""
    kubectl = sandbox.kubectl
    seen = ",".join(("policies", *(each.plural for each in (*THINGS, *REPORTS.values()))))
    kubectl("create", "serviceaccount", "visitor", "-n", "shop")
    kubectl("create", "clusterrole", "visitor", "--verb=get,list", f"--resource={seen}")
    kubectl("create", "clusterrolebinding", "visitor", "--clusterrole=visitor", "--serviceaccount=shop:visitor")
    kubectl("create", "serviceaccount", "local", "-n", "shop")
    kubectl("create", "rolebinding", "local", "-n", "shop", "--clusterrole=visitor", "--serviceaccount=shop:local")
    token, local = (kubectl("create", "token", each, "-n", "shop").stdout.strip() for each in ("visitor", "local"))
    port = free_port()
    options = ("--listen", f"127.0.0.1:{port}", "--database-url", history, "--report-group", "wgpolicyk8s.io")
    access = ("--access", "token", "--public-url", f"http://{HOST}")
    command = [sys.executable, "-m", "auditor", "dashboard", *options, *access, "--kubeconfig", str(kubeconfig)]
    program = subprocess.Popen(command, cwd=ROOT)
    running.callback(program.wait, 20)
    running.callback(program.terminate)

    def ask(path: str, token: str = token) -> JsonObject:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("GET", f"/api/v1{path}", headers={"Host": HOST, "Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            found: JsonObject = orjson.loads(text)
            return found

    def list_findings() -> list[JsonObject]:
        try:
            found: list[JsonObject] = ask("/findings")["findings"]
        except OSError:
            return []
        return found

    wait(lambda: len(list_findings()) == len(THINGS))
    for each in list_findings():
        assert "/spec/size" in str(ask(f"/findings/{each['fingerprint']}"))
    (finding,) = ask("/findings", local)["findings"]
    assert finding["namespace"] == "shop"
