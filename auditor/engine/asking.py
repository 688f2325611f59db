"""The engine asks, whoever runs it answers: rules in jq run in another process, and one round trip serves many objects.

What may need an answer is a generator: it yields a question, gets the outcomes, and returns what it was asked for.
"""

from collections.abc import Generator, Iterable, Sequence
from typing import TypeAlias, TypeVar

from auditor.languages import jq
from auditor.languages.outcome import Outcome

T = TypeVar("T")
Asking: TypeAlias = Generator["jq.Question", Sequence[Outcome], T]


def answer(asking: Asking[T]) -> T:
    """Each question as it comes."""
    try:
        question = next(asking)
        while True:
            found = jq.run(question.calls, input=question.input, bindings=question.bindings)
            question = asking.send(found)
    except StopIteration as end:
        result: T = end.value
        return result


def answer_all(askings: Iterable[Asking[T]]) -> list[T]:
    """Those of all together, in as many rounds as the one needs that asks most."""
    results: dict[int, T] = {}
    waiting: list[tuple[int, Asking[T], jq.Question]] = []

    def advance(number: int, asking: Asking[T], found: Sequence[Outcome] | None) -> None:
        try:
            question = next(asking) if found is None else asking.send(found)
            waiting.append((number, asking, question))
        except StopIteration as end:
            results[number] = end.value

    for number, asking in enumerate(askings):
        advance(number, asking, None)
    while waiting:
        asked, waiting = waiting, []
        answers = jq.run_all([question for _, _, question in asked])
        for (number, asking, _), found in zip(asked, answers, strict=True):
            advance(number, asking, found)
    return [results[number] for number in range(len(results))]
