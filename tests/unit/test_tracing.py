"""Spans reach a collector where they are switched on, those of the door among them, and cost nothing elsewhere."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from auditor import tracing
from auditor.errors import UsageError

PROGRAM = """
from auditor import tracing
from auditor.webhooks.asked import Hook
from tests.unit.webhooks.making import SMALL, open_door, review, rules, thing
import orjson
from opentelemetry import trace

tracing.send()
with tracing.span("outer", {"a": 1}):
    open_door(rules(SMALL)).review(Hook.VALIDATE, orjson.dumps(review(thing({"size": 1}))), name="fail-10s")
trace.get_tracer_provider().shutdown()
"""


class Collector(BaseHTTPRequestHandler):
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_spans_go_to_the_collector_that_the_environment_names() -> None:
    bodies: list[bytes] = []
    server = HTTPServer(("127.0.0.1", 0), type("Mine", (Collector,), {"bodies": bodies}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        where = f"http://127.0.0.1:{server.server_port}"
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": where, "OTEL_SERVICE_NAME": "door-of-tests"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False, timeout=50
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (done.returncode, done.stderr) == (0, "")
    sent = b"".join(bodies)
    for word in (b"door-of-tests", b"outer", b"review validate", b"auditor.outcome", b"fail-10s"):
        assert word in sent


def test_without_opentelemetry_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for switch in (tracing.switch_on, tracing.send):
        with pytest.raises(UsageError, match=r"pip install 'auditor\[otel\]'"):
            switch()


def test_off_there_is_no_span() -> None:
    with tracing.span("x", {}) as current:
        assert current is None
