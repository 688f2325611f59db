"""What reports say, and what they should: a fresh look at the whole cluster, by nothing that the watcher remembers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from auditor.cluster import Client, Resource
from auditor.cluster.access import dig_list, dig_text
from auditor.engine.engine import Engine
from auditor.intake.found import Scan
from auditor.intake.once.basis import make_basis, read_ground, rules_of_cluster
from auditor.intake.once.sweep import scan_cluster
from auditor.intake.once.targets import Choice
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.policy import Kind

REPORTS = Resource("openreports.io", "v1alpha1", "reports", "Report", namespaced=True)
CLUSTER_REPORTS = Resource("openreports.io", "v1alpha1", "clusterreports", "ClusterReport", namespaced=False)

Row: TypeAlias = tuple[str, str, str, str, str]
"""Policy, rule, result, path, fingerprint."""
Rows: TypeAlias = Mapping[str, frozenset[Row]]
"""By the uid of the object."""


def list_reports(client: Client) -> list[JsonObject]:
    return [
        report
        for resource in (REPORTS, CLUSTER_REPORTS)
        for report in client.list(resource, labels="app.kubernetes.io/managed-by=auditor")
    ]


def read_rows(client: Client, *, checks: bool = False) -> Rows:
    """With `checks` what the built-in ones found, too: a scan knows nothing of that."""
    found: dict[str, frozenset[Row]] = {}
    for report in list_reports(client):
        rows = frozenset(
            (
                dig_text(row, "policy"),
                dig_text(row, "rule"),
                dig_text(row, "result"),
                dig_text(row, "properties", "path"),
                dig_text(row, "properties", "resultID"),
            )
            for row in dig_list(report, "results")
            if checks or dig_text(row, "properties", "kind") != Kind.CHECK
        )
        if rows:
            uid = dig_text(report, "scope", "uid")
            assert uid not in found, f"two reports of one object: {uid}"
            found[uid] = rows
    return found


def judge_all(client: Client) -> Rows:
    """What the policies say of all objects now."""
    now = datetime.now(UTC)
    ground = read_ground(client)
    rules = rules_of_cluster(ground, now)
    basis = make_basis(ground, rules, choice=Choice(), time=now)
    scan = Scan(engine=Engine.of(rules.policies, schemas=ground.schemas))
    scan_cluster(basis, scan)
    assert not scan.unreadable, scan.unreadable
    found: dict[str, set[Row]] = {}
    for judged, finding in scan.findings():
        if finding.result is not Result.PASS:
            row = (finding.policy, finding.rule, str(finding.result), finding.path, finding.fingerprint)
            found.setdefault(judged.subject.uid, set()).add(row)
    return {uid: frozenset(rows) for uid, rows in found.items()}


def tell_difference(wanted: Rows, found: Rows) -> str:
    lines = [
        f"{uid}: wanted {sorted(wanted.get(uid, ()))}, reported {sorted(found.get(uid, ()))}"
        for uid in sorted({*wanted, *found})
        if wanted.get(uid) != found.get(uid)
    ]
    return f"{len(lines)} objects differ:\n" + "\n".join(lines[:10])
