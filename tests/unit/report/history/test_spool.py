"""The spool before a database that is away, full, slow, forgetful or refuses a record; nothing sleeps, all is told."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from auditor.model.finding import Finding
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn
from auditor.report.history import Batch, Fault, History, HistoryError, Interval, Record, Retention, Spool, Tally
from tests.unit.report.history.cases import (
    CLUSTER,
    GROUP,
    RESOURCE,
    START,
    at,
    held,
    ignore,
    opened,
    resolved,
    rows,
    steps,
)

SOON = 10.0
KIND = (GROUP, RESOURCE)


class Store(History):
    """What a database keeps, and what is wrong with it."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.unheard = False
        """It writes, and then its answer is lost."""
        self.poison: set[str] = set()
        self.kept: list[str] = []
        self.batches: dict[str, int] = {}
        self.sizes: list[int] = []
        self.passes: list[tuple[str, list[str]]] = []
        self.pruned = 0
        self.failed = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.ready = threading.Event()

    @property
    def where(self) -> str:
        return "memory"

    def open(self) -> History:  # type: ignore[override]
        self._check()
        self.ready.set()
        return self

    def hold(self) -> None:
        """From now on whatever enters waits for the gate."""
        assert self.ready.wait(SOON)
        self.gate.clear()
        self.entered.clear()

    def _check(self) -> None:
        self.entered.set()
        assert self.gate.wait(SOON)
        if self.fault is not None:
            self.failed.set()
            raise HistoryError(self.fault, "memory", "it is not well")

    def write(self, records: Sequence[Record], *, batch: Batch | None = None) -> None:
        self._check()
        assert batch is not None
        if batch.number <= self.last_batch(batch.instance):
            return
        names = [record.subject.name for record in records if isinstance(record, FindingTurn)]
        if self.poison.intersection(names):
            raise HistoryError(Fault.BROKEN, "memory", "no such number")
        self.batches[batch.instance] = batch.number
        self.kept += names
        self.sizes.append(len(records))
        if self.unheard:
            self.unheard = False
            raise HistoryError(Fault.AWAY, "memory", "cut")

    def last_batch(self, instance: str) -> int:
        return self.batches.get(instance, 0)

    def reconcile(self, group: str, resource: str, held: Iterable[tuple[Subject, Finding]], at: datetime) -> None:
        self._check()
        names = [subject.name for subject, _ in held]
        if self.poison.intersection(names):
            raise HistoryError(Fault.BROKEN, "memory", "no such number")
        self.passes.append((resource, names))

    def prune(self, now: datetime, retention: Retention) -> int:
        self.pruned += 1
        return 0

    def close(self) -> None:
        pass


@pytest.fixture
def store() -> Store:
    return Store()


Make = Callable[..., Spool]


@pytest.fixture
def make(store: Store) -> Iterator[Make]:
    made: list[Spool] = []

    def start(**options: object) -> Spool:
        options = {"open_history": store.open, "lost": ignore, "pause": 0.0, "retry": 0.001, **options}
        spool = Spool(**options)  # type: ignore[arg-type]
        made.append(spool)
        spool.start()
        return spool

    yield start
    store.gate.set()
    store.fault = None
    for spool in made:
        spool.close(SOON)


def test_what_is_put_is_written_in_its_order(make: Make, store: Store) -> None:
    spool = make()
    names = [f"n{number}" for number in range(3000)]
    for name in names:
        spool.put(opened(0, name))
    assert spool.flush(SOON)
    assert store.kept == names
    assert max(store.sizes) <= 1000
    status = spool.status()
    assert (status.waiting, status.dropped, status.rejected, status.error) == (0, 0, 0, "")
    assert status.last_written is not None


def test_it_waits_for_company(make: Make, store: Store) -> None:
    """With a pause that never ends, a full batch goes at once, and the rest when it is flushed."""
    spool = make(pause=3600.0)
    spool.put(*(opened(0, f"n{number}") for number in range(1001)))
    with spool._changed:
        assert spool._changed.wait_for(lambda: spool._last_written is not None, SOON)
    assert store.sizes == [1000]
    assert spool.status().waiting == 1
    assert spool.flush(SOON)
    assert store.sizes == [1000, 1]


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.BROKEN])
def test_while_the_database_is_away_it_waits(make: Make, store: Store, fault: Fault) -> None:
    store.fault = fault
    spool = make()
    spool.put(opened(0, "a"))
    spool.put(opened(0, "b"))
    assert store.failed.wait(SOON)
    assert not spool.flush(0.01)
    status = spool.status()
    assert (status.waiting, status.fault) == (2, fault)
    assert "memory: it is not well" in status.error
    assert status.failing_since is not None
    store.fault = None
    assert spool.flush(SOON)
    assert store.kept == ["a", "b"]
    assert spool.status().error == ""
    assert spool.status().failing_since is None


