"""`kubectl apply` of a changed CRD that would do harm, before `auditor webhook --crd-impact deny`."""

from collections.abc import Iterator

import pytest

from auditor.sandbox import Sandbox
from tests.cluster.webhooks.serving.conftest import Stage
from tests.cluster.webhooks.serving.shelves import GROUP, apply, definition, install, remove, start


@pytest.fixture(scope="module")
def denying(cluster: Sandbox) -> Iterator[Stage]:
    stage = start(cluster, "deny")
    yield stage
    assert stage.program.stop() == 0
    remove(cluster, "cans", "probes")


def test_what_would_do_harm_is_refused_until_somebody_insists(denying: Stage) -> None:
    stage = denying
    install(stage.cluster, "cans", [5, 20])
    name = f"cans.{GROUP}"
    tight = definition("cans", maximum=10)
    refused = apply(stage, tight)
    assert refused.returncode == 1
    assert "crd-impact: 1 object, v1: spec.size: would be invalid: " in refused.stderr
    assert "auditor impact --crd" in refused.stderr
    generation = stage.kubectl("get", "crd", name, "-o", "jsonpath={.metadata.generation}").stdout
    assert generation == "1"
    annotate = f"kubectl annotate crd {name} auditor.dev/accept-impact=2 --overwrite"
    assert annotate in refused.stderr
    assert stage.kubectl(*annotate.split()[1:]).returncode == 0
    accepted = apply(stage, tight)
    assert accepted.returncode == 0, accepted.stderr
    assert "would be invalid" in accepted.stderr
    again = apply(stage, definition("cans", maximum=4))
    assert again.returncode == 1
    assert "auditor.dev/accept-impact=3" in again.stderr
    assert apply(stage, definition("cans", maximum=4), "--dry-run=server").returncode == 1
    assert apply(stage, definition("cans", maximum=90)).returncode == 0
