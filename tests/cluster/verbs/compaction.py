"""Makes etcd forget what was, as it does by itself every five minutes."""

import http.client
import ssl

import orjson

from auditor.sandbox import Sandbox


def compact(control_plane: Sandbox, revision: int) -> None:
    pki = control_plane.record.directory / "pki"
    tls = ssl.create_default_context(cafile=pki / "ca.crt")
    tls.load_cert_chain(pki / "etcd.crt", pki / "etcd.key")
    connection = http.client.HTTPSConnection("127.0.0.1", control_plane.record.etcd_port, context=tls, timeout=10)
    try:
        body = orjson.dumps({"revision": revision, "physical": True})
        connection.request("POST", "/v3/kv/compaction", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    finally:
        connection.close()
