"""What the control plane must be able to do, asked of it by the real kubectl."""

import base64
import http.server
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from auditor.certs import Authority
from auditor.errors import SandboxError
from auditor.sandbox import Sandbox

CRD = str(resources.files("auditor") / "policies" / "databasecluster" / "crd.yaml")
EXAMPLE = str(resources.files("auditor") / "policies" / "databasecluster" / "examples" / "good" / "orders.yaml")


@pytest.fixture(scope="module")
def kind(control_plane: Sandbox) -> None:
    control_plane.kubectl("apply", "--server-side", "-f", CRD)
    control_plane.kubectl("wait", "--for=condition=Established", "crd/databaseclusters.db.auditor.dev")


def test_versions_are_what_they_say(control_plane: Sandbox) -> None:
    versions = json.loads(control_plane.kubectl("version", "-o", "json").stdout)
    wanted = f"v{control_plane.record.version}"
    assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"] == wanted


@pytest.mark.usefixtures("kind")
def test_object_of_a_new_kind(control_plane: Sandbox, namespace: str) -> None:
    control_plane.kubectl("create", "-n", namespace, "-f", EXAMPLE)
    columns = control_plane.kubectl("get", "-n", namespace, "dbc").stdout.splitlines()[1].split()
    assert columns[:5] == ["orders", "postgresql", "17.6", "5", "100Gi"]
    explained = control_plane.kubectl("explain", "databasecluster.spec.replicas").stdout
    assert "How many members hold the data." in explained
    control_plane.kubectl("scale", "-n", namespace, "dbc/orders", "--replicas=7")
    assert control_plane.kubectl("get", "-n", namespace, "dbc/orders", "-o=jsonpath={.spec.replicas}").stdout == "7"


@pytest.mark.usefixtures("kind")
def test_namespace_is_deleted_with_what_is_in_it(control_plane: Sandbox) -> None:
    control_plane.kubectl("create", "namespace", "doomed")
    control_plane.kubectl("create", "-n", "doomed", "-f", EXAMPLE)
    control_plane.kubectl("delete", "namespace", "doomed", "--timeout=30s")
    assert "NotFound" in control_plane.kubectl("get", "namespace", "doomed", check=False).stderr


def test_owned_object_is_collected(control_plane: Sandbox, namespace: str) -> None:
    def config_map(name: str, **metadata: object) -> str:
        return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}})

    created = control_plane.kubectl("create", "-n", namespace, "-o", "json", "-f", "-", stdin=config_map("owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}
    owned = config_map("owned", ownerReferences=[{**reference, "uid": json.loads(created.stdout)["metadata"]["uid"]}])
    control_plane.kubectl("create", "-n", namespace, "-f", "-", stdin=owned)
    control_plane.kubectl("delete", "-n", namespace, "configmap", "owner")
    control_plane.kubectl("wait", "-n", namespace, "--for=delete", "configmap/owned", "--timeout=30s")


def test_rbac_refuses_a_user_and_allows_what_is_granted(control_plane: Sandbox, namespace: str) -> None:
    jane = control_plane.user_kubeconfig("jane", ["devs"])
    who = control_plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=jane).stdout
    info = json.loads(who)["status"]["userInfo"]
    assert (info["username"], info["groups"]) == ("jane", ["devs", "system:authenticated"])
    refused = control_plane.kubectl("get", "-n", namespace, "configmaps", kubeconfig=jane, check=False)
    assert 'User "jane" cannot list resource "configmaps"' in refused.stderr
    control_plane.kubectl("create", "-n", namespace, "rolebinding", "devs", "--clusterrole=view", "--group=devs")
    control_plane.kubectl("get", "-n", namespace, "configmaps", kubeconfig=jane)
    refused = control_plane.kubectl("delete", "-n", namespace, "configmap", "x", kubeconfig=jane, check=False)
    assert "Forbidden" in refused.stderr


def test_kubeconfig_goes_on_meaning_whom_it_meant(control_plane: Sandbox) -> None:
    given = {
        control_plane.user_kubeconfig(user, groups)
        for user, groups in (("x:y", ()), ("x_y", ()), ("x_y", ("g",)), ("x_y", ("g", "h")), ("X_y", ()))
    }
    assert len({str(path).lower() for path in given}) == 5  # the disk of a Mac takes both cases for the same


def test_service_account_has_its_own_rights(control_plane: Sandbox, namespace: str) -> None:
    control_plane.kubectl("create", "-n", namespace, "serviceaccount", "robot")
    robot = control_plane.service_account_kubeconfig(namespace, "robot")
    who = control_plane.kubectl("auth", "whoami", "-o=jsonpath={.status.userInfo.username}", kubeconfig=robot).stdout
    assert who == f"system:serviceaccount:{namespace}:robot"
    refused = control_plane.kubectl("get", "secrets", "-n", namespace, kubeconfig=robot, check=False)
    assert "Forbidden" in refused.stderr
    with pytest.raises(SandboxError, match='"no such" not found'):
        control_plane.service_account_kubeconfig(namespace, "no such")


def test_anonymous_gets_nothing(control_plane: Sandbox) -> None:
    trusted = ssl.create_default_context(cafile=control_plane.record.directory / "pki" / "ca.crt")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{control_plane.record.url}/api/v1/namespaces", context=trusted)  # noqa: S310 our own URL
    with refused.value as answer:
        assert answer.code == 403
        assert "system:anonymous" in json.load(answer)["message"]


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[tuple[str, bytes, list[dict[str, Any]]]]:
    """A server that refuses what it is asked: its URL, its authority, and the reviews that it got."""
    reviews: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reviews.append(review)
            response = {"uid": review["request"]["uid"], "allowed": False, "status": {"message": "not today"}}
            body = json.dumps({**review, "request": None, "response": response}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    authority = Authority.create("webhook")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("webhook", hosts=["127.0.0.1"], server=True).write(tmp_path, "tls"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/", authority.pair.certificate_pem, reviews
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("kind")
def test_webhook_is_called(
    control_plane: Sandbox, namespace: str, webhook: tuple[str, bytes, list[dict[str, Any]]], request: Any
) -> None:
    url, authority, reviews = webhook
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [
            {
                "name": "never.example.com",
                "clientConfig": {"url": url, "caBundle": base64.b64encode(authority).decode()},
                "rules": [
                    {
                        "apiGroups": ["db.auditor.dev"],
                        "apiVersions": ["*"],
                        "resources": ["databaseclusters"],
                        "operations": ["CREATE"],
                    }
                ],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
            }
        ],
    }
    control_plane.kubectl("create", "-f", "-", stdin=json.dumps(configuration))
    request.addfinalizer(lambda: control_plane.kubectl("delete", "validatingwebhookconfiguration", namespace))
    refused = _until(
        lambda: control_plane.kubectl("create", "-n", namespace, "--dry-run=server", "-f", EXAMPLE, check=False),
        lambda done: done.returncode != 0,
    )
    assert 'admission webhook "never.example.com" denied the request: not today' in refused.stderr
    assert reviews[0]["request"]["object"]["metadata"]["name"] == "orders"


def _until(act: Callable[[], Any], satisfied: Callable[[Any], bool]) -> Any:
    """The API server notices a new configuration within moments, and says nowhere when."""
    result = act()
    for _ in range(100):
        if satisfied(result):
            break
        result = act()
    return result
