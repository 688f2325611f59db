"""Spans for OpenTelemetry, where it is installed and has been switched on. Otherwise they cost one comparison.

Stands above the rooms, as the errors do: a span of the cluster room is a child of the one that the door opened. What a
span says is listed in docs/tracing.md; no value of an object is in it, and no text of an error, which might quote one.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Protocol, TypeAlias

from auditor.errors import UsageError

Value: TypeAlias = str | int | float | bool
Carried: TypeAlias = object
"""The place of a span in its trace, for work that goes on in another thread. Its form is OpenTelemetry's own."""


class Span(Protocol):
    def set_attribute(self, key: str, value: Value) -> object: ...


MISSING: Final = "traces need OpenTelemetry: install it with `pip install 'auditor[otel]'`"

_OFF: Final[AbstractContextManager[None]] = nullcontext()
_NOTHING: Final[Mapping[str, Value]] = {}
_api: "_Api | None" = None
_provider: Any = None


class _Api:
    """The parts of OpenTelemetry's API that we use, looked up once."""

    def __init__(self) -> None:
        from opentelemetry import context, propagate, trace  # an optional dependency, and not light

        self.tracer = trace.get_tracer("auditor")
        self.extract, self.current = propagate.extract, context.get_current
        self.nowhere = context.Context()
        self.here, self.error = trace.get_current_span, trace.StatusCode.ERROR
        self.server, self.client, self.internal = (
            trace.SpanKind.SERVER,
            trace.SpanKind.CLIENT,
            trace.SpanKind.INTERNAL,
        )


def switch_on() -> None:
    """Spans go to whatever provider OpenTelemetry was given, by its own settings or by its SDK."""
    global _api
    try:
        _api = _Api()
    except ImportError as error:
        raise UsageError(MISSING) from error


def send() -> None:
    """From now on spans go to a collector by OTLP, as OpenTelemetry's own variables of the environment say where.

    In the process that makes them, after any fork: they are sent by a thread.
    """
    global _provider
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise UsageError(MISSING) from error
    name = os.environ.get("OTEL_SERVICE_NAME") or "auditor"  # ours would go before that of the environment
    # At the exit the SDK would wait for a collector that is away, for longer than a pod has: `finish` waits for less.
    _provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(_provider)
    switch_on()


LAST: Final = 1.0
"""Seconds that a collector gets at the end: a service is to be over in 10 s, whoever is away."""


def finish() -> None:
    """At the end of a service: what waits is sent now, or never."""
    if _provider is not None:
        last = threading.Thread(target=_provider.force_flush, name="last spans", daemon=True)
        last.start()
        last.join(LAST)


def switch_off() -> None:
    global _api
    _api = None


def is_on() -> bool:
    """For those who would prepare what a span says."""
    return _api is not None


def begin(
    name: str, attributes: Mapping[str, Value], environ: Mapping[str, Any] | None = None
) -> AbstractContextManager[Span | None]:
    """A trace; or, where somebody asks us (`environ` is of WSGI), our part of the one that the headers name."""
    if _api is None:
        return _OFF
    if environ is None:
        return _open(_api, name, attributes, _api.internal, _api.nowhere)
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    return _open(_api, name, attributes, _api.server, _api.extract(headers, _api.nowhere))


def span(name: str, attributes: Mapping[str, Value] = _NOTHING) -> AbstractContextManager[Span | None]:
    """A step of what is traced in this thread; nothing where nothing is: a step alone would tell nobody anything."""
    return _OFF if _api is None or not _is_traced(_api) else _open(_api, name, attributes, _api.internal)


def call(name: str, attributes: Mapping[str, Value]) -> AbstractContextManager[Span | None]:
    """A step that somebody else does for us."""
    return _OFF if _api is None or not _is_traced(_api) else _open(_api, name, attributes, _api.client)


def resume(name: str, attributes: Mapping[str, Value], carried: Carried | None) -> AbstractContextManager[Span | None]:
    """A step of what another thread has traced."""
    return _OFF if _api is None or carried is None else _open(_api, name, attributes, _api.internal, carried)


def carry() -> Carried | None:
    """Where in its trace this thread is now, for `resume` in another one. None: nothing is traced here."""
    return _api.current() if _api is not None and _is_traced(_api) else None


def current_trace() -> str:
    """Of the span that is open in this thread, as collectors write it; empty: there is none."""
    if _api is None:
        return ""
    found = _api.here().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else ""


def _is_traced(api: _Api) -> bool:
    """Of a trace that is not sampled nobody will ever see the steps."""
    return api.here().is_recording()


@contextmanager
def _open(
    api: _Api, name: str, attributes: Mapping[str, Value], kind: Any, parent: Carried | None = None
) -> Iterator[Span]:
    with api.tracer.start_as_current_span(
        name,
        parent,  # type: ignore[arg-type]  # a Context, which is there only where it is installed
        kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(api.error)
            raise
