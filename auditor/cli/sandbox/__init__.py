"""`auditor sandbox`: a real control plane on this computer, one module for each of its commands."""

import click

from auditor.cli.sandbox.build import build
from auditor.cli.sandbox.execute import execute, kubectl
from auditor.cli.sandbox.kubeconfig import kubeconfig
from auditor.cli.sandbox.show import list_all, status
from auditor.cli.sandbox.start import down, up


@click.group("sandbox")
def command() -> None:
    """A real Kubernetes control plane on this computer: no container, no cluster.

    etcd, API server, controllers and kubectl, with RBAC and TLS. There are no nodes: workloads are objects, and their
    pods do not run. The programs come from KUBEBUILDER_ASSETS, from the cache, or are built once (5 minutes).
    """


for part in (up, down, status, list_all, kubectl, execute, kubeconfig, build):
    command.add_command(part)
