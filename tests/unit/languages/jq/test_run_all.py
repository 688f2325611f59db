"""Many objects in one round trip: the same answers as one by one, also where one of them is stopped."""

import math
import os
import signal
from collections.abc import Sequence
from typing import Any

import pytest

from auditor.json import Json
from auditor.languages import jq
from auditor.languages.isolation import process as processes
from auditor.languages.jq.program import Program
from auditor.languages.outcome import Outcome

ENDLESS = "def f: f; if . == 7 then f else true end"


def question(*texts: str, about: Json, **bindings: Json) -> jq.Question:
    """Without the checks of compile."""
    return jq.Question([(Program(text, tuple(bindings)), {}) for text in texts], about, bindings)


def run(questions: Sequence[jq.Question], pool: jq.Pool) -> list[list[Outcome]]:
    return [jq.run(each.calls, input=each.input, bindings=each.bindings, pool=pool) for each in questions]


@pytest.fixture
def trips(pool: jq.Pool, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many questions went in each."""
    found: list[int] = []
    ask_all = pool.ask_all

    def counted(kind: bytes, questions: Sequence[tuple[bytes, bytes]], *, seconds: float) -> Any:
        found.append(len(questions))
        return ask_all(kind, questions, seconds=seconds)

    monkeypatch.setattr(pool, "ask_all", counted)
    return found


def test_the_same_as_one_by_one(pool: jq.Pool, trips: list[int]) -> None:
    questions = [question(".", ". + $n", 'error("own")', about=number, n=1) for number in range(20)]
    questions += [question("., .", about={"a": [None, "ä"]}), question("tojson", about=1 << 60)]
    questions += [question("repeat(.; 1)", about=1), question("[limit(300; repeat([.]))] | tojson | fromjson", about=1)]
    assert jq.run_all(questions, pool=pool) == run(questions, pool)
    assert trips[0] == len(questions)


def test_nothing_is_asked_for_nothing(pool: jq.Pool, trips: list[int]) -> None:
    assert jq.run_all([], pool=pool) == []
    assert jq.run_all([question(about=1)], pool=pool) == [[]]
    assert (trips, pool.pids) == ([], [])


def test_what_cannot_be_asked_says_why_and_the_others_are_asked(pool: jq.Pool) -> None:
    unbound = jq.Question([(Program("$x", ("x",)), {}), (Program(".", ()), {})], 1, {})
    found = jq.run_all(
        [question(".", about=1), question(".", about=math.nan), unbound, question(".", about=2)], pool=pool
    )
    assert [[each.value for each in outcomes] for outcomes in found] == [[[1]], [None], [None, [1]], [[2]]]
    assert found[1][0].error == "the object cannot be given to jq: it has a number that is not finite"
    assert found[2][0].error == "$x is not bound here"


def test_one_that_runs_away_is_an_error_and_the_others_get_their_answers(pool: jq.Pool, trips: list[int]) -> None:
    found = jq.run_all([question(ENDLESS, about=number) for number in range(20)], pool=pool)
    assert [outcome.error for (outcome,) in found if outcome.error] == ["took longer than 0.1 s"]
    assert found[7][0].error
    assert found[6] == found[8] == [Outcome.of([True])]
    assert trips == [20]  # from then on the rule is suspect and runs by itself


@pytest.mark.parametrize("text", ["halt", "true, halt", '"x" | halt_error', "input", "[range(1e18)] | true"])
def test_a_bad_rule_costs_nobody_his_answer(text: str, pool: jq.Pool) -> None:
    questions = [question(".", about=n) if n != 5 else question(text, about=n) for n in range(10)]
    found = jq.run_all(questions, pool=pool)
    assert jq.condition(found[5][0]).error
    assert [outcomes[0].value for n, outcomes in enumerate(found) if n != 5] == [[n] for n in range(10) if n != 5]


def test_a_process_that_is_gone_is_replaced(pool: jq.Pool) -> None:
    questions = [question(".", about=number) for number in range(5)]
    before = jq.run_all(questions, pool=pool)
    os.kill(pool.pids[0], signal.SIGKILL)
    assert jq.run_all(questions, pool=pool) == before


def test_much_goes_in_and_comes_out_at_once(pool: jq.Pool, trips: list[int]) -> None:
    """More than pipes hold: whoever would first write all would wait for ever."""
    text = "x" * 100_000
    found = jq.run_all([question(".", about=f"{number}{text}") for number in range(50)], pool=pool)
    assert found == [[Outcome.of([f"{number}{text}"])] for number in range(50)]
    assert trips == [50]


def test_no_time_is_no_answer(pool: jq.Pool) -> None:
    found = jq.run_all([question(".", about=1), question(".", about=2)], pool=pool, timeout=0)
    assert [outcome.error for (outcome,) in found] == ["was not run: no time was left"] * 2


def test_after_an_interrupt_no_answer_meets_another_question(pool: jq.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> set[int]:
        raise KeyboardInterrupt

    jq.run_all([question(".", about=0)], pool=pool)
    with monkeypatch.context() as patched:
        patched.setattr(processes, "_read_some", interrupt)
        with pytest.raises(KeyboardInterrupt):
            jq.run_all([question(".", about=number) for number in range(5)], pool=pool)
    assert pool.pids == []
    assert jq.run_all([question(".", about=9)], pool=pool) == [[Outcome.of([9])]]


def test_an_answer_that_makes_no_sense_ends_the_process(pool: jq.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LARGEST", 2)
    found = jq.run_all([question(".", about=1)], pool=pool)
    assert found[0][0].error == "broke the jq process: its answer makes no sense"
    assert pool.pids == []
