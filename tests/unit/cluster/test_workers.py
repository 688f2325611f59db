"""Workers take what is queued, bring back what fails, and end when they are told to."""

import logging
import sys
import threading
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from auditor.cluster.queue import WorkQueue
from auditor.cluster.workers import Workers
from auditor.errors import ServerTroubleError

WAIT = 10.0
"""Seconds for what takes milliseconds."""


def count(name: str, result: str) -> float:
    labels = {"queue": name, "result": result}
    return REGISTRY.get_sample_value("auditor_cluster_work_seconds_count", labels) or 0.0


def test_every_key_is_worked_on_by_several_threads() -> None:
    queue: WorkQueue[int] = WorkQueue()
    both = threading.Barrier(2)
    done = threading.Semaphore(0)

    def work(_: int) -> None:
        both.wait(WAIT)  # two at a time, or nobody gets past this
        done.release()

    with Workers("several", queue, work, count=2):
        for key in range(10):
            queue.add(key)
        assert all(done.acquire(timeout=WAIT) for _ in range(10))
    assert count("several", "done") == 10
    assert REGISTRY.get_sample_value("auditor_cluster_queued", {"queue": "several"}) == 0


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (lambda: ServerTroubleError("get things x", code=503, message="busy", retry_after=0.01), False),
        (lambda: ValueError("a defect"), True),
    ],
)
def test_what_fails_comes_again(error: Callable[[], Exception], logged: bool, caplog: pytest.LogCaptureFixture) -> None:
    queue: WorkQueue[str] = WorkQueue(base_delay=0.001)
    attempts = []
    done = threading.Event()

    def work(key: str) -> None:
        attempts.append(key)
        if len(attempts) < 3:
            raise error()
        done.set()

    with caplog.at_level(logging.ERROR), Workers("failing", queue, work):
        queue.add("a")
        assert done.wait(WAIT)
    assert attempts == ["a"] * 3
    assert ("work on a failed" in caplog.text) is logged


def test_what_always_fails_is_given_up_and_counted() -> None:
    queue: WorkQueue[str] = WorkQueue(base_delay=0.001, max_retries=2)
    others = threading.Event()
    before = count("hopeless", "given_up")

    def work(key: str) -> None:
        if key == "a":
            raise ServerTroubleError("get things x", code=500, message="no")
        others.set()

    with Workers("hopeless", queue, work):
        queue.add("a")
        queue.add("b", delay=0.2)
        assert others.wait(WAIT)
    assert queue.counts.given_up == 1
    assert count("hopeless", "given_up") == before + 1


def test_stop_waits_for_work_under_way_but_not_for_ever() -> None:
    queue: WorkQueue[str] = WorkQueue()
    begun, let_go = threading.Event(), threading.Event()

    def work(_: str) -> None:
        begun.set()
        let_go.wait(WAIT)

    workers = Workers("slow", queue, work)
    workers.start()
    queue.add("a")
    assert begun.wait(WAIT)
    assert not workers.stop(timeout=0.01)
    let_go.set()
    assert workers.stop()


def test_work_that_exits_is_a_failure_like_any_other() -> None:
    """Else its key would be in work for ever, and each time one worker less would be there."""
    queue: WorkQueue[str] = WorkQueue(base_delay=0.001)
    attempts = []
    done = threading.Event()

    def work(key: str) -> None:
        attempts.append(key)
        if len(attempts) < 3:
            sys.exit(1)
        done.set()

    with Workers("leaving", queue, work):
        queue.add("a")
        assert done.wait(WAIT)
    assert attempts == ["a"] * 3


def test_what_has_stopped_has_no_depth_in_the_metrics() -> None:
    queue: WorkQueue[str] = WorkQueue()
    workers = Workers("over", queue, print)
    queue.add("a", delay=1000)
    workers.start()
    assert REGISTRY.get_sample_value("auditor_cluster_queued", {"queue": "over"}) == 1
    assert workers.stop()
    assert REGISTRY.get_sample_value("auditor_cluster_queued", {"queue": "over"}) == 0


def test_without_workers_nothing_would_be_done() -> None:
    with pytest.raises(ValueError, match="1 at least"):
        Workers("none", WorkQueue[str](), print, count=0)
