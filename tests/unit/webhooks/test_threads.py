"""Many threads, and policies that change under them: each verdict is that of one set of policies, and no other."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import orjson
from prometheus_client import CollectorRegistry

from auditor.webhooks.asked import Hook
from auditor.webhooks.decisions import Ring
from auditor.webhooks.door import Door
from auditor.webhooks.metrics import Meters
from auditor.webhooks.snapshot import Holder, Snapshot
from tests.unit.webhooks.making import compiled, read, review, rules, thing

REQUESTS = 600


def test_snapshots_are_replaced_under_load() -> None:
    """Each snapshot has two policies that say the same number: a mixture of two would show."""
    snapshots = [
        Snapshot.of(
            compiled(
                rules({"cel": "false", "message": f"number {i}"}, name="a"),
                rules({"cel": "false", "message": f"number {i}"}, name="b"),
            )
        )
        for i in range(4)
    ]
    holder = Holder(snapshots[0])
    door = Door(holder, ring=Ring(), meters=Meters(CollectorRegistry()))
    body = orjson.dumps(review(thing()))
    stop = threading.Event()

    def replace() -> int:
        count = 0
        for snapshot in itertools.cycle(snapshots):
            holder.replace(snapshot)
            count += 1
            if stop.is_set():
                return count
        return count

    def ask(_: int) -> set[str]:
        causes = read(door.review(Hook.VALIDATE, body))["status"]["details"]["causes"]
        assert len(causes) == 2
        return {each["message"].partition(": ")[2] for each in causes}

    with ThreadPoolExecutor(9) as pool:
        replacing = pool.submit(replace)
        try:
            numbers = list(pool.map(ask, range(REQUESTS)))
        finally:
            stop.set()
        assert replacing.result() > 1
    assert all(len(each) == 1 for each in numbers), "one snapshot for one request"
    found = door.ring.since(0)
    assert found["last"] == REQUESTS
    assert len({each["id"] for each in found["decisions"]}) == len(found["decisions"]) == REQUESTS
    assert found["counters"]["decisions"] == [{"webhook": "validate", "outcome": "denied", "count": REQUESTS}]
