"""What is made of the chart and of our CRDs: `python -m tests.unit.deploy` writes it, a test looks whether it is so."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from auditor import crds
from tests import programs
from tests.unit.deploy.values import CHART, Value, make_schema, read_values

ROOT: Final = CHART.parents[1]
INSTALL: Final = ROOT / "docs" / "install.md"
TABLE = re.compile(r"(?<=\n\| value \| default \| what it is \|\n\|---\|---\|---\|\n).*?(?=<!-- end -->)", re.DOTALL)
NAMESPACE: Final = """\
# auditor without Helm: `kubectl apply --server-side -f install.yaml`. Made of deploy/chart with its default values by
# `python -m tests.unit.deploy`; the CRDs of the reports are in report-crds.yaml, for clusters that have none.
---
apiVersion: v1
kind: Namespace
metadata:
  name: auditor-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""
REPORTS: Final = (
    "# For clusters that have no CRDs of reports yet: `kubectl create -f report-crds.yaml`, which overwrites nothing.\n"
)


def render(*arguments: str) -> str:
    """The chart as Helm renders it; AssertionError with what Helm says."""
    done = subprocess.run(
        [str(programs.helm()), "template", "auditor", str(CHART), "--namespace", "auditor-system", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def generate() -> Mapping[Path, str]:
    """All files, with what has to be in them."""
    values = read_values()
    copies = {CHART / "files" / "crds" / f"{name}.yaml": crds.read(name) for name in crds.names()}
    for api in ("openreports", "wgpolicyk8s"):
        copies[CHART / "files" / "crds" / "reports" / f"{api}.yaml"] = crds.read_reports(api)
    return {
        **copies,
        CHART / "values.schema.json": json.dumps(make_schema(values), indent=2) + "\n",
        INSTALL: TABLE.sub(lambda _: write_table(values), INSTALL.read_text()),
    }


def generate_manifests() -> Mapping[Path, str]:
    """Of the chart as it is now, with its CRDs and its schema."""
    place = ROOT / "deploy" / "manifests"
    rendered = render("--skip-tests", "--set", "reportCrds.install=false")
    return {
        place / "install.yaml": NAMESPACE + _without_helm(rendered),
        place / "report-crds.yaml": REPORTS + "---\n" + crds.read_reports("openreports"),
    }


def write_table(values: list[Value]) -> str:
    return "".join(
        f"| `{each.path}` | {_show(each)} | {each.description.replace('|', chr(92) + '|')} |\n" for each in values
    )


def _show(value: Value) -> str:
    return "" if value.default in ("", [], {}) else f"`{json.dumps(value.default)}`"


def _without_helm(text: str) -> str:
    """What speaks of a release, and the annotations that were about nothing else."""
    text = re.sub(
        r"^ +(helm\.sh/(chart|resource-policy)|app\.kubernetes\.io/managed-by):.*\n", "", text, flags=re.MULTILINE
    )
    text = re.sub(r"^ +annotations:\n(?= {0,2}\S)", "", text, flags=re.MULTILINE)
    return re.sub(r"^# Source: .*\n", "", text, flags=re.MULTILINE)
