"""Secrets in a whole cluster: door, watcher, dashboard and commands use them, and none of them is told anywhere.

The same objects hold what acts on a terminal or in a page: nothing of that does.
"""

import base64
import contextlib
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest
import yaml

from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.history.conftest import create_database, make_server
from tests.cluster.observability.test_observed import free_ports, get
from tests.security.making import CRD, policy, shop
from tests.security.test_objects import ACTS, EVIL
from tests.security.test_secrets import FORMATS
from tests.unit.cli.binary import AUDITOR, environment
from tests.unit.report.delivery.receivers import WebServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

OURS, SHOP = "auditor-system", "shop"
SECONDS = 150.0
PASSWORD, ANNOTATED, PLAIN = "c4nary-of-a-field", "c4nary-of-an-annotation", "c4nary-of-a-sensitive-rule"
LOOKED_UP, PATH, HEADER, SIGNING = "c4nary-looked-up", "c4nary-path", "c4nary-header", "c4nary-signing"
DATABASE, VARIABLE = "c4nary-of-the-database", "c4nary-of-the-environment"

REFUSED = ("the URL of a webhook is none", "the value of a header has several lines")

RULES: Mapping[str, JsonObject] = {
    "number": {"jq": ".spec.password | tonumber > 1"},
    "thrown": {"jq": ".spec.password | error"},
    "time": {"cel": "timestamp(object.spec.password) > timestamp('2020-01-01T00:00:00Z')"},
    "shape": {"schema": {"properties": {"spec": {"properties": {"password": {"maxLength": 3}}}}}},
    "hidden": {"deny": ".spec.plain", "sensitive": True},
    "compared": {"jq": ". as $me | [$lookups.keys[] | .data.key] | any(. == $me.spec.password)"},
    "hostile": {"deny": '{message: .spec.text, path: "/spec/text"}', "remediation": EVIL.replace("\x00", "")},
}


@dataclass
class World:
    cluster: Sandbox
    folder: Path
    database: str
    receiver: WebServer
    door: int
    watcher: int
    dashboard: int
    token: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, **more: str) -> None:
        command = [AUDITOR, "-vv", "--log-format", "json", *arguments]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=log, stdout=log, env=environment(SOME=VARIABLE, **more)
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def kubectl(self, *arguments: str, thing: JsonObject | None = None) -> str:
        stdin = None if thing is None else json.dumps(thing)
        done = self.cluster.kubectl(*arguments, stdin=stdin, check=False)
        return done.stdout + done.stderr

    def wait(self, holds: Callable[[], object]) -> None:
        until, pause = time.monotonic() + SECONDS, threading.Event()
        while not holds():
            assert time.monotonic() < until, f"{reports(self)[-3000:]}\n{statuses(self)[-5000:]}"
            pause.wait(0.1)

    def visit(self, path: str) -> tuple[int, str]:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.dashboard}{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def run(self, *arguments: str, **more: str) -> str:
        done = subprocess.run(
            [AUDITOR, "-vv", *arguments],
            cwd=self.folder,
            env=environment(KUBECONFIG=str(self.kubeconfig), SOME=VARIABLE, **more),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        return done.stdout + done.stderr

    @property
    def kubeconfig(self) -> Path:
        return self.cluster.service_account_kubeconfig(OURS, "mighty")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="auditor-pg-")))
        place.chmod(0o755)
        server = make_server(place / "server")
        stack.callback(server.stop, "immediate")
        database = create_database(server).replace("://auditor@", f"://auditor:{DATABASE}@")
        cluster = stack.enter_context(Sandbox.start(f"canaries-{os.getpid()}", owner=os.getpid()))
        for each in (OURS, SHOP):
            cluster.kubectl("create", "namespace", each)
        cluster.kubectl("create", "serviceaccount", "mighty", "-n", OURS)
        cluster.kubectl(
            "create", "clusterrolebinding", "mighty", "--clusterrole=cluster-admin", f"--serviceaccount={OURS}:mighty"
        )
        listen, door, watcher, dashboard = free_ports(4)
        receiver = stack.enter_context(WebServer())
        kubeconfig = yaml.safe_load(cluster.service_account_kubeconfig(OURS, "mighty").read_text())
        token = kubeconfig["users"][0]["user"]["token"]
        folder = tmp_path_factory.mktemp("canaries")
        world = World(cluster, folder, database, receiver, door, watcher, dashboard, token)
        try:
            fill(world, listen)
            yield world
        finally:
            for process in world.processes.values():
                process.terminate()
            for process in world.processes.values():
                process.wait(90)


