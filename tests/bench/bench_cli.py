"""Start-up: what a person waits for at every call."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
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
    def process(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)

    folder = Path(_folder.name)
    (folder / "object.yaml").write_text(OBJECT)
    scans = []
    for language, rule in RULES.items():
        policy = folder / f"{language}.yaml"
        policy.write_text(POLICY % rule)
        scan = process("-m", "auditor", "scan", str(folder / "object.yaml"), "--policies", str(policy))
        scans.append((f"auditor scan of one file, {language}", scan))
    return [
        ("python -c pass (to compare with)", process("-c", "pass")),
        ("auditor --version (at most 3 times that)", process("-m", "auditor", "--version")),
        ("auditor --help", process("-m", "auditor", "--help")),
        ("auditor sandbox list", process("-m", "auditor", "sandbox", "list", "-o", "json")),
        *scans,
    ]