def test_how_the_database_is_shows_before_anything_is_written(make: Make, store: Store) -> None:
    store.fault = Fault.REFUSED
    spool = make()
    assert store.failed.wait(SOON)
    with spool._changed:
        assert spool._changed.wait_for(lambda: spool._error is not None, SOON)
    assert spool.status().fault is Fault.REFUSED
    store.fault = None
    with spool._changed:
        assert spool._changed.wait_for(lambda: spool._error is None, SOON)


def test_an_answer_that_is_lost_writes_nothing_twice(make: Make, store: Store) -> None:
    spool = make()
    store.unheard = True
    spool.put(opened(0, "a"))
    assert spool.flush(SOON)
    spool.put(opened(0, "b"))
    assert spool.flush(SOON)
    assert store.kept == ["a", "b"]


def test_when_it_is_full_the_oldest_goes_and_its_kind_is_named(make: Make, store: Store) -> None:
    lost: list[frozenset[tuple[str, str]] | None] = []
    spool = make(bound=5, lost=lost.append)
    store.hold()
    spool.put(opened(0, "first"))
    assert store.entered.wait(SOON)  # it is in the hands of the writer now, not among those that wait
    spool.put(*(opened(0, f"n{number}") for number in range(8)))
    assert spool.status().dropped == 3
    assert lost == []
    store.gate.set()
    assert spool.flush(SOON, chores=True)
    assert lost == [frozenset({KIND})]
    assert store.kept == ["first", *(f"n{number}" for number in range(3, 8))]


def test_an_interval_weighs_what_it_holds(make: Make, store: Store) -> None:
    """Or an outage would fill the memory, and one transaction would take minutes."""
    tallies = [Tally(policy="quorum", rule="odd", namespace=f"n{number}") for number in range(599)]
    told = Interval(start=START, length=timedelta(hours=1), group=GROUP, resource=RESOURCE, tallies=tallies)
    spool = make(bound=3000)
    store.hold()
    spool.put(opened(0, "first"))
    assert store.entered.wait(SOON)
    spool.put(*[told] * 7)
    assert spool.status().dropped == 2
    store.gate.set()
    assert spool.flush(SOON)
    assert store.sizes == [1, 2, 2, 1]


def test_one_record_that_is_never_taken_does_not_hold_up_the_others(make: Make, store: Store) -> None:
    spool = make()
    store.poison = {"n3", "n70"}
    store.hold()
    spool.put(opened(0, "first"))
    assert store.entered.wait(SOON)
    names = [f"n{number}" for number in range(100)]
    spool.put(*(opened(0, name) for name in names))
    store.gate.set()
    assert spool.flush(SOON)
    assert store.kept == ["first", *(name for name in names if name not in store.poison)]
    assert spool.status().rejected == 2
    assert spool.status().error == ""


def test_a_database_that_takes_nothing_at_all_is_no_reason_to_drop(make: Make, store: Store) -> None:
    spool = make()
    assert store.ready.wait(SOON)
    store.fault = Fault.BROKEN
    spool.put(opened(0, "a"), opened(0, "b"))
    assert store.failed.wait(SOON)
    assert not spool.flush(0.05)
    store.fault = None
    assert spool.flush(SOON)
    assert store.kept == ["a", "b"]
    assert spool.status().rejected == 0


def test_a_pass_comes_after_what_was_put_before(make: Make, store: Store) -> None:
    store.fault = Fault.AWAY
    spool = make()
    spool.put(*(opened(0, f"n{number}") for number in range(2500)))
    asked: list[int] = []

    def ask() -> list[tuple[Subject, Finding]]:
        asked.append(len(store.kept))
        return held(["a"])

    spool.reconcile(*KIND, lambda: held(["never asked: handed in again before"]))
    spool.reconcile(*KIND, ask)
    assert store.failed.wait(SOON)
    store.fault = None
    assert spool.flush(SOON, chores=True)
    assert asked == [2500]
    assert store.passes == [(RESOURCE, ["a"])]