def fill(world: World, listen: int) -> None:
    """Until findings are reported, told and shown."""
    world.start(
        *("run", "run", "--install", "--kubeconfig", str(world.kubeconfig), "--listen", f"127.0.0.1:{listen}"),
        *("--url", f"https://127.0.0.1:{listen}", "--door-operations", f"127.0.0.1:{world.door}"),
        *("--watch-operations", f"127.0.0.1:{world.watcher}"),
        AUDITOR_RUN_DATABASE_URL=world.database,
        AUDITOR_WEBHOOK_DECISION_LOG=str(world.folder / "decisions.log"),
        AUDITOR_WEBHOOK_DECISION_LOG_SHARE="1",
        AUDITOR_WEBHOOK_REDACT="/spec/plain",
        AUDITOR_WEBHOOK_DRAIN="0.2",
    )
    for port in (world.door, world.watcher):
        world.wait(lambda port=port: get(port, "/readyz")[0] == 200)  # type: ignore[misc]
    world.kubectl("apply", "-f", "-", thing=CRD)
    world.kubectl("wait", "--for=condition=Established", "crd", "shops.example.com")
    keys = secret(SHOP, "keys", key=LOOKED_UP)
    world.kubectl("apply", "-f", "-", thing=keys)
    url = f"{world.receiver.url}/{PATH}"
    world.kubectl("apply", "-f", "-", thing=secret(OURS, "chat", url=url, token=f"Bearer {HEADER}", key=SIGNING))
    for name, broken in {"url": {"url": f"{url} x"}, "header": {"token": f"Bearer {HEADER}\nX: y"}}.items():
        given = secret(OURS, name, **{"url": url, "token": f"Bearer {HEADER}", **broken})
        world.kubectl("apply", "-f", "-", thing=given)
        world.kubectl("apply", "-f", "-", thing=notification(name, name))
    world.kubectl("apply", "-f", "-", thing=notification("told", "chat"))
    world.wait(lambda: statuses(world).count("Listening") == 3)
    lookups: list[JsonObject] = [
        {"name": "keys", "resource": {"group": "", "resource": "secrets"}, "namespace": "same"}
    ]
    for name, rule in RULES.items():
        more = {"lookups": lookups} if "$lookups" in str(rule) else {}
        made = policy(name, rule, enforcement="Audit", **more)
        assert "created" in world.kubectl("create", "-f", "-", thing=made)
    assert "created" in world.kubectl("create", "-f", "-", thing=policy("door", RULES["shape"], enforcement="Deny"))
    thing = shop("one", SHOP, password=PASSWORD, plain=PLAIN, text=EVIL.replace("\x00", ""))
    thing["metadata"]["annotations"] = {"note": "x"}
    world.wait(lambda: "door/r0" in world.kubectl("create", "--dry-run=server", "-f", "-", thing=thing))
    world.kubectl("delete", "policy", "door")
    thing["metadata"]["annotations"] = {"example.com/token": ANNOTATED}
    world.wait(lambda: "shop.example.com/one" in world.kubectl("apply", "-f", "-", thing=thing))
    world.wait(lambda: set(RULES) <= set(re.findall(r"policy: (\w+)", reports(world))))
    world.wait(lambda: world.receiver.posts)
    world.wait(lambda: all(each in statuses(world) for each in REFUSED))
    world.start(
        *("dashboard", "dashboard", "--listen", f"127.0.0.1:{world.dashboard}", "--access", "token"),
        *("--public-url", f"http://127.0.0.1:{world.dashboard}", "--kubeconfig", str(world.kubeconfig)),
        AUDITOR_DASHBOARD_DATABASE_URL=world.database,
    )
    world.wait(lambda: "thrown" in world.visit("/api/v1/findings")[1])


