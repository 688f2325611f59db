"""docs/dynamic-client.md: its examples run as they stand there, with the output that is shown; all metrics are told."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram

from auditor.cluster import metrics
from auditor.sandbox import Sandbox

PAGE = (Path(__file__).parents[3] / "docs" / "dynamic-client.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CRD = next(text for language, text in BLOCKS if language == "yaml")
EXAMPLES = [
    (text, BLOCKS[i + 1][1]) for i, (language, text) in enumerate(BLOCKS) if language == "python"
]  # each with the block behind it, which is its output


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sandbox]:
    """Of their own: the examples name a namespace and a kind, as examples do."""
    with Sandbox.start(f"docs-{os.getpid()}") as sandbox:
        sandbox.kubectl("create", "namespace", "shop")
        sandbox.kubectl("apply", "-f", "-", stdin=CRD)
        sandbox.kubectl("wait", "--for=condition=Established", "crd/databases.db.example.com")
        deadline = time.monotonic() + 30
        while sandbox.kubectl("get", "databases.db.example.com", check=False).returncode:
            assert time.monotonic() < deadline, "the kind is not served"
        yield sandbox


def test_every_example_has_its_output() -> None:
    languages = [language for language, _ in BLOCKS]
    assert len(EXAMPLES) == languages.count("text") == 4


@pytest.mark.parametrize(("program", "output"), EXAMPLES, ids=["verbs", "watch", "controller", "lease"])
def test_example(cluster: Sandbox, program: str, output: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.stderr == ""
    assert (done.stdout, done.returncode) == (output, 0)


def test_every_metric_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(auditor_cluster_\w+)` \| ([\w, ]*) ?\| (.+) \|$", PAGE, re.MULTILINE)
    told = {name: (tuple(filter(None, labels.strip().split(", "))), text) for name, labels, text in rows}
    there = {}
    for each in vars(metrics).values():
        if isinstance(each, Counter | Gauge | Histogram):
            family = next(iter(each.describe()))
            name = f"{family.name}_total" if isinstance(each, Counter) else family.name
            there[name] = (tuple(each._labelnames), family.documentation)
    assert told == there
