"""The questions of many requests at once: the same verdicts, in as few round trips as one of them needs."""

from collections.abc import Sequence

import pytest

from auditor.engine.asking import Asking, answer, answer_all
from auditor.json import JsonObject
from auditor.languages import jq
from auditor.languages.outcome import Outcome
from auditor.model.finding import Verdict
from auditor.model.request import Request
from tests.unit.engine.making import compiled, policy, request, thing

ENGINE = compiled(
    policy(
        mutate=[
            {"name": "class", "jq": '.spec.class //= "standard"'},
            {"name": "twice", "jq": "if .spec.bad then 1 else . end"},
        ],
        rules=[{"name": "odd", "jq": ".spec.size % 2 == 1"}, {"name": "class", "cel": "object.spec.class != ''"}],
    )
)


def judge(asked: Request) -> Asking[Verdict]:
    mutated = yield from ENGINE.mutating(asked)
    verdict = yield from ENGINE.judging(request(mutated.object))
    return verdict


def objects() -> list[JsonObject]:
    good = [thing({"size": size}, name=f"t{size}") for size in range(8)]
    return [*good, thing({"size": 1, "class": "fast"}), thing({"bad": True}), thing({"size": "three"})]


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    run_all = jq.run_all

    def counted(questions: Sequence[jq.Question]) -> list[list[Outcome]]:
        found.append(len(questions))
        return run_all(questions)

    monkeypatch.setattr(jq, "run_all", counted)
    return found


def test_the_verdicts_are_those_of_each_alone(trips: list[int]) -> None:
    asked = [request(each) for each in objects()]
    assert answer_all(map(judge, asked)) == [answer(judge(each)) for each in asked]
    # The two mutations, both again where the first changed something, and the rule.
    assert len(trips) == 5
    assert trips[0] == len(asked)


def test_who_asks_nothing_makes_no_trip(trips: list[int]) -> None:
    engine = compiled(policy(rules=[{"name": "size", "cel": "object.spec.size > 2"}]))
    verdicts = answer_all(engine.judging(request(thing({"size": size}))) for size in range(5))
    assert [each.allowed for each in verdicts] == [False, False, False, True, True]
    assert trips == []


def test_of_nothing_comes_nothing() -> None:
    assert answer_all(iter(())) == []
