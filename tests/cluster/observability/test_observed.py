"""Door and watcher as those see them who look after them: metrics, logs, traces, and the commands of the runbooks."""

import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.observability.collector import Collector, Seen, receive
from tests.programs import promtool
from tests.unit.observability.queries import ALERTS, DASHBOARDS, known_labels, queries_of, read_dashboard, read_rules
from tests.unit.observability.runbooks import all_commands

ROOT = Path(__file__).parents[3]
GROUP = "example.com"
SERVER, CLIENT = 2, 3
"""Kinds of spans, in OTLP."""
SECRET = "correct-horse-battery"


@dataclass(slots=True)
class World:
    cluster: Sandbox
    collector: Collector
    door: int
    watcher: int
    log: Path

    def put(self, *things: JsonObject) -> None:
        for each in things:
            self.cluster.kubectl("apply", "--server-side", "-f", "-", stdin=orjson.dumps(each).decode())

    def create(self, thing: JsonObject) -> str:
        """What was said against it."""
        return self.cluster.kubectl("create", "-f", "-", stdin=orjson.dumps(thing).decode(), check=False).stderr

    def metrics(self, port: int) -> str:
        return get(port, "/metrics")[1]

    def lines(self) -> list[JsonObject]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except OSError as error:
        return 0, str(error)


