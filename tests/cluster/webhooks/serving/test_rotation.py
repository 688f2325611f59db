"""New authorities and certificates under two replicas while eight clients ask all the time: nobody notices."""

import logging
import socket
import ssl
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from auditor.cli.certs import command
from auditor.cluster import Client, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.sandbox import Sandbox
from tests.cluster.webhooks.serving.balancer import Balancer, Load
from tests.cluster.webhooks.serving.conftest import NAMESPACE, free_port, policy, put
from tests.cluster.webhooks.serving.running import Program, wait
from tests.cluster.webhooks.serving.test_replicas import SIZE, ask

QUICK = "tests.cluster.webhooks.serving.quick"
log = logging.getLogger(__name__)
pytestmark = pytest.mark.timeout(240)  # two doors and a control plane start, and a hundred requests: on a busy machine


@pytest.fixture
def client(cluster: Sandbox) -> Iterator[Client]:
    found = connect(ClusterSettings(kubeconfig=str(cluster.kubeconfig), qps=10_000, burst=10_000))
    yield found
    found.transport.close()


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    found = Balancer()
    yield found
    found.stop()


def serves(program: Program) -> bytes:
    """Its certificate, as a client gets it that opens a connection now."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", program.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def test_no_request_fails_while_certificates_are_replaced(cluster: Sandbox, client: Client, balancer: Balancer) -> None:
    programs = [
        Program(cluster.kubeconfig, "--drain", "1.5", url=balancer.url, port=free_port(), module=QUICK)
        for _ in range(2)
    ]
    balancer.programs = programs
    try:
        for each in programs:
            each.wait_ready()
        put(cluster, policy("loaded", SIZE))
        wait(lambda: not ask(client), why=lambda: ask(client) + programs[0].text)
        before = serves(programs[0])
        with Load(lambda: ask(client)) as load:
            wait(lambda: load.asked > 50)
            options = ["--kubeconfig", str(cluster.kubeconfig), "-n", NAMESPACE, "--settle", "1"]
            done = CliRunner().invoke(command, ["rotate", *options])
            assert done.exit_code == 0, done.output
            wait(lambda: all(serves(each) != before for each in programs), 60, why=lambda: done.output)
            during = load.asked
            # Connections that are kept have the old certificate: with these all are opened anew.
            first, second = programs
            assert first.stop() == 0
            balancer.programs = [second]
            wait(lambda: load.asked > during + 100)
        log.warning("%d requests while all was rotated, %d failed", 2 * load.asked, len(load.failures))
        assert load.failures == []
        assert "add: " in done.output
        assert "switch: " in done.output
    finally:
        for each in programs:
            each.stop()
        for kind in ("validatingwebhookconfiguration", "mutatingwebhookconfiguration"):
            cluster.kubectl("delete", kind, "auditor", "--ignore-not-found")
        cluster.kubectl("delete", "policies", "--all")
