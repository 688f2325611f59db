"""What a plain scan does not import: each module costs a start about a millisecond, each room tens of them."""

import subprocess
import sys
from pathlib import Path

POLICY = """
apiVersion: auditor.dev/v1
kind: Policy
metadata:
  name: odd
spec:
  match:
    resourceRules:
    - apiGroups:
      - example.com
      apiVersions:
      - "*"
      resources:
      - widgets
      operations:
      - CREATE
  rules:
  - name: odd
    %s
"""
OBJECT = """
apiVersion: example.com/v1
kind: Widget
metadata:
  name: a
  namespace: b
spec:
  size: 3
"""
NOBODY_NEEDS = (
    *("cluster", "certs", "webhooks", "audit", "dashboard", "checks", "sandbox", "report.history", "report.compliance"),
    *(
        "engine.explain",
        "engine.native.check",
        "engine.native.mutating",
        "engine.native.answer",
        "engine.patch.operations",
    ),
    *("engine.patch.configuration", "languages.schema.differences", "languages.schema.structural"),
)
CEL = ("languages.cel.compiling", "languages.cel.libraries")
JQ = ("languages.jq.program", "languages.jq.running", "languages.isolation")
SCHEMA = ("languages.schema.json_schema",)
OTHERS = {"yaml", "hashlib", "shutil", "kubernetes", "flask", "sqlalchemy", "urllib3", "multiprocessing"}
"""Of others: PyYAML is for files that are no plain YAML, hashes are for findings."""
# At the time of writing 137. More is no mistake; it shall be known.
MOST = 141


def modules(folder: Path, rule: str) -> set[str]:
    (folder / "policy.yaml").write_text(POLICY % rule)
    (folder / "object.yaml").write_text(OBJECT)
    code = "import sys; from auditor.cli import frame; frame.run(); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, "scan", "object.yaml", "--policies", "policy.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "1 pass" in done.stdout
    return set(done.stderr.split())


def among(found: set[str], rooms: tuple[str, ...]) -> set[str]:
    names = tuple(f"auditor.{room}" for room in rooms)
    return {name for name in found if name.startswith(names)}


def test_a_scan_with_cel(tmp_path: Path) -> None:
    found = modules(tmp_path, "cel: object.spec.size % 2 == 1")
    assert not among(found, (*NOBODY_NEEDS, *JQ, *SCHEMA))
    assert among(found, CEL)
    assert found & OTHERS == set()
    assert len({name for name in found if name.startswith("auditor.")}) <= MOST


def test_a_scan_with_jq(tmp_path: Path) -> None:
    found = modules(tmp_path, "jq: .spec.size % 2 == 1")
    assert not among(found, (*NOBODY_NEEDS, *SCHEMA))
    assert among(found, JQ)


def test_a_scan_with_json_schema(tmp_path: Path) -> None:
    found = modules(tmp_path, "schema: {properties: {spec: {required: [size]}}}")
    assert not among(found, (*NOBODY_NEEDS, *JQ))
    assert among(found, SCHEMA)
