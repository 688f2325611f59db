"""What an explanation states is what a scan states, of the same policies and objects."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.explain.account import worst
from auditor.intake.explain.explain import explain_objects
from auditor.intake.found import Scan
from auditor.intake.packs import packs_directory
from auditor.intake.prepare import Prepared, prepare
from auditor.intake.scan import scan
from auditor.json import Json
from auditor.model.finding import Finding

TIME = datetime(2026, 1, 1, tzinfo=UTC)
PACK = packs_directory() / "databasecluster"
NATIVE = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: native}
spec:
  failurePolicy: Fail
  paramKind: {apiVersion: example.com/v1, kind: Limit}
  matchConstraints:
    resourceRules:
    - {apiGroups: [db.auditor.dev], apiVersions: [v1], resources: [databaseclusters], operations: [CREATE]}
    objectSelector: {matchExpressions: [{key: skip, operator: DoesNotExist}]}
  matchConditions: [{name: has-spec, expression: "has(object.spec)"}]
  variables: [{name: count, expression: "object.spec.replicas"}]
  validations:
  - {expression: "variables.count < params.max", message: too many}
  - {expression: "object.spec.zones.all(z, z != 'x')"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: one}
spec:
  policyName: native
  paramRef: {selector: {}, parameterNotFoundAction: Deny}
  validationActions: [Warn]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}
---
apiVersion: example.com/v1
kind: Limit
metadata: {name: a}
max: 4
---
apiVersion: example.com/v1
kind: Limit
metadata: {name: b}
max: 6
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    native = tmp_path_factory.mktemp("native") / "native.yaml"
    native.write_text(NATIVE)
    return prepare([str(PACK), str(native)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects") / "object.json"


def compare(file: Path, prepared: Prepared) -> Iterator[str]:
    """The states that were compared."""
    found = scan([str(file)], prepared, time=TIME, into=Scan(passes=True))
    by_scan: dict[tuple[int, str, str], list[Finding]] = {}
    for judged in found.judged:
        for finding in judged.findings:
            by_scan.setdefault((judged.place.line, finding.source, finding.rule), []).append(finding)
    seen: set[tuple[int, str, str]] = set()
    for name in sorted({policy.policy.key for policy in prepared.engine.policies}):
        explanation = explain_objects(name, [str(file)], prepared, time=TIME, clock=lambda: 0.0)
        assert list(map(str, explanation.unreadable)) == list(map(str, found.unreadable))
        for each in explanation.objects:
            own = {key: value for key, value in by_scan.items() if key[:2] == (each.line, name)}
            whole = worst([finding for findings in own.values() for finding in findings])
            for account in each.accounts:
                assert account.state == whole or (not whole and account.state.startswith("does not")), (name, file)
                for rule in account.rules:
                    findings = own.get((each.line, name, rule.name), [])
                    assert rule.result == (worst(findings) or "not asked")
                    assert [f[:2] for f in rule.findings] == [(str(f.result), f.path) for f in findings]
                    _check_root(rule.language, rule.result, rule.steps, len(each.accounts))
                yield account.state
            seen.update(own)
    assert seen == set(by_scan)


def _check_root(language: str, result: str, steps: Json, accounts: int) -> None:
    """The tree of an expression has the value that the rule had."""
    if language == "cel" and steps and accounts <= 3 and result in ("pass", "error"):
        assert (steps[0].value is True) is (result == "pass")


CASES = sorted((PACK / "tests").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_cases_of_the_pack(case: Path, prepared: Prepared) -> None:
    states = list(compare(case, prepared))
    assert not case.name.startswith("fail") or {"fail", "warn"} & set(states) or "deletion" in case.read_text()


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 9) | st.just("three"),
        "zones": st.lists(st.sampled_from(["a", "b", "c", "x", 1]), max_size=4),
        "storage": st.fixed_dictionaries({"size": st.just("1Gi")}) | st.none(),
        "backup": st.fixed_dictionaries({"schedule": st.just("x")}, optional={"retentionDays": st.integers(0, 10)}),
        "tls": st.fixed_dictionaries({}, optional={"mode": st.sampled_from(["Required", "Off"])}),
    },
)


@given(SPECS, st.booleans(), st.sampled_from(["shop", "other"]))
@settings(max_examples=25)
def test_generated(prepared: Prepared, place: Path, spec: Json, skips: bool, namespace: str) -> None:
    thing = {
        "apiVersion": "db.auditor.dev/v1",
        "kind": "DatabaseCluster",
        "metadata": {"name": "x", "namespace": namespace, "labels": {"skip": "yes"} if skips else {}},
        "spec": spec,
    }
    place.write_text(json.dumps(thing))
    assert list(compare(place, prepared))
