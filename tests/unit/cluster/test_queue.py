"""The work queue, with a clock that only moves when a test says so, and once with real threads."""

import threading
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from auditor.cluster.queue import Priority, WorkQueue


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(clock=clock, base_delay=1.0, max_delay=60.0, max_retries=3)


def take_all(queue: WorkQueue[str]) -> list[str]:
    taken = []
    while (key := queue.take(timeout=0)) is not None:
        taken.append(key)
    return taken


def test_each_key_once_in_the_order_of_arrival(queue: WorkQueue[str]) -> None:
    for key in "abab":
        queue.add(key)
    assert len(queue) == 2
    assert take_all(queue) == ["a", "b"]


def test_what_people_wait_for_goes_first_and_raises_what_waits_already(queue: WorkQueue[str]) -> None:
    queue.add("resync", priority=Priority.RESYNC)
    queue.add("change")
    queue.add("wanted", priority=Priority.RESYNC)
    queue.add("wanted", priority=Priority.INTERACTIVE)
    assert take_all(queue) == ["wanted", "change", "resync"]


def test_delay_and_an_earlier_addition(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a", delay=10)
    queue.add("b", delay=5)
    assert take_all(queue) == []
    queue.add("a", delay=1)
    clock.now += 1
    assert take_all(queue) == ["a"]
    queue.finish("a")
    clock.now += 20
    assert take_all(queue) == ["b"]


def test_change_during_work_brings_the_key_once_more_and_never_twice_at_a_time(queue: WorkQueue[str]) -> None:
    queue.add("a")
    assert take_all(queue) == ["a"]
    queue.add("a")
    queue.add("a")
    assert take_all(queue) == []
    queue.finish("a")
    assert take_all(queue) == ["a"]
    queue.finish("a")
    assert take_all(queue) == []


def test_failures_come_again_later_each_time_and_are_given_up(
    queue: WorkQueue[str], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    queue.add("a")
    for delay in (0, 1, 2, 4):
        clock.now += delay - 0.5
        assert take_all(queue) == ([] if delay else ["a"])
        clock.now += 0.5
        assert delay == 0 or take_all(queue) == ["a"]
        queue.fail("a", "no answer")
    clock.now += 10_000
    assert take_all(queue) == []
    assert "a: given up after 4 failures, until it changes: no answer" in caplog.text
    assert (queue.counts.retried, queue.counts.given_up) == (3, 1)
    queue.add("a")
    assert take_all(queue) == ["a"]


def test_server_says_when(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    take_all(queue)
    queue.fail("a", "429", after=30)
    clock.now += 29
    assert take_all(queue) == []
    clock.now += 1
    assert take_all(queue) == ["a"]


def test_change_does_not_wait_for_the_retry(queue: WorkQueue[str]) -> None:
    queue.add("a")
    take_all(queue)
    queue.fail("a", "no")
    queue.add("a")
    assert take_all(queue) == ["a"]


def test_success_forgets_failures(queue: WorkQueue[str], clock: Clock) -> None:
    for _ in range(10):
        queue.add("a")
        assert take_all(queue) == ["a"]
        queue.fail("a", "no")
        clock.now += 1
        assert take_all(queue) == ["a"]
        queue.finish("a")
    assert queue.counts.given_up == 0
    assert not queue._entries


def test_forgotten_key_is_not_tried_again(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    queue.add("b", delay=1)
    take_all(queue)
    queue.fail("a", "no")
    queue.forget("a")
    queue.forget("b")
    queue.forget("unknown")
    clock.now += 100
    assert take_all(queue) == []
    assert len(queue) == 0


def test_what_is_forgotten_while_in_work_does_not_come_again_when_that_fails(
    queue: WorkQueue[str], clock: Clock
) -> None:
    queue.add("a")
    assert take_all(queue) == ["a"]
    queue.forget("a")
    assert not queue.fail("a", "no")
    clock.now += 1000
    assert take_all(queue) == []
    assert not queue._entries


def test_what_was_forgotten_and_added_again_while_in_work_is_tried_again(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    assert take_all(queue) == ["a"]
    queue.forget("a")
    queue.add("a")
    assert queue.fail("a", "no")
    clock.now += 1000
    assert take_all(queue) == ["a"]


def test_close_wakes_who_waits_and_waits_for_who_works() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert queue.take() == "a"
    got: list[str | None] = []
    waiter = threading.Thread(target=lambda: got.append(queue.take()))
    waiter.start()
    assert not queue.close(timeout=0.01)
    waiter.join()
    assert got == [None]
    queue.add("b")
    queue.finish("a")
    assert queue.close(timeout=0)
    assert queue.take(timeout=0) is None


def test_worker_that_is_free_takes_what_another_was_told_of() -> None:
    queue: WorkQueue[str] = WorkQueue()
    late_taken = threading.Event()
    results: list[bool] = []

    def work() -> None:
        key = queue.take()
        if key == "late":
            late_taken.set()
        else:
            results.append(late_taken.wait(timeout=30))
        queue.finish(str(key))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    queue.add("late", delay=0.05)
    queue.add("now")
    for worker in workers:
        worker.join()
    assert results == [True]


def test_several_workers_lose_nothing_and_never_share_a_key() -> None:
    queue: WorkQueue[int] = WorkQueue(base_delay=0.0001)
    working: set[int] = set()
    shared: list[int] = []
    done: Counter[int] = Counter()
    lock = threading.Lock()

    def work() -> None:
        while (key := queue.take()) is not None:
            with lock:
                if key in working:
                    shared.append(key)
                working.add(key)
            with lock:
                working.discard(key)
                done[key] += 1
                first = done[key] == 1
            if first and key % 3 == 0:
                queue.fail(key, "the first time")
            else:
                queue.finish(key)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for key in list(range(300)) * 3:
        queue.add(key)
    with queue._changed:
        assert queue._changed.wait_for(lambda: not queue._entries, timeout=30)
    assert queue.close(timeout=10)
    for worker in workers:
        worker.join()
    assert shared == []
    assert set(done) == set(range(300))
    assert all(done[key] >= 2 for key in range(0, 300, 3))


class Model(RuleBasedStateMachine):
    """Against the simplest thing that could be right: a dictionary of when each key is due."""

    keys = st.sampled_from("abc")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue: WorkQueue[str] = WorkQueue(clock=self.clock, base_delay=1.0, max_retries=2)
        self.due: dict[str, tuple[Priority, float]] = {}
        self.working: set[str] = set()
        self.failures: Counter[str] = Counter()

    def expect(self, key: str, priority: Priority, due: float) -> None:
        old = self.due.get(key, (priority, due))
        self.due[key] = (min(priority, old[0]), min(due, old[1]))

    @rule(key=keys, priority=st.sampled_from(Priority), delay=st.sampled_from([0.0, 1.0, 5.0]))
    def add(self, key: str, priority: Priority, delay: float) -> None:
        self.queue.add(key, priority=priority, delay=delay)
        self.expect(key, priority, self.clock.now + delay)

    @rule(seconds=st.sampled_from([0.5, 1.0, 7.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def take(self) -> None:
        could = {k: v for k, v in self.due.items() if v[1] <= self.clock.now and k not in self.working}
        key = self.queue.take(timeout=0)
        if key is None:
            assert not could
            return
        assert key in could
        assert self.due[key][0] == min(priority for priority, _ in could.values())
        self.taken_priority = {**getattr(self, "taken_priority", {}), key: self.due.pop(key)[0]}
        self.working.add(key)

    @precondition(lambda self: self.working)
    @rule(data=st.data(), good=st.booleans())
    def end(self, data: st.DataObject, good: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        self.working.discard(key)
        if good:
            self.failures[key] = 0
            self.queue.finish(key)
            return
        self.failures[key] += 1
        if self.failures[key] > 2:
            self.failures[key] = 0
        else:
            self.expect(key, self.taken_priority[key], self.clock.now + 2 ** (self.failures[key] - 1))
        self.queue.fail(key, "no")

    @invariant()
    def nothing_is_lost_or_invented(self) -> None:
        assert len(self.queue) == len(set(self.due) - self.working)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_who_never_gives_up_may_fail_for_days(clock: Clock) -> None:
    """Two to the power of a thousand is no number of seconds; the worker would end at that, without a word."""
    queue: WorkQueue[str] = WorkQueue(clock=clock, base_delay=0.1, max_delay=60.0, max_retries=1 << 30)
    queue.add("a")
    for _ in range(1200):
        assert queue.take(timeout=0.0) == "a"
        assert queue.fail("a", "forbidden")
        clock.now += 60.0
    assert queue.take(timeout=0.0) == "a"
