"""A real watcher at a quiet moment: `auditor status`, /metrics, reports and the dashboard say the same."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.dashboard.app import Source, make_app
from auditor.report.history.reader import choose_cluster, open_to_read
from tests.cluster.audit.conftest import CONFIGS, EXCEPTIONS, FEW, ODD, POLICIES, Stage, Start, make_crd, policy
from tests.cluster.audit.running import wait
from tests.cluster.audit.truth import list_reports
from tests.unit.audit.agreement import COUNTED, FOUND
from tests.unit.dashboard.visits import ORIGIN, HeaderEntrance

EACH = {
    "name": "each",
    "deny": ".spec.members // [] | to_entries[] | select(.value > 3)"
    ' | {message: "is big", path: "/spec/members/\\(.key)"}',
}


@pytest.mark.timeout(180)
def test_all_tell_the_same(stage: Stage, start: Start, tmp_path: Path) -> None:
    out = {"group": "example.com", "resource": "left", "follow": False}
    spec = {"reports": {"maxFindingsPerObject": 1}, "kinds": [out]}
    config = {"apiVersion": "auditor.dev/v1", "kind": "AuditConfig", "metadata": {"name": "default"}, "spec": spec}
    stage.put(CONFIGS, config)
    widgets, left = stage.install(make_crd("widgets")), stage.install(make_crd("left"))
    both = ("things", "widgets", "left")
    stage.put(POLICIES, policy("sizes", ODD, FEW, EACH, resources=both, exceptions={"namespaceSelector": {}}))
    stage.put(POLICIES, policy("warns", FEW, resources=both, enforcement="Warn"))
    stage.put(EXCEPTIONS, _exception("legacy", "few"))
    stage.write("wrong", replicas=8, members=[5, 1, 9])
    stage.write("unclear", members=["many"])
    stage.write("right", replicas=3)
    stage.write("wrong", resource=widgets, replicas=2)
    stage.write("wrong", resource=left, replicas=2)
    url = f"sqlite:///{tmp_path / 'history.db'}"
    program = start("--database-url", url)
    wait(lambda: _present(stage) == {"things": 3, "widgets": 1}, why=lambda: program.text[-3000:])
    wait(lambda: len(list_reports(stage.client)) == 3)
    status = _status(stage)
    results = {each: program.count("auditor_audit_results", result=each) for each in COUNTED}
    assert program.count("auditor_audit_coverage_percent") == status["coveragePercent"]
    program.stop()  # which tells the history how it stands
    found = status["findings"]
    assert all(found.values()), found

    summed: Counter[str] = Counter()
    for report in list_reports(stage.client):
        assert len(report["results"]) <= 2  # one, and that there are more
        summed.update(report["summary"])
    assert {each: summed[each] for each in FOUND} == found

    database = open_to_read(url)
    with database.reading() as connection:
        cluster = choose_cluster(connection)
    source = Source(database=database, cluster=cluster, clock=lambda: datetime.now(UTC))
    client = make_app(source, HeaderEntrance(), ORIGIN).test_client()
    client.environ_base["HTTP_X_TEST"] = "admin"
    overview: Any = client.get("/api/v1/overview").get_json()
    assert {each: overview["open"][FOUND[each]] for each in FOUND} == found
    assert client.get("/api/v1/findings").get_json()["total"] == sum(found.values())
    assert results == {each: overview["results"][name] for each, name in COUNTED.items()}
    assert status["coveragePercent"] == int(overview["coverage"]["percent"])
    lines = {each["name"]: each["results"] for each in client.get("/api/v1/policies").get_json()["lines"]}
    for each in status["policies"]:
        totals = {COUNTED[result]: each["totals"][result] for result in COUNTED}
        assert totals == {name: lines[each["name"]][name] for name in totals}
    database.close()


def _exception(name: str, *rules: str) -> Any:
    expires = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    spec = {
        "policies": ["sizes"],
        "rules": list(rules),
        "owner": "ana",
        "reason": "moves next week",
        "expires": expires,
    }
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "auditor.dev/v1", "kind": "PolicyException", "metadata": metadata, "spec": spec}


def _present(stage: Stage) -> Any:
    config: Any = next(iter(stage.client.list(CONFIGS)), {})
    entries = config.get("status", {}).get("coverage", [])
    named = ("things", "widgets", "left")
    return {each["resource"]: each["present"] for each in entries if each["resource"] in named and "present" in each}


def _status(stage: Stage) -> Any:
    command = [sys.executable, "-m", "auditor", "status", "--kubeconfig", str(stage.cluster.kubeconfig), "-o", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
