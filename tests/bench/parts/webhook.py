"""The door without its server: from the body of an AdmissionReview to that of the answer, bare and through Flask.

One review of 1.5 KB with 5 CEL rules may take 0.40 ms of CPU in all, with TLS and gunicorn. The engine takes 0.06 of
it, Flask 0.05 to 0.16; what we add between the two is to stay under 0.05.
"""

import io
import logging
from collections.abc import Callable
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.json import JsonObject
from auditor.webhooks.app import create_app
from auditor.webhooks.asked import Hook
from auditor.webhooks.decisions import Ring
from auditor.webhooks.decode import ADMISSION, open_review, read_request
from auditor.webhooks.door import Door
from auditor.webhooks.metrics import Meters
from auditor.webhooks.snapshot import Holder, Snapshot

RULES = (
    "object.spec.replicas % 2 == 1",
    "object.spec.members.all(m, m.cpu <= 16)",
    "object.metadata.labels['team'] != ''",
    "object.spec.image.startsWith('registry.example.com/')",
    "!has(object.spec.tls) || object.spec.tls.mode == 'Required'",
)


def policy(name: str, rules: tuple[str, ...], group: str = "example.com", **spec: Any) -> JsonObject:
    resource = {"apiGroups": [group], "apiVersions": ["v1"], "resources": ["things"], "operations": ["CREATE"]}
    named = [{"name": f"r{i}", "cel": text, "remediation": "Ask the owners."} for i, text in enumerate(rules)]
    match = {"resourceRules": [resource]}
    return {"metadata": {"name": name}, "spec": {"match": match, "rules": named, "enforcement": "Deny", **spec}}


def review(replicas: int = 5, count: int = 18) -> bytes:
    """As the API server sends it: 1.5 KB of object, 0.6 KB around it."""
    members = [{"name": f"member-{i}", "cpu": i % 8, "memory": "16Gi", "zone": "eu-1a"} for i in range(count)]
    thing = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": "here", "labels": {"team": "a", "app": "b"}},
        "spec": {
            "replicas": replicas,
            "image": "registry.example.com/thing:1.2.3",
            "tls": {"mode": "Required"},
            "members": members,
        },
    }
    kind = {"group": "example.com", "version": "v1", "kind": "Thing"}
    resource = {"group": "example.com", "version": "v1", "resource": "things"}
    user = {"username": "jane@example.com", "uid": "3b4c", "groups": ["developers", "system:authenticated"]}
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "name": "one",
        "namespace": "here",
        "operation": "CREATE",
        "userInfo": user,
        "object": thing,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "kubectl-create"},
    }
    return orjson.dumps({"kind": ADMISSION[1], "apiVersion": ADMISSION[0], "request": request})


def environment(body: bytes) -> JsonObject:
    """What gunicorn hands to the app."""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/validate/fail-10s",
        "QUERY_STRING": "timeout=10s",
        "SERVER_NAME": "auditor-webhook.auditor-system.svc",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "auditor-webhook.auditor-system.svc",
        "HTTP_USER_AGENT": "kube-apiserver-admission",
        "HTTP_ACCEPT": "application/json, */*",
        "HTTP_ACCEPT_ENCODING": "gzip",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "SCRIPT_NAME": "",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    logging.getLogger("auditor.webhooks").setLevel(logging.WARNING)
    one = policy("p", RULES)
    changes = [{"name": "class", "mergePatch": {"spec": {"class": "standard"}}}]
    door = make_door(one)
    mutating = make_door(policy("m", (), mutate=changes))
    crowded = make_door(one, *(policy(f"o{i}", ("true",), group=f"g{i}.example.com") for i in range(1000)))
    body, bad, large = review(), review(4), review(5, 1500)
    app = create_app(door)
    snapshot = door.snapshots.current
    assert snapshot is not None

    def decode_only() -> object:
        return read_request(open_review(body, ADMISSION), snapshot, snapshot.world, time=door._clock())

    def judge_only() -> object:
        return snapshot.everything.engine.judge(decode_only(), passes=False)  # type: ignore[arg-type]

    def through_flask() -> object:
        answer = app.wsgi_app(environment(body), lambda *_: io.BytesIO().write)
        return b"".join(answer)

    return [
        (f"decode {len(body)} bytes", decode_only),
        ("decode and judge, 5 CEL rules", judge_only),
        ("from body to body, admitted", lambda: door.review(Hook.VALIDATE, body, name="fail-10s", timeout=10)),
        ("the same, 1,000 policies for other kinds", lambda: crowded.review(Hook.VALIDATE, body, name="fail-10s")),
        ("from body to body, denied by one rule", lambda: door.review(Hook.VALIDATE, bad, name="fail-10s")),
        ("from body to body, mutated", lambda: mutating.review(Hook.MUTATE, body, name="fail-10s")),
        (f"from body to body in a child, {len(large)} bytes", lambda: door.review(Hook.VALIDATE, large)),
        ("through Flask, admitted", through_flask),
    ]


def make_door(*policies: JsonObject) -> Door:
    engine = Engine.compile(read_policy(each) for each in policies)
    names = {each["metadata"]["name"] for each in policies}
    snapshot = Snapshot.of(engine, groups={"validate/fail-10s": names, "mutate/fail-10s": names})
    return Door(Holder(snapshot), ring=Ring(), meters=Meters(CollectorRegistry()))