def secret(namespace: str, name: str, **data: str) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": data,
    }


def notification(name: str, source: str) -> JsonObject:
    said = {"urlFrom": {"secret": source, "key": "url"}}
    more: JsonObject = {"headers": [{"name": "Authorization", "valueFrom": {"secret": source, "key": "token"}}]}
    if source == "chat":
        more["signing"] = {"secret": source, "key": "key"}
    spec = {
        "scope": {"severity": "low"},
        "groupWait": "1s",
        "interval": "10s",
        "deliveries": [{"name": "chat", "webhook": {**said, **more}}],
    }
    return {"apiVersion": "auditor.dev/v1", "kind": "Notification", "metadata": {"name": name}, "spec": spec}


def reports(world: World) -> str:
    return world.kubectl("get", "reports.openreports.io,clusterreports.openreports.io", "-A", "-o", "yaml")


def statuses(world: World) -> str:
    kinds = "policies,notifications,auditconfigs,policyexceptions"
    listed = json.loads(world.cluster.kubectl("get", kinds, "-A", "-o", "json").stdout)["items"]
    return "\n".join(json.dumps(each.get("status")) for each in listed)


@pytest.fixture(scope="module")
def canaries(world: World) -> dict[str, str]:
    """As they are, and how Secrets hold them."""
    found = {each: each for each in (PASSWORD, ANNOTATED, PLAIN, LOOKED_UP, PATH, HEADER, SIGNING, DATABASE, VARIABLE)}
    found["token of the account"] = world.token.rpartition(".")[2]
    listed = json.loads(world.cluster.kubectl("get", "secrets", "-n", OURS, "-o", "json").stdout)["items"]
    for each in listed:
        for name, value in each["data"].items():
            text = base64.b64decode(value).decode()
            if "PRIVATE KEY" in text:
                found[f"{each['metadata']['name']}/{name}"] = text.splitlines()[2]
    assert any("/" in name for name in found)  # those of the certificates of the door
    return found


@pytest.fixture(scope="module")
def told(world: World) -> dict[str, str]:
    """All that anybody sees, by where."""
    arguments = [
        " ".join(each.cmdline())
        for process in world.processes.values()
        for each in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True))
        if each.status() != psutil.STATUS_ZOMBIE
    ]
    texts = {"arguments": "\n".join(arguments), "reports": reports(world), "statuses": statuses(world)}
    texts["events"] = world.kubectl("get", "events", "-A", "-o", "yaml")
    texts["leases"] = world.kubectl("get", "leases", "-A", "-o", "yaml")
    registered = "validatingwebhookconfigurations,mutatingwebhookconfigurations"
    texts["registration"] = world.kubectl("get", registered, "-o", "yaml")
    texts["decision log"] = (world.folder / "decisions.log").read_text()
    for port in (world.door, world.watcher):
        for path in ("/metrics", "/healthz", "/readyz", "/decisions", "/"):
            texts[f"{path} of {'door' if port == world.door else 'watcher'}"] = get(port, path)[1]
    with psycopg.connect(world.database) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            rows = connection.execute(f"select * from {table}".encode()).fetchall()  # noqa: S608
            texts[f"table {table}"] = "\n".join(map(repr, rows))
    texts |= {f"command: {' '.join(each)}": world.run(*each) for each in COMMANDS}
    texts |= {f"format {each}": (world.folder / f"out.{each}").read_text() for each in FORMATS}
    texts["wrong database"] = world.run("report", AUDITOR_REPORT_DATABASE_URL=world.database + "-none")
    texts["report"] = world.run("report", "--period", "1d", AUDITOR_REPORT_DATABASE_URL=world.database)
    for path in PAGES:
        status, texts[f"page {path}"] = world.visit(path)
        assert status == 200, path
    for path in shown(world):
        status, texts[f"page {path}"] = world.visit(path)
        assert status == 200, path
    texts["wrong token"] = world.visit("/?token=x")[1]
    texts |= {name: world.log(name) for name in world.processes}
    return texts


