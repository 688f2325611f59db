"""A control plane of its own: there is one AuditConfig in a cluster."""

import os
from collections.abc import Iterator

import pytest

from auditor import crds
from auditor.cluster import Client, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.sandbox import Sandbox


@pytest.fixture(scope="package")
def own() -> Iterator[Sandbox]:
    with Sandbox.start(f"status-{os.getpid()}", owner=os.getpid()) as found:
        for name in crds.names():
            found.kubectl("apply", "--server-side", "-f", "-", stdin=crds.read(name))
        found.kubectl("wait", "--for=condition=Established", "crd", "--all")
        yield found


@pytest.fixture
def client(own: Sandbox) -> Iterator[Client]:
    found = connect(ClusterSettings(kubeconfig=str(own.kubeconfig), qps=1000, burst=1000))
    yield found
    found.transport.close()