def wait(holds: Callable[[], object], why: Callable[[], object] = lambda: "", seconds: float = 40.0) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, why()
        pause.wait(0.05)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in socks]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything that it has to be asked about, once: an API server that traces, `auditor run`, a policy, objects."""
    folder = tmp_path_factory.mktemp("observed")
    tracing = folder / "tracing.yaml"
    # Where the API server sends its own spans nobody listens: what counts is the header that it sends to webhooks.
    tracing.write_text(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\n"
        "endpoint: 127.0.0.1:1\nsamplingRatePerMillion: 1000000\n"
    )
    with (
        receive() as collector,
        Sandbox.start(
            f"observed-{os.getpid()}", owner=os.getpid(), api_server_arguments=[f"--tracing-config-file={tracing}"]
        ) as cluster,
    ):
        listen, door, watcher = free_ports(3)
        command = [sys.executable, "-m", "auditor", "-v", "--log-format", "json", "run", "--install"]
        command += ["--kubeconfig", str(cluster.kubeconfig), "--listen", f"127.0.0.1:{listen}"]
        command += ["--url", f"https://127.0.0.1:{listen}", "--door-operations", f"127.0.0.1:{door}"]
        command += ["--watch-operations", f"127.0.0.1:{watcher}"]
        command += ["--database-url", f"sqlite:///{folder / 'history.db'}"]
        environment = {
            **os.environ,
            "AUDITOR_WEBHOOK_DRAIN": "0.2",
            "AUDITOR_WEBHOOK_TRACES": "1",
            "AUDITOR_WATCH_TRACES": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        log = folder / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=file, env=environment)
        world = World(cluster, collector, door, watcher, log)
        try:
            for port in (door, watcher):
                wait(lambda port=port: get(port, "/readyz")[0] == 200, log.read_text)  # type: ignore[misc]
            world.put(thing_crd())
            cluster.kubectl("wait", "--for=condition=Established", "crd", f"things.{GROUP}")
            world.put(
                policy("quorum", "Deny", "object.spec.replicas % 2 == 1"),
                policy("small", "Audit", jq=".spec.replicas < 5"),
            )
            wait(lambda: "must hold" in world.create(thing("refused", 2)), log.read_text)
            wait(lambda: 'auditor_audit_kinds{state="judged"}' in world.metrics(watcher), log.read_text)
            assert world.create(thing("large", 7)) == ""
            yield world
        finally:
            process.terminate()
            process.wait(20)


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
    spec = {"replicas": replicas, "password": SECRET}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": metadata, "spec": spec}


def policy(name: str, enforcement: str, cel: str = "", *, jq: str = "") -> JsonObject:
    matched = {"apiGroups": [GROUP], "apiVersions": ["*"], "resources": ["things"], "operations": ["CREATE", "UPDATE"]}
    rule = {"name": "rule", "message": "must hold", **({"cel": cel} if cel else {"jq": jq})}
    spec = {"enforcement": enforcement, "match": {"resourceRules": [matched]}, "rules": [rule]}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": spec}


def the_one(world: World, name: str, about: str) -> Seen:
    """The last such span about that object, when its trace has come."""
    found: list[Seen] = []

    def come() -> bool:
        found[:] = [each for each in world.collector.named(name) if each.attributes.get("auditor.object") == about]
        return bool(found)

    wait(come, lambda: {each.name for each in world.collector.spans})
    return found[-1]


def test_an_admission_is_one_trace_that_the_api_server_began(world: World) -> None:
    review = the_denying_review(world, "default/large")
    assert review.kind == SERVER
    assert re.fullmatch("[0-9a-f]{16}", review.parent)  # that of the API server, which nobody has collected
    assert not any(each.id == review.parent for each in world.collector.spans)
    told = dict(review.attributes)
    assert told.pop("auditor.decision")
    assert told.pop("auditor.uid")
    assert told.pop("auditor.body_size")
    assert {
        "auditor.operation": "CREATE",
        "auditor.kind": f"things.{GROUP}",
        "auditor.dry_run": False,
    }.items() <= told.items()
    assert (told["auditor.allowed"], told["auditor.outcome"]) == (True, "allowed")
    steps = {each.name: each for each in world.collector.children(review)}
    assert set(steps) == {"decode", "request", "judge", "respond"}
    below = world.collector.children(steps["judge"])
    policies = [each.attributes["auditor.policy"] for each in below if each.name == "policy"]
    assert policies == ["quorum"]


def the_denying_review(world: World, about: str) -> Seen:
    """Of the policies with failurePolicy Fail; a policy that only audits is asked by another webhook."""
    asked = {"auditor.object": about, "auditor.webhook": "fail-10s"}

    def found() -> list[Seen]:
        return [each for each in world.collector.named("review validate") if asked.items() <= each.attributes.items()]

    wait(found, lambda: world.collector.named("review validate"))
    return found()[-1]


def test_a_drift_is_one_trace_from_the_watch_to_the_report(world: World) -> None:
    judged = the_one(world, "object judged", "default/large")
    assert judged.parent == ""
    assert judged.attributes["auditor.reason"] == "watch"
    assert judged.attributes["auditor.opened"] == 1
    wait(lambda: {each.name for each in world.collector.children(judged)} >= {"judge", "tell"})
    (tell,) = (each for each in world.collector.children(judged) if each.name == "tell")
    (judge,) = (each for each in world.collector.children(judged) if each.name == "judge")
    below = {each.name for each in world.collector.children(judge)}
    assert below == {"policy", "jq", "checks"}

    def writes() -> list[tuple[str, int]]:
        """Until the reports are being followed there are attempts without one."""
        reports = [each for each in world.collector.children(tell) if each.name == "report"]
        return [(each.name, each.kind) for report in reports for each in world.collector.children(report)]

    wait(writes, lambda: world.collector.children(tell))
    assert writes() == [("kubernetes apply", CLIENT)]


def test_nothing_of_an_object_is_in_traces_or_logs(world: World) -> None:
    assert world.create(thing("shy", 4))
    the_one(world, "review validate", "default/shy")
    assert SECRET not in repr(world.collector.spans)
    assert SECRET not in world.log.read_text()


def test_a_refusal_is_in_the_log_with_its_trace(world: World) -> None:
    assert world.create(thing("even", 6))
    review = the_denying_review(world, "default/even")
    decision = str(review.attributes["auditor.decision"])
    (line,) = (each for each in world.lines() if each.get("decision", {}).get("id") == decision)
    assert (line["trace"], line["level"]) == (review.trace, "info")
    assert line["decision"]["uid"] == review.attributes["auditor.uid"]


def test_what_rules_and_dashboards_ask_for_is_served(world: World) -> None:
    wait(lambda: "auditor_reports_delay_seconds_count 1" in world.metrics(world.watcher), world.log.read_text)
    text = world.metrics(world.door) + world.metrics(world.watcher)
    served = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    asked = [each.expr for each in read_rules()] + [
        each for path in DASHBOARDS for each in queries_of(read_dashboard(path))
    ]
    names = {name for expr in asked for name in re.findall(r"\w+", expr) if name in known_labels()}
    histograms = {name.removesuffix("_bucket") for name in names}
    assert {name for name in histograms if name not in served} == set()
    for line in ('auditor_info{program="webhook"', 'auditor_info{program="watch"', "auditor_audit_troubles 0.0"):
        assert line in text


def test_where_all_is_well_no_alert_fires(world: World, tmp_path: Path) -> None:
    """What both serve now, for forty minutes more: also nothing is missed that they do not serve."""
    series = [
        {
            "series": f"{sample.name}{write_labels({**sample.labels, 'job': job, 'instance': job})}",
            "values": f"{sample.value:g}x40",
        }
        for job, port in (("webhook", world.door), ("watch", world.watcher))
        for family in text_string_to_metric_families(world.metrics(port))
        for sample in family.samples
    ]
    asked = {"expr": "ALERTS", "eval_time": "39m", "exp_samples": []}
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [test]}))
    done = subprocess.run([promtool(), "test", "rules", file], capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr


def write_labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items()) + "}"


def test_each_command_of_the_runbooks_does_what_it_says(world: World, tmp_path: Path) -> None:
    """On Deployments without pods, as there is no kubelet: what needs pods gets as far as to look for them."""
    for name in ("webhook", "watch"):
        world.cluster.kubectl("-n", "auditor-system", "create", "deployment", f"auditor-{name}", "--image=none")
    environment = {**os.environ, "KUBECONFIG": str(world.cluster.kubeconfig), "HOME": str(tmp_path)}
    kubectl = str(world.cluster.record.programs["kubectl"])

    def run(command: str) -> str:
        """What is wrong with it."""
        program, *words = shlex.split(command)
        needs_pods = {"logs", "port-forward"} & {*words}
        patience = ["--pod-running-timeout=1s"] if needs_pods else []
        start = [kubectl] if program == "kubectl" else [sys.executable, "-m", "auditor"]
        done = subprocess.run(
            [*start, *words, *patience],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if needs_pods:
            fine: object = done.returncode == 1 and re.search("timed out|no pods|no such pod|condition", done.stderr)
        else:
            fine = done.returncode == 0 or (program == "auditor" and done.returncode in (1, 3) and done.stdout)
        return "" if fine else f"{command}: {done.returncode}: {done.stderr[-300:]}"

    last = "auditor registration remove"
    commands = [each for each in all_commands() if not each.endswith(" --help") and each != last]
    with ThreadPoolExecutor(4) as threads:
        assert [wrong for wrong in threads.map(run, commands) if wrong] == []
    assert run(last) == ""