def test_a_pass_is_tried_again(make: Make, store: Store) -> None:
    store.fault = Fault.AWAY
    spool = make()
    spool.reconcile(*KIND, lambda: held(["a"]))
    assert store.failed.wait(SOON)
    store.fault = None
    assert spool.flush(SOON, chores=True)
    assert store.passes == [(RESOURCE, ["a"])]


def test_a_pass_that_is_never_taken_is_left_to_the_next(make: Make, store: Store) -> None:
    store.poison = {"bad"}
    spool = make()
    spool.reconcile(*KIND, lambda: held(["bad"]))
    spool.reconcile(GROUP, "others", lambda: held(["good"]))
    assert spool.flush(SOON, chores=True)
    assert store.passes == [("others", ["good"])]
    assert spool.status().rejected == 1


def test_a_database_that_forgot_is_told_all_again(make: Make, store: Store) -> None:
    lost: list[frozenset[tuple[str, str]] | None] = []
    spool = make(lost=lost.append)
    spool.put(opened(0, "a"))
    assert spool.flush(SOON)
    store.batches.clear()  # a backup was restored
    store.fault = Fault.AWAY
    spool.put(opened(0, "b"))
    assert store.failed.wait(SOON)
    store.fault = None
    assert spool.flush(SOON, chores=True)
    spool.put(opened(0, "c"))
    assert spool.flush(SOON, chores=True)
    assert lost == [None]


def test_a_defect_of_others_does_not_end_it(make: Make, store: Store) -> None:
    def fail(kinds: object) -> None:
        raise RuntimeError

    def broken() -> list[tuple[Subject, Finding]]:
        raise RuntimeError

    spool = make(lost=fail)
    spool.reconcile(*KIND, broken)
    spool.put(opened(0, "a"))
    assert spool.flush(SOON, chores=True)
    spool.put(opened(0, "b"))
    assert spool.flush(SOON)
    assert store.kept == ["a", "b"]


def test_closed_it_writes_what_waits_and_takes_no_more(make: Make, store: Store) -> None:
    spool = make(pause=3600.0)
    spool.put(opened(0, "a"))
    assert spool.close(SOON)
    spool.put(opened(0, "b"))
    assert store.kept == ["a"]
    assert spool.status().dropped == 1


def test_closed_while_the_database_is_away_it_says_so(make: Make, store: Store) -> None:
    store.fault = Fault.AWAY
    spool = make()
    spool.put(opened(0, "a"))
    assert store.failed.wait(SOON)
    assert not spool.close(0.05)
    assert spool.status().waiting == 1


def test_closing_does_not_wait_for_a_pass(make: Make, store: Store) -> None:
    begun = threading.Event()

    def endless() -> Iterator[tuple[Subject, Finding]]:
        while True:
            begun.set()
            yield from held(["a"])

    spool = make()
    spool.reconcile(*KIND, endless)
    assert begun.wait(SOON)
    spool.put(opened(0, "a"))
    assert spool.close(SOON)
    assert store.kept == ["a"]


def test_the_old_is_pruned_now_and_then(make: Make, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.report.history.spool.PRUNE_SECONDS", 0.0)
    spool = make(retention=Retention())
    with spool._changed:
        assert spool._changed.wait_for(lambda: store.pruned > 0, SOON)


def test_with_a_real_file_that_is_moved_away(url: str) -> None:
    lost: list[frozenset[tuple[str, str]] | None] = []
    spool = Spool(
        lambda: History.open(url, cluster=CLUSTER, now=START),
        lost=lost.append,
        pause=0.0,
        retry=0.001,
        now=lambda: at(9),
    )
    spool.start()
    spool.put(opened(0), resolved(1))
    assert spool.flush(SOON)
    assert steps(url) == ["opened", "resolved"]
    for file in Path(url.removeprefix("sqlite:///")).parent.iterdir():
        file.unlink()
    spool.put(opened(2))
    assert spool.flush(SOON, chores=True)
    assert lost == [None]
    assert steps(url) == ["opened"]
    spool.reconcile(GROUP, RESOURCE, list)
    assert spool.flush(SOON, chores=True)
    assert [row["resolved_at"] for row in rows(url, "findings")] == [at(9)]
    assert spool.close(SOON)
