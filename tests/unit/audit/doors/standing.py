"""A door's operations port, the real one, over a ring that a test fills; and somebody who takes what is collected."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from auditor.audit.doors import Collected
from auditor.operations import OperationsServer, make_operations_app
from auditor.webhooks.decisions import Decision, Ring

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def decide(name: str = "orders", **changes: Any) -> Decision:
    known: dict[str, Any] = dict.fromkeys((each.name for each in fields(Decision)), "") | {
        "id": f"x-{name}",
        "time": NOW,
        "webhook": "validate/fail-10s",
        "uid": "review-1",
        "operation": "CREATE",
        "api_version": "db.example.com/v1",
        "kind": "Database",
        "namespace": "shop",
        "name": name,
        "user": "jane",
        "outcome": "denied",
        "allowed": False,
        "dry_run": False,
        "broke_glass": False,
        "late": False,
        "seconds": 0.001,
        "findings": (),
    }
    return Decision(**(known | changes))


@dataclass(slots=True)
class Stand:
    ring: Ring
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def decide(self, *names: str, **changes: Any) -> None:
        for name in names:
            self.ring.count("validate/fail-10s", "denied", ())
            self.ring.add(decide(name, **changes))


@contextmanager
def standing(instance: str = "one", size: int = 100, port: int = 0) -> Iterator[Stand]:
    stand = Stand(Ring(size, instance=instance))
    sock = socket.create_server(("127.0.0.1", port))
    stand.port = sock.getsockname()[1]
    app = make_operations_app(registry=CollectorRegistry(), checks={}, pages={"/decisions": stand.ring.show})
    server = OperationsServer(sock, app)
    server.start()
    try:
        yield stand
    finally:
        server.stop()


@dataclass(slots=True)
class Taker:
    """Keeps books as a history does, which must come out the same whatever is told twice."""

    told: list[Collected] = field(default_factory=list)
    failures: int = 0
    """Times that it will refuse."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, collected: Collected) -> None:
        with self.changed:
            if self.failures:
                self.failures -= 1
                self.changed.notify_all()
                raise ValueError("the disk is full")
            self.told.append(collected)
            self.changed.notify_all()

    @property
    def names(self) -> list[str]:
        return [each["name"] for collected in self.told for each in collected.decisions]

    @property
    def denied(self) -> int:
        return sum(count for collected in self.told for count in collected.counts.decisions.values())

    @property
    def missed(self) -> int:
        return sum(collected.missed for collected in self.told)

    def wait_for(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, 10), self.told
