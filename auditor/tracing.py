"""Spans for OpenTelemetry, where it is installed and has been switched on. Otherwise they cost one comparison.

Stands above the rooms, as the errors do: a span of the cluster room is a child of the one that the door opened.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from auditor.errors import UsageError


class Span(Protocol):
    def set_attribute(self, key: str, value: str | int | float | bool) -> object: ...


class _Tracer(Protocol):
    def start_as_current_span(self, name: str) -> AbstractContextManager[Span]: ...


_tracer: _Tracer | None = None


def switch_on() -> None:
    """Spans go to whatever provider OpenTelemetry was given, by its own settings or by its SDK."""
    global _tracer
    try:
        from opentelemetry import trace  # an optional dependency, and not light
    except ImportError as error:
        raise UsageError("traces need OpenTelemetry: install it with `pip install 'auditor[otel]'`") from error
    _tracer = trace.get_tracer("auditor")


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
