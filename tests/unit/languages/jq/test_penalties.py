from unittest.mock import patch

import pytest

from auditor.languages import jq
from auditor.languages.isolation.penalties import MAX_RECORDS, SECONDS, Penalties
from auditor.languages.jq.pool import Pool
from auditor.languages.jq.program import Program
from auditor.languages.outcome import Outcome

LOOP = "if .n > 0 then (def f: f; f) else true end"
GOOD = Outcome.of([True])
SLOW = Outcome.failed("took longer than 0.05 s")
BARRED = Outcome.failed("was stopped 2 times on this object, and is not tried on it for 60 s after the last")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_rule_that_was_stopped_runs_apart_and_comes_back_after_a_minute() -> None:
    clock = Clock()
    asked: list[bool] = []

    class Watched(Pool):
        def ask(
            self, kind: bytes, text: bytes, data: bytes = b"", *, timeout: float, suspect: bool = False
        ) -> tuple[bytes, bytes]:
            asked.append(suspect)
            return super().ask(kind, text, data, timeout=timeout, suspect=suspect)

    with Watched(processes=1, limits=jq.Limits(seconds=0.05), clock=clock) as pool:

        def run(n: int) -> tuple[list[Outcome], list[bool]]:
            asked.clear()
            rules: list[jq.Call] = [(Program(text, ()), {}) for text in ("true", LOOP, "true")]
            return jq.run(rules, input={"n": n}, bindings={}, pool=pool), asked

        assert run(1) == ([GOOD, SLOW, GOOD], [False] * 4)  # together, then each alone
        assert run(0) == ([GOOD, GOOD, GOOD], [False, True])  # the others together, the suspect apart
        assert run(1) == ([GOOD, SLOW, GOOD], [False, True])
        assert run(1) == ([GOOD, BARRED, GOOD], [False])  # twice on the very same object
        assert run(2) == ([GOOD, SLOW, GOOD], [False, True])  # another one
        clock.now += SECONDS
        assert run(0) == ([GOOD, GOOD, GOOD], [False])
        assert run(1) == ([GOOD, SLOW, GOOD], [False] * 4)


def test_rules_that_are_slow_together_only_are_kept_apart_without_blame(pool: jq.Pool) -> None:
    text = "[range(30000)] | length > 0"
    rules: list[jq.Call] = [(Program(text, ()), {})] * 20
    assert jq.run(rules, input={}, bindings={}, pool=pool) == [GOOD] * 20
    assert not pool.penalties.suspect(text)
    with patch.object(pool, "ask", wraps=pool.ask) as ask:
        assert jq.run(rules, input={}, bindings={}, pool=pool) == [GOOD] * 20
    assert ask.call_count == 20


def test_suspects_do_not_hold_up_the_others(pool: jq.Pool) -> None:
    jq.run([(Program(".", ()), {})], input=1, bindings={}, pool=pool)
    pool.penalties.mark("true")
    lane = pool._one.take(1)  # as if a suspect ran for long
    rules: list[jq.Call] = [(Program(text, ()), {}) for text in ("true", ".")]
    found = jq.run(rules, input=1, bindings={}, pool=pool, timeout=0.5)
    pool._one.give(lane)
    assert found == [Outcome.failed("was not run: no jq process became free in time"), Outcome.of([1])]


@pytest.mark.parametrize("count", [MAX_RECORDS * 3])
def test_records_do_not_grow_for_ever(count: int) -> None:
    penalties = Penalties(Clock())
    for number in range(count):
        penalties.stopped(f"rule {number}", b"1")
        penalties.stopped(f"rule {number}", b"1")
    assert penalties.barred(f"rule {count - 1}", b"1")
    assert not penalties.barred("rule 0", b"1")
    assert not penalties.suspect("rule 0")
    assert max(len(penalties._stops), len(penalties._suspects)) <= MAX_RECORDS
