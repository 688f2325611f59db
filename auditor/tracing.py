"""Spans for OpenTelemetry, where it is installed and has been switched on. Otherwise they cost one comparison.

Stands above the rooms, as the errors do: a span of the cluster room is a child of the one that the door opened.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from auditor.errors import UsageError


class Span(Protocol):
    def set_attribute(self, key: str, value: str | int | float | bool) -> object: ...


class _Tracer(Protocol):
    def start_as_current_span(self, name: str) -> AbstractContextManager[Span]: ...


MISSING = "traces need OpenTelemetry: install it with `pip install 'auditor[otel]'`"

_tracer: _Tracer | None = None


def switch_on() -> None:
    """Spans go to whatever provider OpenTelemetry was given, by its own settings or by its SDK."""
    global _tracer
    try:
        from opentelemetry import trace  # an optional dependency, and not light
    except ImportError as error:
        raise UsageError(MISSING) from error
    _tracer = trace.get_tracer("auditor")


def send() -> None:
    """From now on spans go to a collector by OTLP, as OpenTelemetry's own variables of the environment say where.

    In the process that makes them, after any fork: they are sent by a thread.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise UsageError(MISSING) from error
    name = os.environ.get("OTEL_SERVICE_NAME") or "auditor"  # ours would go before that of the environment
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    switch_on()


def switch_off() -> None:
    global _tracer
    _tracer = None


def span(name: str, attributes: dict[str, str | int | float | bool]) -> AbstractContextManager[Span | None]:
    return nullcontext() if _tracer is None else _open(_tracer, name, attributes)


@contextmanager
def _open(tracer: _Tracer, name: str, attributes: dict[str, str | int | float | bool]) -> Iterator[Span]:
    with tracer.start_as_current_span(name) as current:
        for key, value in attributes.items():
            current.set_attribute(key, value)
        yield current
