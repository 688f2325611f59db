"""The app of the admission port behind TLS, in a thread of the tests, and its registration with a real API server."""

import base64
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import CollectorRegistry
from werkzeug.serving import make_server

from auditor.certs import Authority
from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.app import create_app
from auditor.webhooks.decisions import Ring
from auditor.webhooks.door import Door
from auditor.webhooks.gate import Gate
from auditor.webhooks.metrics import Meters
from auditor.webhooks.snapshot import Holder, Snapshot

SECONDS = 20
"""In which a registration is in force: the API server watches for it, and says nothing when it has seen it."""


class Serving:
    def __init__(self, directory: Path) -> None:
        self.authority = Authority.create("tests of webhooks")
        pair = self.authority.issue("webhook", hosts=["127.0.0.1"], server=True)
        certificate, key = pair.write(directory, "webhook")
        self.door = Door(Holder(Snapshot.of(Engine.compile(()))), ring=Ring(), meters=Meters(CollectorRegistry()))
        self.gate = Gate()
        app = create_app(self.door, gate=self.gate)
        self._server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=(str(certificate), str(key)))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def judge_by(self, *policies: JsonObject, **more: Any) -> None:
        self.door.snapshots.replace(Snapshot.of(Engine.compile(read_policy(each) for each in policies), **more))

    def client_config(self, path: str) -> JsonObject:
        authority = base64.b64encode(self.authority.pair.certificate_pem).decode()
        return {"url": f"https://127.0.0.1:{self._server.port}{path}", "caBundle": authority}

    def register(self, control_plane: Sandbox, namespace: str, *, timeout: int = 10) -> Callable[[], None]:
        """For things in this namespace; in force when it returns. What comes back takes it away again."""
        rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["*"]}
        common = {
            "admissionReviewVersions": ["v1"],
            "sideEffects": "NoneOnDryRun",
            "timeoutSeconds": timeout,
            "rules": [rule],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        }
        kinds = {"validate": "ValidatingWebhookConfiguration", "mutate": "MutatingWebhookConfiguration"}
        for hook, kind in kinds.items():
            webhooks = [
                {
                    **common,
                    "name": f"{failure.lower()}.{hook}.auditor.dev",
                    "failurePolicy": failure,
                    "clientConfig": self.client_config(f"/{hook}/{failure.lower()}"),
                    "objectSelector": {"matchLabels": {"failure": failure}},
                }
                for failure in ("Fail", "Ignore")
            ]
            thing = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "webhooks": webhooks}
            put(control_plane, {**thing, "metadata": {"name": namespace}})
        self._wait(control_plane, namespace)

        def remove() -> None:
            control_plane.kubectl("delete", *(f"{kind}/{namespace}" for kind in kinds.values()))

        return remove

    def _wait(self, control_plane: Sandbox, namespace: str) -> None:
        """Until both are called."""
        seen = self.door.ring.since(0)["counters"]["decisions"]
        until = time.monotonic() + SECONDS
        probe = orjson.dumps(thing("probe", namespace, {"size": 1})).decode()
        while time.monotonic() < until:
            control_plane.kubectl("create", "-f", "-", stdin=probe, check=False)
            control_plane.kubectl("delete", "thing", "probe", "-n", namespace, check=False)
            found = self.door.ring.since(0)["counters"]["decisions"]
            if {each["webhook"] for each in found if each not in seen} >= {"validate", "mutate"}:
                return
        raise AssertionError(f"the webhooks were not called within {SECONDS} s")


def put(control_plane: Sandbox, thing: JsonObject) -> None:
    control_plane.kubectl("apply", "-f", "-", stdin=orjson.dumps(thing).decode())


def thing(name: str, namespace: str, spec: JsonObject, *, failure: str = "Fail", version: str = "v1") -> JsonObject:
    metadata = {"name": name, "namespace": namespace, "labels": {"failure": failure}}
    return {"apiVersion": f"example.com/{version}", "kind": "Thing", "metadata": metadata, "spec": spec}


def crd(serving: Serving) -> JsonObject:
    """Two versions, converted by us."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    versions = [
        {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}}
        for name in ("v1", "v2")
    ]
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": serving.client_config("/convert/things.example.com")}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }
