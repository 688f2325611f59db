"""What became of attempts to deliver, counted for Prometheus."""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from auditor.audit.dispatch.entry import Entry, State
from auditor.json import JsonObject

WAYS: Final = ("file", "email", "webhook")
OUTCOMES: Final = {State.DELIVERED: "delivered", State.PENDING: "failed", State.GIVEN_UP: "given_up"}


class Meters:
    """Labels are kinds, ways and outcomes: what people name theirs is in the status, and in no metric."""

    def __init__(self, registry: CollectorRegistry | None, kinds: Mapping[str, Iterable[str]] | None = None) -> None:
        """`kinds`: with the ways that each has."""
        self._attempts = Counter(
            "auditor_deliveries",
            "Attempts to deliver, by kind of object, way and outcome: delivered, failed (it is tried again), given_up.",
            labelnames=("kind", "way", "outcome"),
            registry=registry,
        )
        self._waiting = Gauge(
            "auditor_deliveries_waiting",
            "Deliveries that are still to arrive, by kind of object.",
            labelnames=("kind",),
            registry=registry,
        )
        self._failing = Gauge(
            "auditor_deliveries_failing",
            "Deliveries whose last attempt failed, those given up among them, by kind of object.",
            labelnames=("kind",),
            registry=registry,
        )
        for kind, ways in (kinds or {}).items():  # a counter that begins with its first failure shows no increase
            for way in ways:
                for outcome in OUTCOMES.values():
                    self._attempts.labels(kind, way, outcome)

    def count(self, kind: str, delivery: JsonObject, state: State) -> None:
        way = next((each for each in WAYS if each in delivery), "")
        self._attempts.labels(kind, way, OUTCOMES.get(state, "failed")).inc()

    def show(self, kind: str, entries: Iterable[Entry]) -> None:
        waiting = failing = 0
        for each in entries:
            waiting += each.is_open
            failing += each.state is State.GIVEN_UP or (each.is_open and bool(each.error))
        self._waiting.labels(kind).set(waiting)
        self._failing.labels(kind).set(failing)
