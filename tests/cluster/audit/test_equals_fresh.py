"""Whatever happens on the way to the API server while somebody writes: at the end the reports are what a fresh look at
the whole cluster finds.
"""

import os
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from auditor.cluster.resource import NAMESPACES
from tests.cluster.audit.conftest import (
    EXCEPTIONS,
    FEW,
    ODD,
    POLICIES,
    THINGS,
    BadDay,
    Second,
    Stage,
    Start,
    make_crd,
    policy,
)
from tests.cluster.audit.running import Watch, wait
from tests.cluster.listwatch.test_compaction import compact_all

ANYWHERE: dict[str, object] = {"namespaceSelector": {}}
EXAMPLES = max(1, int(os.environ.get("EXAMPLES", "40")) // 10)
"""Each some seconds; what one leaves behind the next one begins with."""

FAULTS: dict[str, Callable[[BadDay, random.Random], None]] = {
    "cut": lambda path, _: path.network.cut(),
    "truncate": lambda path, draw: path.network.truncate(draw.randrange(1, 6000)),
    "stall": lambda path, _: path.network.stall(),
    "delay": lambda path, draw: path.network.delay(draw.random() / 10),
    "refuse": lambda path, _: _refuse(path),
    "410": lambda path, _: path.gate.expire(),
    "half a line": lambda path, _: path.gate.halve(),
    "429": lambda path, draw: path.gate.fail(429, draw.randrange(1, 6)),
    "500": lambda path, draw: path.gate.fail(500, draw.randrange(1, 6)),
    "500 on things": lambda path, draw: path.gate.fail(500, draw.randrange(1, 4), path="/things"),
    "410 on lists": lambda path, draw: path.gate.fail(410, draw.randrange(1, 3), path="/things"),
    "409 on reports": lambda path, draw: path.gate.fail(409, draw.randrange(1, 6), path="/reports"),
    "twice": lambda path, _: setattr(path.gate, "twice", True),
    "late": lambda path, draw: setattr(path.gate, "late", draw.random() / 10),
    "well": lambda path, _: path.let_pass(),
}

CHANGES: dict[str, Callable[[Stage, random.Random], object]] = {
    "write": lambda stage, draw: stage.write(f"t{draw.randrange(12)}", replicas=draw.randrange(12)),
    "write many": lambda stage, draw: [
        stage.write(f"t{draw.randrange(12)}", replicas=draw.randrange(12)) for _ in range(15)
    ],
    "delete": lambda stage, draw: stage.delete(THINGS, f"t{draw.randrange(12)}", namespace="shop"),
    "write anew": lambda stage, draw: _write_anew(stage, f"t{draw.randrange(12)}", draw.randrange(12)),
    "policy": lambda stage, draw: stage.put(POLICIES, policy("one", draw.choice([ODD, FEW]), exceptions=ANYWHERE)),
    "policy comes": lambda stage, _: stage.put(POLICIES, policy("two", FEW, ODD)),
    "policy goes": lambda stage, _: stage.delete(POLICIES, "two"),
    "policy of namespaces": lambda stage, draw: stage.put(
        POLICIES,
        policy("three", ODD, match=_in_namespaces(draw.choice(["dev", "prod"]))),
    ),
    "label of the namespace": lambda stage, draw: stage.put(
        NAMESPACES,
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"env": draw.choice(["dev", "prod"])}},
        },
    ),
    "exception": lambda stage, draw: stage.put(EXCEPTIONS, _excuse(f"t{draw.randrange(12)}")),
    "exception goes": lambda stage, _: stage.delete(EXCEPTIONS, "excused", namespace="shop"),
}


def _refuse(path: BadDay) -> None:
    path.network.refuse()
    path.network.cut()


def _write_anew(stage: Stage, name: str, replicas: int) -> None:
    stage.delete(THINGS, name, namespace="shop")
    stage.write(name, replicas=replicas)