PAGES = (
    *("/", "/findings", "/policies", "/policies/Policy/hostile", "/namespaces", "/kinds", "/controls", "/exceptions"),
    *("/denials", "/reports", "/api/v1/policies", "/api/v1/kinds", "/api/v1/report"),
    *(f"/reports/download?format={each}&period=7d" for each in ("html", "csv", "json", "markdown")),
)
FORMATS_WANTED = tuple(word for each in FORMATS for word in ("-o", f"{each}=out.{each}"))
COMMANDS = (
    ("scan", "--cluster", *FORMATS_WANTED),
    ("findings", "-A"),
    ("findings", "-A", "-o", "json"),
    ("findings", "shop/one", "-n", SHOP),
    ("status",),
    ("status", "-o", "json"),
    ("explain", "thrown", "shop/one", "--cluster", "-n", SHOP),
    ("explain", "hidden", "shop/one", "--cluster", "-n", SHOP),
    ("explain", "compared", "shop/one", "--cluster", "-n", SHOP),
)


def shown(world: World) -> list[str]:
    found = json.loads(world.visit("/api/v1/findings?limit=100")[1])
    prints = sorted(set(re.findall(r'"fingerprint": ?"([^"]+)"', json.dumps(found))))
    assert prints
    return [f"/findings/{each}" for each in prints] + ["/api/v1/findings?limit=100"]


def test_all_of_them_were_used(world: World, told: dict[str, str]) -> None:
    """Or what follows would show nothing."""
    (post, *_) = world.receiver.posts
    assert post.path == f"/{PATH}"
    assert post.headers["Authorization"] == f"Bearer {HEADER}"
    assert post.headers["Auditor-Signature"].startswith("sha256=")
    for name in ("table findings", "reports", "format json", "command: findings -A", "page /findings", "report"):
        assert "thrown" in told[name], name
    assert '"door"' in told["decision log"]
    assert '"one"' in told["decision log"]


def test_none_of_them_is_told(told: dict[str, str], canaries: dict[str, str]) -> None:
    found = [
        (canary, where)
        for canary, secret in canaries.items()
        for where, text in told.items()
        if secret in text or base64.b64encode(secret.encode()).decode().rstrip("=")[:-1] in text
    ]
    assert not found


def test_nothing_acts_on_a_terminal(told: dict[str, str]) -> None:
    for where, text in told.items():
        if where.startswith("command") or where in ("report", "wrong database", *FORMATS, "run", "dashboard"):
            assert not ACTS.search(text), where
    assert "alert(1)" in told["command: findings -A"]


def test_nothing_acts_in_a_page(told: dict[str, str]) -> None:
    pages = {where: text for where, text in told.items() if where.startswith("page") and "/api/" not in where}
    assert any("alert(1)" in text for text in pages.values())
    for where, text in pages.items():
        if not re.search("format=(csv|json|markdown)", where):
            assert "<script>alert" not in text, where
            assert "<img src=x" not in text, where


def test_each_line_of_a_log_is_one_of_ours(world: World) -> None:
    """In JSON: no name or message begins a line of its own."""
    for name in world.processes:
        for line in world.log(name).splitlines():
            assert json.loads(line)["level"], line
