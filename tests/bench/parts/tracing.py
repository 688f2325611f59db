"""What spans cost: nothing to speak of where they are off, and where they are on."""

from collections.abc import Callable

from auditor import tracing
from auditor.webhooks.asked import Hook
from tests.bench.parts.webhook import RULES, make_door, policy, review


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    door, body = make_door(policy("p", RULES)), review()

    def ask() -> object:
        return door.review(Hook.VALIDATE, body, name="fail-10s")

    def open_one() -> None:
        with tracing.span("x"):
            pass

    def traced(share: float) -> Callable[[], object]:
        def call() -> object:
            _switch_on(share)
            try:
                return [ask() for _ in range(TIMES)]
            finally:
                tracing.switch_off()

        return call

    return [
        ("a span, off", open_one),
        ("a review, off", ask),
        (f"{TIMES} reviews, on, none sampled", traced(0.0)),
        (f"{TIMES} reviews, on, all sampled", traced(1.0)),
    ]


TIMES = 100


def _switch_on(share: float) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    trace._TRACER_PROVIDER = TracerProvider(sampler=TraceIdRatioBased(share))
    tracing.switch_on()
