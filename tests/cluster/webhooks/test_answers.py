"""What kubectl and the audit log make of our answers, on the real API server."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.snapshot import Settings
from tests.cluster.webhooks.registered import Serving, crd, put, thing

NAMESPACE = "shop"
SIZE = {"name": "size", "cel": "object.spec.size <= 3", "message": "too big", "remediation": "Use 3 or less."}
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "rules": [{"level": "Metadata", "resources": [{"group": "example.com"}]}, {"level": "None"}],
}
CONVERSION = {
    "metadata": {"name": "things"},
    "spec": {
        "resource": {"group": "example.com", "resource": "things"},
        "steps": [
            {"from": "v1", "to": "v2", "jq": ".spec.count = .spec.size | del(.spec.size)"},
            {
                "from": "v2",
                "to": "v1",
                "jq": '.spec.size = (.spec.count // error("no count\\nhere")) | del(.spec.count)',
            },
        ],
    },
}


class Cluster:
    """A control plane that calls us, and what a person types there."""

    def __init__(self, sandbox: Sandbox, serving: Serving, audit_log: Path) -> None:
        self.sandbox, self.serving, self._audit_log = sandbox, serving, audit_log

    def judge_by(self, *rules: JsonObject, settings: Settings | None = None, **spec: Json) -> None:
        match = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["*"]}
        body = {"match": {"resourceRules": [match]}, "rules": list(rules), "enforcement": "Deny", **spec}
        policy = {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": "sizes"}, "spec": body}
        conversions = {("example.com", "Thing"): Conversion.compile(CONVERSION)}
        self.serving.judge_by(policy, conversions=conversions, settings=settings or Settings())

    def create(self, what: JsonObject, *more: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
        text = orjson.dumps(what).decode()
        return self.sandbox.kubectl("create", "-f", "-", *more, stdin=text, kubeconfig=kubeconfig, check=False)

    def audited(self, name: str) -> JsonObject:
        """The annotations that we made of the last request about it, without the name of the webhook."""
        for line in reversed(self._audit_log.read_text().splitlines()):
            event = json.loads(line)
            if event["objectRef"].get("name") == name and event["stage"] == "ResponseComplete":
                found: JsonObject = event.get("annotations", {})
                return {key.partition("/")[2]: value for key, value in found.items() if ".auditor.dev/" in key}
        return {}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("webhooks")
    log, policy = directory / "audit.log", directory / "policy.json"
    policy.write_bytes(orjson.dumps(AUDIT))
    log.touch()
    arguments = [f"--audit-policy-file={policy}", f"--audit-log-path={log}"]
    with (
        contextlib.closing(Serving(directory)) as serving,
        Sandbox.start(f"answers-{directory.parent.name}"[:60].strip("-"), api_server_arguments=arguments) as sandbox,
    ):
        found = Cluster(sandbox, serving, log)
        found.judge_by(SIZE)
        put(sandbox, crd(serving))
        sandbox.kubectl("wait", "--for=condition=Established", "crd/things.example.com")
        sandbox.kubectl("create", "namespace", NAMESPACE)
        serving.register(sandbox, NAMESPACE)
        yield found


def new(name: str, size: Json = 1, **more: str) -> JsonObject:
    return thing(name, NAMESPACE, {"size": size}, **more)


def test_what_is_allowed_passes_without_a_word(cluster: Cluster) -> None:
    cluster.judge_by(SIZE)
    done = cluster.create(new("fine"))
    assert (done.returncode, done.stderr) == (0, "")
    assert cluster.audited("fine") == {}


def test_every_violation_is_told_with_what_to_do(cluster: Cluster) -> None:
    cluster.judge_by(SIZE, {"name": "owner", "cel": "has(object.spec.owner)", "message": "who owns it?"})
    done = cluster.create(new("big", 9))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        'The Thing "big" is invalid: ',
        "* spec.owner: sizes/owner: who owns it?",
        "* spec.size: sizes/size: too big. Use 3 or less.",
    ]
    found = cluster.audited("big")
    assert found["denied-by"] == "sizes/size, sizes/owner"
    assert found["decision"].startswith(cluster.serving.door.ring.instance)


def test_a_reason_of_the_rule_is_the_one_of_the_answer(cluster: Cluster) -> None:
    cluster.judge_by({**SIZE, "reason": "Forbidden"})
    done = cluster.create(new("big", 9))
    assert done.stderr == (
        'Error from server (Forbidden): error when creating "STDIN": admission webhook "fail.validate.auditor.dev" '
        "denied the request: sizes/size: spec.size: too big. Use 3 or less.\n"
    )


def test_a_thousand_violations_are_cut_with_a_count(cluster: Cluster) -> None:
    many = {"name": "many", "deny": 'range(1000) | {message: "\\(.) \\("x" * 500)", path: "/spec/size"}'}
    cluster.judge_by(many)
    done = cluster.create(new("big"))
    lines = done.stderr.splitlines()
    assert lines[0] == 'The Thing "big" is invalid: '
    assert 40 < len(lines) < 100
    assert any(line.startswith("* <object>: and 9") and line.endswith(" more") for line in lines)


def test_warnings_arrive_whatever_is_in_them(cluster: Cluster) -> None:
    cluster.judge_by({**SIZE, "enforcement": "Warn", "message": "too big\nby \x1b[31mfar\tand “wide”"})
    done = cluster.create(new("warned", 9))
    assert done.returncode == 0
    assert done.stderr == "Warning: sizes/size: too big by \\x1b[31mfar and “wide”\n"
    assert cluster.audited("warned")["violated"] == "sizes/size"


def test_too_many_warnings_are_counted(cluster: Cluster) -> None:
    rules = [{"name": f"r{i:02}", "cel": "false", "message": "x" * 400} for i in range(40)]
    cluster.judge_by(*rules, enforcement="Warn")
    lines = cluster.create(new("warned-often")).stderr.splitlines()
    assert lines[-1] == f"Warning: and {40 - len(lines) + 1} more warnings"
    assert len(lines) > 10


def test_a_patch_is_applied_and_annotated(cluster: Cluster) -> None:
    cluster.judge_by(mutate=[{"name": "class", "mergePatch": {"spec": {"class": "standard"}}}])
    done = cluster.create(new("patched"), "-o", "json")
    assert orjson.loads(done.stdout)["spec"] == {"size": 1, "class": "standard"}
    assert cluster.audited("patched")["mutated-by"] == "sizes/class"


def test_a_dry_run_is_answered_alike_and_not_counted(cluster: Cluster) -> None:
    cluster.judge_by(SIZE)
    before = cluster.serving.door.ring.since(0)["counters"]
    done = cluster.create(new("dry", 9), "--dry-run=server")
    assert done.stderr == 'The Thing "dry" is invalid: spec.size: sizes/size: too big. Use 3 or less.\n'
    assert cluster.create(new("dry"), "--dry-run=server").returncode == 0
    assert cluster.serving.door.ring.since(0)["counters"] == before


def test_updates_deletions_and_collections(cluster: Cluster) -> None:
    cluster.judge_by(SIZE)
    cluster.create(new("changing"))
    kubectl = cluster.sandbox.kubectl
    patch = ("patch", "thing.v1.example.com", "changing", "-n", NAMESPACE, "--type=merge", "-p")
    assert "spec.size: sizes/size: too big" in kubectl(*patch, '{"spec": {"size": 9}}', check=False).stderr
    assert kubectl(*patch, '{"spec": {"size": 2}}', check=False).returncode == 0
    applied = orjson.dumps({**new("changing", 9)}).decode()
    done = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=applied, check=False)
    assert "sizes/size: too big" in done.stderr
    cluster.judge_by({"name": "stays", "cel": "request.operation != 'DELETE'", "message": "it stays"})
    for command in (("thing", "changing"), ("things", "--all"), ("thing", "changing", "--dry-run=server")):
        done = kubectl("delete", *command, "-n", NAMESPACE, check=False)
        assert "sizes/stays: it stays" in done.stderr, command
    cluster.judge_by()
    assert kubectl("delete", "thing", "changing", "-n", NAMESPACE, check=False).returncode == 0


@pytest.mark.parametrize("failure", ["Fail", "Ignore"])
def test_a_fault_of_ours(cluster: Cluster, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.judge_by(SIZE, failurePolicy=failure)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Engine, "judge", fail)
    done = cluster.create(new(f"fault-{failure.lower()}", failure=failure))
    said = "internal error; the log of the webhook tells more of decision"
    if failure == "Fail":
        assert done.stderr.startswith("Error from server (InternalError)")
        assert f'"fail.validate.auditor.dev" denied the request: {said}' in done.stderr
    else:
        assert (done.returncode, done.stderr.startswith("Warning: admitted without being judged")) == (0, True)
        assert said in done.stderr
    assert said in cluster.audited(f"fault-{failure.lower()}")["errored"]


def test_the_sentence_of_a_refusal_reaches_the_user(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a review to answer the API server applies the failurePolicy by itself."""
    cluster.judge_by(SIZE)
    monkeypatch.setattr("auditor.webhooks.decode.ADMISSION", ("admission.k8s.io/v2", "AdmissionReview"))
    monkeypatch.setattr("auditor.webhooks.door.ADMISSION", ("admission.k8s.io/v2", "AdmissionReview"))
    done = cluster.create(new("unreadable"))
    assert 'failed calling webhook "fail.mutate.auditor.dev": failed to call webhook: ' in done.stderr
    assert "auditor cannot read the review: apiVersion: must be admission.k8s.io/v2" in done.stderr
    assert cluster.create(new("unreadable-ignored", failure="Ignore")).returncode == 0


