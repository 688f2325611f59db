"""Start-up: what a person waits for at every call."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

POLICY = """
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: quorum}
spec:
  match:
    resourceRules: [{apiGroups: [example.com], apiVersions: ["*"], resources: [databases], operations: [CREATE]}]
  rules:
  - {name: odd, %s}
"""
OBJECT = "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, namespace: b}, spec: {replicas: 3}}"
RULES = {
    "CEL": "cel: object.spec.replicas % 2 == 1",
    "jq": "jq: .spec.replicas % 2 == 1",
    "JSON Schema": "schema: {properties: {spec: {required: [replicas]}}}",
}
# Lives as long as the benchmarks.
_folder = tempfile.TemporaryDirectory(prefix="auditor-bench-")


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    def process(command: list[str]) -> Callable[[], object]:
        return lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    return [(name, process(command)) for name, command, _ in make_calls()]


def make_calls() -> Iterator[tuple[str, list[str], float | None]]:
    """What it is, the command, and in how many seconds it should end on a quiet machine."""
    folder = Path(_folder.name)
    (folder / "object.yaml").write_text(OBJECT)
    yield "python -c pass, to compare with", [sys.executable, "-c", "pass"], None
    yield "auditor --version", _auditor("--version"), None
    yield "auditor --help", _auditor("--help"), None
    yield "auditor sandbox list", _auditor("sandbox", "list", "-o", "json"), None
    for language, rule in RULES.items():
        policy = folder / f"{language}.yaml"
        policy.write_text(POLICY % rule)
        scan = _auditor("scan", str(folder / "object.yaml"), "--policies", str(policy))
        yield f"auditor scan of one file, a rule in {language}", scan, 0.15


def _auditor(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "auditor", *arguments]
