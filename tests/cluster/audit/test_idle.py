"""Nothing has changed, so nothing is written: but for the lease, by which others know that we live."""

import os
import time
from pathlib import Path

import pytest

from tests.cluster.audit.conftest import FEW, ODD, POLICIES, THINGS, Stage, Start, policy
from tests.cluster.audit.running import Watch, wait

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
"""`make soak` takes ten minutes."""
WRITES = ("create", "update", "patch", "apply", "delete", "deletecollection")
SETTLED = 15.0
"""Seconds within which all has been written that follows from the start: statuses wait for five."""


def writes(program: Watch) -> dict[str, float]:
    return {
        name: value
        for name, value in program.metrics().items()
        if name.startswith("auditor_cluster_calls_total{") and any(f'verb="{verb}"' in name for verb in WRITES)
    }


@pytest.mark.timeout(SECONDS + 120)
def test_nothing_is_written_and_nothing_judged(stage: Stage, start: Start, tmp_path: Path) -> None:
    stage.put(POLICIES, policy("things", ODD, FEW))
    for i in range(20):
        stage.write(f"t{i}", replicas=i)
    program = start("--database-url", f"sqlite:///{tmp_path}/history.db")
    wait(lambda: bool(stage.rows()))
    stage.wait_equal(program)
    pause(SETTLED)
    before, judged = writes(program), program.count("auditor_audit_objects_judged_total")
    memory = program.usage.memory_info().rss
    versions = {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in stage.client.list(THINGS)}
    pause(SECONDS)
    after = writes(program)
    added = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    assert added, "the lease is renewed"
    assert all('resource="leases' in name for name in added), added
    assert program.count("auditor_audit_objects_judged_total") == judged
    assert {
        each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in stage.client.list(THINGS)
    } == versions
    assert program.usage.memory_info().rss < memory * 1.1
    assert program.stop() < 10


def pause(seconds: float) -> None:
    """Time that has to pass: what is looked at is that nothing happens in it."""
    time.sleep(seconds)
