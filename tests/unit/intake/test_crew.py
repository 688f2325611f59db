"""Work that is shared out comes out as if one had done it."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from auditor.intake.crew import LostError, count_cores, share_out

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    # pytest-xdist has threads, the program has none when it forks.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize("processes", [1, 2, 3, 50])
@pytest.mark.parametrize("size", [0, 1, 2, 500])
def test_in_order(size: int, processes: int) -> None:
    work = [(number, "x" * (number % 7) * 5000) for number in range(size)]
    assert list(share_out(work, lambda each: each, processes=processes)) == work


def test_each_is_done_once_and_by_several() -> None:
    found = list(share_out(range(200), lambda number: (number, os.getpid(), [0] * 20000), processes=2))
    assert [number for number, _, _ in found] == list(range(200))
    assert len({pid for _, pid, _ in found}) == 2
    assert os.getpid() not in {pid for _, pid, _ in found}


def test_one_that_dies_is_told_of() -> None:
    def work(number: int) -> int:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with pytest.raises(LostError, match=r"process \d+ of the scan is gone"):
        list(share_out(range(20), work, processes=2))


def test_a_defect_shows_itself(capfd: pytest.CaptureFixture[str]) -> None:
    def work(number: int) -> int:
        raise ValueError(f"at {number}")

    with pytest.raises(LostError):
        list(share_out(range(5), work, processes=2))
    assert "ValueError: at " in capfd.readouterr().err


def test_whoever_has_enough_leaves_nobody_behind() -> None:
    with closing(share_out(range(1000), lambda number: number, processes=2)) as found:
        assert next(found) == 0


def test_a_ctrl_c_ends_all_and_what_was_done_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(number: int) -> int:
        if number == 10:
            os.kill(os.getppid(), signal.SIGINT)
            signal.pause()
        return number

    done: list[int] = []

    def collect(found: Iterator[int]) -> None:
        done.extend(found)

    with pytest.raises(KeyboardInterrupt), closing(share_out(range(1000), work, processes=2)) as found:
        collect(found)
    assert done == list(range(len(done)))


def test_no_more_cores_than_it_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 7, 9})
    assert count_cores() == 3
    monkeypatch.setattr("sys.platform", "darwin")
    assert count_cores() == 1