def test_the_api_server_waits_and_comes_again_when_there_are_too_many(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.judge_by(SIZE)
    gate = cluster.serving.gate
    asked: list[None] = []
    real = gate.enter

    def enter(size: int) -> bool:
        asked.append(None)
        return len(asked) > 1 and real(size)

    monkeypatch.setattr(gate, "enter", enter)
    assert cluster.create(new("later")).returncode == 0
    assert len(asked) > 2, "the first call of the two webhooks was refused, and repeated"


def test_the_largest_objects_pass(cluster: Cluster) -> None:
    cluster.judge_by(SIZE)
    large = thing("large", NAMESPACE, {"size": 1, "text": "x" * 1_000_000, "more": "<" * 60_000})
    assert cluster.create(large).returncode == 0
    patch = ("patch", "thing.v1.example.com", "large", "-n", NAMESPACE, "--type=merge", "-p")
    assert cluster.sandbox.kubectl(*patch, '{"spec": {"size": 2}}', check=False).returncode == 0
    assert "too big" in cluster.sandbox.kubectl(*patch, '{"spec": {"size": 9}}', check=False).stderr


def test_who_breaks_the_glass_is_admitted_warned_and_audited(cluster: Cluster) -> None:
    cluster.judge_by(SIZE, settings=Settings(break_glass_group="firefighters"))
    joe = cluster.sandbox.user_kubeconfig("joe", ["firefighters", "system:masters"])
    done = cluster.create(new("broken", 9), kubeconfig=joe)
    assert done.returncode == 0
    assert "Warning: admitted by break-glass, recorded as decision" in done.stderr
    assert "Warning: sizes/size: spec.size: too big. Use 3 or less." in done.stderr
    assert cluster.audited("broken")["break-glass"] == "true"
    assert cluster.create(new("not-broken", 9)).returncode == 1


def test_both_versions_are_read_and_written(cluster: Cluster) -> None:
    cluster.judge_by()
    assert cluster.create(thing("second", NAMESPACE, {"count": 3}, version="v2")).returncode == 0
    read = ("-n", NAMESPACE, "-o", "jsonpath={.spec}")
    assert cluster.sandbox.kubectl("get", "thing.v1.example.com", "second", *read).stdout == '{"size":3}'
    assert cluster.sandbox.kubectl("get", "thing.v2.example.com", "second", *read).stdout == '{"count":3}'
    names = cluster.sandbox.kubectl("get", "things.v2.example.com", "-n", NAMESPACE, "-o", "name").stdout
    assert "thing.example.com/second" in names


def test_a_conversion_that_fails_names_the_object_and_the_reason(cluster: Cluster) -> None:
    cluster.judge_by()
    done = cluster.create(thing("wrong", NAMESPACE, {}, version="v2"))
    assert done.returncode == 1
    assert (
        "conversion webhook for example.com/v2, Kind=Thing failed: "
        "Thing shop/wrong: conversion from v2 to v1: no count here"
    ) in done.stderr
