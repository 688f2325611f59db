"""Spans reach a collector where they are switched on, those of the door among them, and cost nothing elsewhere."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from auditor import tracing
from auditor.errors import UsageError
from auditor.webhooks.asked import Hook
from tests.unit.audit.making import policy, setting, without_checks
from tests.unit.audit.making import thing as stored
from tests.unit.audit.test_follower import Bench
from tests.unit.webhooks.making import conversion, conversion_review, open_door, review, rules, thing

PROGRAM = """
from auditor import tracing
from auditor.webhooks.asked import Hook
from tests.unit.audit.making import policy, setting, without_checks
from tests.unit.audit.making import thing as stored
from tests.unit.audit.test_follower import Bench
from tests.unit.webhooks.making import SMALL, open_door, review, rules, thing
import orjson

tracing.send()
with tracing.begin("outer", {"a": 1}):
    open_door(rules(SMALL)).review(Hook.VALIDATE, orjson.dumps(review(thing({"size": 1}))), name="fail-10s")
tracing.finish()
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


TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace._TRACER_PROVIDER = provider  # set_tracer_provider works once in a process
    tracing.switch_on()
    yield exporter
    tracing.switch_off()
    trace._TRACER_PROVIDER = None


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {each.name: each for each in exporter.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def test_a_step_outside_of_a_trace_is_none(exporter: InMemorySpanExporter) -> None:
    with tracing.span("step"), tracing.call("ask", {}), tracing.resume("go on", {}, tracing.carry()):
        assert tracing.current_trace() == ""
    assert exporter.get_finished_spans() == ()


def test_steps_are_below_what_began(exporter: InMemorySpanExporter) -> None:
    with tracing.begin("all", {"a": 1}):
        with tracing.span("step", {"b": "c"}), tracing.call("ask", {}):
            pass
        assert len(tracing.current_trace()) == 32
        with tracing.begin("another", {}):
            pass
    spans = named(exporter)
    assert parent_of(spans["step"]) == id_of(spans["all"])
    assert parent_of(spans["ask"]) == id_of(spans["step"])
    assert spans["all"].parent is spans["another"].parent is None
    assert spans["step"].attributes == {"b": "c"}
    assert [spans[each].kind for each in ("all", "step", "ask")] == [
        SpanKind.INTERNAL,
        SpanKind.INTERNAL,
        SpanKind.CLIENT,
    ]


def test_work_goes_on_in_another_thread(exporter: InMemorySpanExporter) -> None:
    with tracing.begin("all", {}):
        carried = tracing.carry()

    def work() -> None:
        with tracing.resume("later", {}, carried), tracing.span("step"):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    spans = named(exporter)
    assert parent_of(spans["later"]) == id_of(spans["all"])
    assert parent_of(spans["step"]) == id_of(spans["later"])


@pytest.mark.parametrize(("flags", "count"), [("01", 2), ("00", 0)])
def test_who_asks_says_which_trace_it_is_and_whether_it_is_kept(
    exporter: InMemorySpanExporter, flags: str, count: int
) -> None:
    environ = {"HTTP_TRACEPARENT": f"00-{TRACE}-{PARENT}-{flags}", "HTTP_HOST": "x", "REQUEST_METHOD": "POST"}
    with tracing.begin("answer", {}, environ), tracing.span("step"):
        assert tracing.current_trace() == TRACE
    assert len(exporter.get_finished_spans()) == count
    if count:
        answer = named(exporter)["answer"]
        assert (parent_of(answer), answer.kind) == (int(PARENT, 16), SpanKind.SERVER)


@pytest.mark.parametrize("header", ["", "00-zz-1-01", "x" * 10_000, f"00-{'0' * 32}-{PARENT}-01"])
def test_a_header_that_says_nothing_begins_a_trace(exporter: InMemorySpanExporter, header: str) -> None:
    with tracing.begin("answer", {}, {"HTTP_TRACEPARENT": header}):
        pass
    assert named(exporter)["answer"].parent is None


def test_of_an_error_its_class_is_told_and_not_its_text(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret"), tracing.begin("all", {}):
        raise ValueError("secret")
    found = named(exporter)["all"]
    assert (found.status.status_code, found.attributes) == (StatusCode.ERROR, {"error.type": "ValueError"})
    assert not found.events
    assert "secret" not in found.to_json()


def test_a_mutation_and_a_conversion_are_traced_too(exporter: InMemorySpanExporter) -> None:
    mutation = {"name": "m", "mergePatch": {"spec": {"class": "standard"}}}
    door = open_door(rules(mutate=[mutation]))
    door.review(Hook.MUTATE, orjson.dumps(review(thing({"size": 1}))), name="fail-10s")
    spans = named(exporter)
    assert set(spans) == {"review mutate", "decode", "request", "mutate", "policy", "respond"}
    assert (spans["review mutate"].attributes or {})["auditor.outcome"] == "patched"
    assert (spans["policy"].attributes or {})["auditor.policy"] == "sizes"
    exporter.clear()
    open_door(conversions=[conversion()]).convert(orjson.dumps(conversion_review()))
    assert (named(exporter)["review convert"].attributes or {})["auditor.outcome"] == "allowed"


def test_what_was_there_at_a_start_is_not_traced(exporter: InMemorySpanExporter) -> None:
    bench = Bench(setting(policy("p"), kind=without_checks()))
    bench.informer.tell(stored("a", n=2), initial=True)
    assert exporter.get_finished_spans() == ()
    bench.settle()
    bench.informer.tell(stored("a", n=1))
    assert set(named(exporter)) == {"object judged", "judge", "policy", "checks", "tell"}
    assert (named(exporter)["object judged"].attributes or {})["auditor.resolved"] == 1


def test_a_request_that_cannot_be_read_is_an_error_without_its_text(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(Exception, match="no JSON"):
        open_door().review(Hook.VALIDATE, b"secret", name="fail-10s")
    assert (named(exporter)["review validate"].attributes or {})["error.type"] == "UnreadableError"


AWAY = """
import time
from auditor import tracing
tracing.send()
for _ in range(100):
    with tracing.begin("all", {}):
        pass
begun = time.monotonic()
tracing.finish()
print(time.monotonic() - begun)
"""


def test_a_collector_that_is_away_holds_the_end_up_for_a_second() -> None:
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", AWAY], env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) < tracing.LAST + 0.5
    assert time.monotonic() - begun < 20  # it would try for more than a minute
