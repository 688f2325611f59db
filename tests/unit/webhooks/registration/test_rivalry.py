"""Two that fight do not write for ever, and one that is changed once in a while is corrected at once."""

from hypothesis import given
from hypothesis import strategies as st

from auditor.webhooks.registration.rivalry import FREE, MAX_DELAY, QUIET, Rivalry


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_corrections_are_free_and_later_ones_get_slower() -> None:
    clock = Clock()
    rivalry = Rivalry(clock)
    waits = []
    for _ in range(14):
        waits.append(rivalry.delay())
        clock.now += rivalry.delay()
        rivalry.correct()
    assert waits == [0.0] * FREE + [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0] + [MAX_DELAY] * 3
    assert rivalry.contested


def test_it_is_over_when_it_has_been_quiet() -> None:
    clock = Clock()
    rivalry = Rivalry(clock)
    for _ in range(FREE + 1):
        rivalry.correct()
    assert (rivalry.contested, rivalry.delay()) == (True, 4.0)
    clock.now += QUIET
    assert (rivalry.contested, rivalry.delay()) == (False, 0.0)


def test_a_delay_passes_with_time() -> None:
    clock = Clock()
    rivalry = Rivalry(clock)
    for _ in range(FREE):
        rivalry.correct()
    assert rivalry.delay() == 2.0
    clock.now += 1.5
    assert rivalry.delay() == 0.5
    clock.now += 1.0
    assert rivalry.delay() == 0.0


@given(st.lists(st.floats(0, 60), min_size=1, max_size=400))
def test_an_opponent_of_any_temper_makes_us_write_seldom(pauses: list[float]) -> None:
    """Whoever changes it back `pause` seconds after each correction: 20 writes in the first hour at most."""
    clock = Clock()
    rivalry = Rivalry(clock)
    writes = 0
    for pause in pauses:
        clock.now += pause
        clock.now += rivalry.delay()
        if clock.now > 1000 + 3600:
            break
        rivalry.correct()
        writes += 1
    assert writes <= FREE + 8 + 3600 / MAX_DELAY
