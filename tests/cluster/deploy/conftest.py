"""A control plane of its own, which routes Services, and the chart as a release in it."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.sandbox import Sandbox
from tests import programs
from tests.cluster.deploy.workloads import ROOT, ROUTING, Workloads
from tests.cluster.history.conftest import postgresql  # noqa: F401 - a fixture

CHART = ROOT / "deploy" / "chart"
NAMESPACE = "auditor-system"


@dataclass(frozen=True, slots=True)
class Release:
    """`auditor` in `auditor-system`."""

    sandbox: Sandbox
    helm: Path

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(self.helm), *arguments, "--namespace", NAMESPACE],
            env=self.sandbox.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
        return done

    def install(self, *values: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("install", "auditor", str(CHART), "--create-namespace", *_set(values), check=check)

    def upgrade(self, *values: str, chart: Path = CHART, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("upgrade", "auditor", str(chart), *_set(values), check=check)

    def uninstall(self) -> subprocess.CompletedProcess[str]:
        return self.run("uninstall", "auditor")


def _set(values: tuple[str, ...]) -> list[str]:
    """`webhook.replicas=3`, or JSON: `rbac.kinds=[...]`."""
    return [word for each in values for word in ("--set-json" if each.endswith(("]", "}")) else "--set", each)]


@pytest.fixture(scope="package")
def cluster() -> Iterator[Sandbox]:
    with Sandbox.start(f"deploy-{os.getpid()}", owner=os.getpid(), api_server_arguments=ROUTING) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def helm() -> Path:
    return programs.helm()


@pytest.fixture(scope="package")
def release(cluster: Sandbox, helm: Path) -> Release:
    return Release(cluster, helm)


@pytest.fixture
def workloads(cluster: Sandbox, tmp_path: Path) -> Workloads:
    return Workloads(sandbox=cluster, namespace=NAMESPACE, folder=tmp_path)
