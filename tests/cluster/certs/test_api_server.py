"""The API server itself calls a webhook while the authority behind it is replaced: it refuses nothing.

Its own TLS and its own watch of the registration decide here. Each call is a new connection.
"""

import base64
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

from auditor.certs import Action, Lifetimes
from auditor.certs.bundle import fingerprint
from auditor.cluster import Client, WriteOptions
from auditor.cluster.resource import Resource
from auditor.errors import AuditorError
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.certificates.own import SecretKeeper, SecretSettings
from auditor.webhooks.certificates.registered import VALIDATING, Registered
from auditor.webhooks.certificates.source import Certificates

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SETTLE = timedelta(seconds=2)


class Reviewer(BaseHTTPRequestHandler):
    """Allows everything. HTTP/1.0 of the standard library: the connection ends with the answer."""

    def do_POST(self) -> None:
        review = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        review["response"] = {"uid": review["request"]["uid"], "allowed": True}
        body = orjson.dumps(review)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Webhook(ThreadingHTTPServer):
    daemon_threads = True
    certificates: Certificates
    served: int = 0

    def finish_request(self, request: object, client_address: object) -> None:
        connection = self.certificates.context().wrap_socket(request, server_side=True)  # type: ignore[arg-type]
        self.served += 1
        Reviewer(connection, client_address, self)
        connection.close()

    def handle_error(self, *_: object) -> None:
        """The API server tells of it."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook(("127.0.0.1", 0), Reviewer)
    thread = threading.Thread(target=webhook.serve_forever, args=(0.05,))
    thread.start()
    yield webhook
    webhook.shutdown()
    webhook.server_close()
    thread.join()


class Writers:
    """Create config maps, dry, until they are told to stop."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client, self.namespace = client, namespace
        self.done = 0
        self.failures: list[str] = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(2)]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": self.namespace, "name": "x"}}
        while not self._stopping.is_set():
            try:
                self.client.create(CONFIG_MAPS, body, options=WriteOptions(dry_run=True))
            except AuditorError as error:
                self.failures.append(str(error))
            self.done += 1


def test_api_server_calls_all_through_a_rotation(client: Client, namespace: str, webhook: Webhook) -> None:
    name = f"certs-{uuid.uuid4().hex[:8]}"

    def register(material: Material) -> None:
        assert material.authorities
        url = f"https://127.0.0.1:{webhook.server_port}/validate"
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}
        config = {
            "name": "door.auditor.dev",
            "clientConfig": {"url": url, "caBundle": base64.b64encode(material.authorities).decode()},
            "rules": [rule],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": VALIDATING.kind, "metadata": {"name": name}}
        client.apply(VALIDATING, body | {"webhooks": [config]}, force=True)

    settings = SecretSettings(namespace=namespace, hosts=("127.0.0.1",), times=Lifetimes(settle=SETTLE), poll=0.2)
    keepers = [SecretKeeper(client, settings, trust=Registered(client, SETTLE).trust) for _ in range(2)]
    replicas = [Certificates(keepers[0], on_change=register), Certificates(keepers[1])]
    webhook.certificates = replicas[0]
    for replica in replicas:
        replica.start()
    try:
        deadline = time.monotonic() + 20
        while webhook.served == 0:  # the API server sees the registration soon
            assert time.monotonic() < deadline
            client.create(
                CONFIG_MAPS,
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": "first"}},
                options=WriteOptions(dry_run=True),
            )
        before = replicas[0].material
        assert before
        with Writers(client, namespace) as writers:
            person = SecretKeeper(client, settings, trust=Registered(client, SETTLE).trust)
            person.refresh(force=Action.ADD)
            assert person.bundle
            assert person.bundle.coming
            wanted = fingerprint(person.bundle.coming.authority.pair.certificate)
            deadline = time.monotonic() + 30
            while {_signer(keeper) for keeper in keepers} != {wanted}:  # both replicas serve what the next one signed
                assert time.monotonic() < deadline
                time.sleep(0.05)  # waiting for the real API server, in real time
            after = webhook.served
            while webhook.served < after + 20:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert writers.failures == []
        assert writers.done > 40
        assert replicas[0].material
        assert replicas[0].material.certificate != before.certificate
        assert replicas[0].tls.handshakes.failures == {}
    finally:
        for replica in replicas:
            replica.stop()
        client.delete(VALIDATING, name)


def _signer(keeper: SecretKeeper) -> str:
    assert keeper.bundle
    return fingerprint(keeper.bundle.current.pair.certificate) if keeper.bundle.current else ""
