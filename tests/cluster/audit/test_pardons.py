"""For whom the glass was broken is no bypass, also after a restart; who got in otherwise is one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.cluster.resource import NAMESPACES
from auditor.report.history import DoorDecision, History
from tests.cluster.audit.conftest import GROUP, ODD, POLICIES, Stage, Start, policy
from tests.cluster.audit.running import wait

FAILS = {"one/odd": "fail"}
PASSES_BY = {"one/odd": "fail", "bypass/one/odd": "fail"}


def enforce(stage: Stage) -> None:
    """As the door notes it; no door stands here."""
    stage.put(POLICIES, policy("one", ODD, enforcement="Deny"))
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"observedGeneration": 1, "enforcedSince": [{"rule": "odd", "time": since}]}
    stage.client.patch_merge(POLICIES, "one", {"status": status}, subresource="status")


def break_glass(stage: Stage, url: str, name: str) -> None:
    """As an earlier watcher collected it."""
    uid = stage.client.get(NAMESPACES, "kube-system")["metadata"]["uid"]
    decision = DoorDecision(
        id="some-1",
        at=datetime.now(UTC),
        webhook="validate",
        operation="CREATE",
        group=GROUP,
        version="v1",
        kind="Thing",
        namespace="shop",
        name=name,
        outcome="allowed",
        allowed=True,
        broke_glass=True,
    )
    history = History.open(url, cluster=uid)
    history.write([decision])
    history.close()


@pytest.mark.timeout(120)
def test_known_after_a_restart_if_there_is_a_history(stage: Stage, start: Start, tmp_path: Path) -> None:
    enforce(stage)
    guilty, pardoned = stage.write("guilty", replicas=2), stage.write("pardoned", replicas=2)
    url = f"sqlite:///{tmp_path / 'history.db'}"
    break_glass(stage, url, "pardoned")
    for _ in range(2):
        program = start("--database-url", url)
        stage.wait_results(guilty, PASSES_BY, program)
        stage.wait_results(pardoned, FAILS, program)
        assert program.count("auditor_audit_objects_judged_total", reason="pardon") == 0, "known before the first"
        assert program.stop() < 10
    forgetful = start("--no-history")
    stage.wait_results(pardoned, PASSES_BY, forgetful)


@pytest.mark.timeout(120)
def test_judged_again_if_the_history_comes_later(stage: Stage, start: Start, tmp_path: Path) -> None:
    enforce(stage)
    pardoned = stage.write("pardoned", replicas=2)
    break_glass(stage, f"sqlite:///{tmp_path / 'saved.db'}", "pardoned")
    place = tmp_path / "history.db"
    place.mkdir()  # no file can be opened there
    program = start("--database-url", f"sqlite:///{place}")
    stage.wait_results(pardoned, PASSES_BY, program)
    place.rmdir()
    (tmp_path / "saved.db").rename(place)
    stage.wait_results(pardoned, FAILS, program)
    wait(lambda: program.count("auditor_audit_objects_judged_total", reason="pardon") == 1)
