from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from auditor.audit.dispatch.entry import Entry, State
from auditor.audit.dispatch.meters import Meters

DUE = datetime(2026, 11, 2, 6, tzinfo=UTC)


def test_what_is_counted() -> None:
    registry = CollectorRegistry()
    meters = Meters(registry, {"Notification": ["email", "webhook"]})

    def count(**labels: str) -> float | None:
        return registry.get_sample_value("auditor_deliveries_total", {"kind": "Notification", **labels})

    assert count(way="email", outcome="failed") == 0, "there before it is first counted"
    for state in (State.PENDING, State.PENDING, State.DELIVERED, State.GIVEN_UP):
        meters.count("Notification", {"name": "a", "email": {}}, state)
    assert [count(way="email", outcome=each) for each in ("delivered", "failed", "given_up")] == [1, 2, 1]
    assert count(way="webhook", outcome="failed") == 0
    assert count(way="file", outcome="failed") is None
    first = Entry(name="a", audience="", due=DUE)
    failed = first.claim(DUE, "s").fail(DUE, "away", retry_for=DUE - DUE)
    over = Entry(name="a", audience="", due=DUE, state=State.GIVEN_UP)
    entries = [
        first,
        failed,
        first.claim(DUE, "s").arrive(DUE, "refused: b"),
        over,
    ]
    meters.show("Notification", entries)
    assert registry.get_sample_value("auditor_deliveries_waiting", {"kind": "Notification"}) == 2
    assert registry.get_sample_value("auditor_deliveries_failing", {"kind": "Notification"}) == 2
