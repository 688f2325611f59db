"""How soon what others changed is put right."""

from auditor.audit.reports.repairs import LONGEST, QUIET, Repairs


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_slower_each_time_up_to_a_limit() -> None:
    repairs = Repairs(Clock())
    delays = [repairs.delay("a") for _ in range(40)]
    assert delays[:5] == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert delays[-1] == LONGEST
    assert repairs.delay("b") == 0.2


def test_forgotten_after_peace() -> None:
    clock = Clock()
    repairs = Repairs(clock)
    assert [repairs.delay("a") for _ in range(3)] == [0.2, 0.4, 0.8]
    clock.now += QUIET
    assert repairs.delay("a") == 1.6
    clock.now += QUIET + 1
    assert repairs.delay("a") == 0.2


def test_nothing_is_kept_for_ever() -> None:
    clock = Clock()
    repairs = Repairs(clock)
    repairs.delay("a")
    repairs.delay("b")
    repairs.forgive("a")
    repairs.forgive("a")
    assert len(repairs) == 1
    clock.now += QUIET + 1
    repairs.sweep()
    assert len(repairs) == 0
