"""`auditor scan` as a person runs it: what it prints, and the exit codes on which pipelines rest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.intake.packs import packs_directory

GOOD = """\
apiVersion: db.auditor.dev/v1
kind: DatabaseCluster
metadata: {name: orders, labels: {team: checkout}}
spec:
  engine: {name: postgresql, version: "17.6"}
  replicas: 5
  zones: [a, b, c]
  storage: {size: 100Gi}
  backup: {schedule: "15 2 * * *"}
"""
PACK = ("--policies", str(packs_directory() / "databasecluster"))
BAD = GOOD.replace("replicas: 5", "replicas: 4").replace("orders", "carts")
ERROR = """\
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: wrong}
spec:
  match:
    resourceRules: [{apiGroups: [db.auditor.dev], apiVersions: [v1], resources: [databaseclusters], operations: ["*"]}]
  rules: [{name: divides, jq: .spec.replicas / 0 > 1}]
"""


def run(*arguments: str, cwd: Path, stdin: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(f"{GOOD}---\n{BAD}")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    (tmp_path / "error.yaml").write_text(ERROR)
    (tmp_path / "mistake.yaml").write_text(ERROR.replace(".spec.replicas / 0 > 1", "nonsense"))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("good.yaml",), 0),
        (("bad.yaml", "--fail-on", "critical"), 0),
        (("bad.yaml", "--policies", "error.yaml"), 3),
        (("bad.yaml", "broken.yaml"), 3),
        (("good.yaml", "nowhere.yaml"), 2),
        (("bad.yaml", "broken.yaml", "--policies", "mistake.yaml"), 2),
    ],
)
def test_exit_codes(files: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run("scan", *arguments, cwd=files)[0] == code


def test_labels_of_namespaces(files: Path) -> None:
    selective = ERROR.replace("  rules:", "    namespaceSelector: {matchLabels: {env: prod}}\n  rules:").replace(
        "/ 0", ""
    )
    (files / "selective.yaml").write_text(selective)
    crd = str(packs_directory() / "databasecluster" / "crd.yaml")
    arguments = ("scan", "bad.yaml", "--policies", "selective.yaml", "--crds", crd)
    assert run(*arguments, cwd=files)[0] == 3
    code, out, _ = run(*arguments, "--namespace-labels", "default:a=b,env=prod", cwd=files)
    assert (code, out) == (0, "2 objects: 2 pass\n")
    assert run(*arguments, "--namespace-labels", "default=prod", cwd=files)[0] == 2


def test_the_table(files: Path) -> None:
    code, out, err = run("scan", "-", *PACK, cwd=files, stdin=f"{GOOD}---\n{BAD}")
    assert (code, err) == (1, "")
    assert out == (
        "DatabaseCluster default/carts  (<stdin>:11)\n"
        "  high      databasecluster-quorum/odd-replicas: the number of replicas must be odd\n"
        "            /spec/replicas is 4  (<stdin>:16)\n"
        "            Use 3, 5 or 7 replicas over at least three zones.\n"
        "  high      databasecluster-quorum/survives-a-zone: with 4 replicas over 3 zones, losing one zone loses the "
        "majority\n"
        "            /spec/zones  (<stdin>:17)\n"
        "            Use 3, 5 or 7 replicas over at least three zones.\n"
        "2 objects: 22 pass, 2 fail\n"
    )


def test_the_json(files: Path) -> None:
    code, out, _ = run("scan", "bad.yaml", *PACK, "-o", "json", cwd=files)
    document = json.loads(out)
    assert code == 1
    assert document["summary"] == {"pass": 22, "fail": 2, "warn": 0, "error": 0, "skip": 0}
    assert [each["rule"] for each in document["findings"]] == ["odd-replicas", "survives-a-zone"]
    (kind,) = [each for each in document["coverage"] if "kind" in each]
    assert (kind["present"], kind["evaluated"], kind["crd"]) == (2, 2, True)


def test_mistakes_in_policies(files: Path) -> None:
    code, out, err = run("scan", "bad.yaml", "--policies", "mistake.yaml", cwd=files)
    assert (code, out) == (2, "")
    assert err.splitlines()[:2] == [
        "auditor: 1 mistake in the policies, nothing was judged",
        "mistake.yaml:7:31: Policy wrong, rule divides: /spec/rules/0/jq: nonsense/0 is not defined",
    ]