def _in_namespaces(env: str) -> dict[str, object]:
    rule = {"apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["things"], "operations": ["*"]}
    return {"resourceRules": [rule], "namespaceSelector": {"matchLabels": {"env": env}}}


def _excuse(name: str) -> dict[str, object]:
    rule = {"apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["things"], "operations": ["*"]}
    rule["resourceNames"] = [name]
    spec = {
        "policies": ["one"],
        "match": {"resourceRules": [rule]},
        "owner": "team",
        "reason": "a test that excuses it",
        "expires": "2027-01-01T00:00:00Z",
    }
    metadata = {"name": "excused", "namespace": "shop"}
    return {"apiVersion": "auditor.dev/v1", "kind": "PolicyException", "metadata": metadata, "spec": spec}


KILLED, RESTARTED = "killed", "restarted"
"""The API server through which the watcher looks; the changes go to the other."""
STEPS = st.lists(
    st.tuples(
        st.sampled_from([None, *FAULTS, KILLED, RESTARTED]),
        st.lists(st.sampled_from([*CHANGES]), max_size=4),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a handshake that a kill has ended
def test_any_mixture_of_faults_and_changes(stage: Stage, start: Start, bad_day: BadDay, second: Second) -> None:
    stage.put(POLICIES, policy("one", ODD, exceptions=ANYWHERE))
    second.start()
    bad_day.gate.url = second.url
    program = start(kubeconfig=bad_day.kubeconfig)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],  # the cluster goes on: a smaller example begins elsewhere
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps=STEPS, seed=st.integers(0, 1000))
    def play(steps: list[tuple[str | None, list[str]]], seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 to be repeated
        for fault, changes in steps:
            if fault == KILLED:
                second.kill()
            elif fault == RESTARTED:
                second.kill()
                second.start()
            elif fault is not None:
                FAULTS[fault](bad_day, draw)
            for change in changes:
                CHANGES[change](stage, draw)
        bad_day.let_pass()
        second.start()
        stage.wait_equal(program)

    play()
    before = stage.rows(checks=True)
    program.stop()
    check_fresh(stage, start, before)


def check_fresh(stage: Stage, start: Start, before: object) -> Watch:
    """With what built-in checks found: a watcher that has seen none of it finds the same."""
    program = start()
    wait(lambda: stage.rows(checks=True) == before, why=lambda: program.text[-3000:])
    return program


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a handshake that a kill has ended
def test_the_api_server_is_killed_and_comes_back(stage: Stage, start: Start, bad_day: BadDay, second: Second) -> None:
    """It comes back after etcd has forgotten what happened meanwhile."""
    stage.put(POLICIES, policy("one", ODD))
    for number in range(6):
        stage.write(f"t{number}", replicas=number)
    second.start()
    bad_day.gate.url = second.url
    program = start(kubeconfig=bad_day.kubeconfig)
    stage.wait_equal(program)
    for round_ in range(2):
        second.kill()
        stage.write("t0", replicas=round_)
        stage.write("t1", replicas=round_ + 1)
        stage.delete(THINGS, f"t{2 + round_}", namespace="shop")
        stage.write(f"new{round_}", replicas=2)
        compact_all(stage.cluster, stage.client)
        second.start()
        stage.wait_equal(program)
    assert program.process.poll() is None


@pytest.mark.timeout(120)
def test_a_hundred_changes_of_one_object_are_few_writes(stage: Stage, start: Start) -> None:
    stage.put(POLICIES, policy("one", ODD))
    uid = stage.write("t0", replicas=2)
    program = start()
    stage.wait_results(uid, {"one/odd": "fail"}, program)
    before = _count_writes(stage)
    for number in range(101):
        stage.write("t0", replicas=number % 2)
    stage.write("t0", replicas=4)
    stage.wait_equal(program)
    assert _count_writes(stage) - before < 50


def _count_writes(stage: Stage) -> int:
    """Versions of all objects are numbers that grow; this one is the newest report's."""
    return sum(each["metadata"].get("generation", 1) for each in _reports(stage))


def _reports(stage: Stage) -> list[dict[str, dict[str, int]]]:
    from tests.cluster.audit.truth import list_reports

    return list_reports(stage.client)


@pytest.mark.timeout(120)
def test_nothing_changed_nothing_written(stage: Stage, start: Start, bad_day: BadDay) -> None:
    """But the renewals of the lease."""
    stage.put(POLICIES, policy("one", ODD))
    stage.install(make_crd("gadgets"))
    for number in range(20):
        stage.write(f"t{number}", replicas=number)
    program = start(kubeconfig=bad_day.kubeconfig)
    stage.wait_equal(program)
    wait(lambda: len(_writes(bad_day)) > 4 and all("/leases/" in path for path in _writes(bad_day)[-4:]))
    count = len(_writes(bad_day))
    wait(lambda: len(_writes(bad_day)) >= count + 4)
    assert [path for path in _writes(bad_day)[count:] if "/leases/" not in path] == []


def _writes(bad_day: BadDay) -> list[str]:
    return [path for method, path in bad_day.gate.requests if method != "GET"]
