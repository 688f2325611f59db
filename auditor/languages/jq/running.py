"""Run rules on one object: together where that works, each alone where it does not.

Rules run as one program. When that fails for any reason (a rule runs away, eats the memory, ends the program, floods
it), nothing is guessed about who did it: each rule runs alone, and has its own limit and its own answer.
"""

import time
from collections.abc import Mapping, Sequence

from auditor.dataclass import dataclass
from auditor.json import Json
from auditor.languages.isolation.penalties import MAX_STOPS, SECONDS
from auditor.languages.jq.batch import Batch, Call, Slots, Values, outcomes, shorten
from auditor.languages.jq.discretion import hide_values
from auditor.languages.jq.pool import Pool, shared_pool
from auditor.languages.jq.process import RUN, VALUE, StoppedError
from auditor.languages.jq.program import Program
from auditor.languages.outcome import Outcome

TIMEOUT = 5.0
"""Wall seconds for all rules of a request: half of the 10 s that the API server gives a webhook by default."""


@dataclass(frozen=True, slots=True)
class Question:
    """What `run` is asked of one object."""

    calls: Sequence[Call]
    input: Json
    bindings: Mapping[str, Json]


def run(
    calls: Sequence[Call],
    *,
    input: Json,  # noqa: A002 (jq calls it so)
    bindings: Mapping[str, Json],
    pool: Pool | None = None,
    timeout: float = TIMEOUT,
) -> list[Outcome]:
    """One outcome for each call: the list of its outputs, or why there is none."""
    return _Rules(Question(calls, input, bindings), pool or shared_pool()).run(timeout)


def run_all(
    questions: Sequence[Question], *, pool: Pool | None = None, timeout: float = TIMEOUT
) -> list[list[Outcome]]:
    """As `run` of each, but for the time that it takes: those that nobody suspects make one round trip."""
    pool = pool or shared_pool()
    found: list[list[Outcome]] = []
    left = [_Rules(question, pool) for question in questions]
    while left:
        batches: list[Batch] = []
        for rules in left:
            if (batch := rules.batch()) is None:
                break
            batches.append(batch)
        trip = [(batch.text, batch.data) for batch in batches]
        answers = pool.ask_all(RUN, trip, seconds=timeout) if trip else []
        for rules, batch, (status, body) in zip(left, batches, answers, strict=False):
            answered = outcomes(batch, body) if status == VALUE else None
            found.append(rules.run(timeout) if answered is None else rules.conclude(answered))
        left = left[len(answers) :]
        if left:  # the first is why there were no more answers
            found.append(left.pop(0).run(timeout))
    return found


class _Rules:
    """Those of one question that can run, and the outcomes of those that cannot."""

    def __init__(self, question: Question, pool: Pool) -> None:
        self.calls = question.calls
        self.pool = pool
        self.values = Values(question.input, question.bindings)
        self.done: dict[int, Outcome] = {}
        self.ready: dict[int, tuple[Program, Slots]] = {}
        for number, call in enumerate(question.calls):
            slots = self.values.slots(call)
            if isinstance(slots, Outcome):
                self.done[number] = slots
            else:
                self.ready[number] = call[0], slots

    def trusted(self) -> Mapping[int, tuple[Program, Slots]]:
        suspect = self.pool.penalties.suspect
        return {number: rule for number, rule in self.ready.items() if not suspect(rule[0].text)}

    def batch(self) -> Batch | None:
        """All in one program; None where there are none, or some that have to run by themselves."""
        if not self.ready or len(self.trusted()) < len(self.ready):
            return None
        batch = self.values.batch(list(self.ready.values()))
        return None if self.pool.penalties.suspect(batch.text) else batch

    def conclude(self, found: Sequence[Outcome] = ()) -> list[Outcome]:
        """With the outcomes of all that could run, if they are not there yet."""
        self.done.update(zip(self.ready, found, strict=False))
        return [_discreet(self.done[number], call[0]) for number, call in enumerate(self.calls)]

    def run(self, timeout: float) -> list[Outcome]:
        until = time.monotonic() + timeout
        together = self.trusted()
        self.done.update(_together(together, self.values, self.pool, until))
        left = self.ready.keys() - self.done.keys()
        for number in sorted(left, key=lambda number: (number not in together, number)):  # suspects last
            program, slots = self.ready[number]
            suspect = number not in together
            outcome = _alone(program, slots, self.values, pool=self.pool, until=until, suspect=suspect)
            self.done[number] = outcome
        return self.conclude()


def _discreet(outcome: Outcome, program: Program) -> Outcome:
    return outcome if outcome.error is None else Outcome.failed(hide_values(outcome.error, program.text))


def _together(
    rules: Mapping[int, tuple[Program, Slots]], values: Values, pool: Pool, until: float
) -> Mapping[int, Outcome]:
    """The outcomes of all, or of none. A batch that is too much as a whole is not tried again for a while."""
    if len(rules) < 2:
        return {}
    batch = values.batch(list(rules.values()))
    if pool.penalties.suspect(batch.text):
        return {}
    try:
        status, body = pool.ask(RUN, batch.text, batch.data, timeout=until - time.monotonic())
    except StoppedError as error:
        if error.guilty:
            pool.penalties.mark(batch.text)
        return {}
    found = outcomes(batch, body) if status == VALUE else None
    if found is None:
        pool.penalties.mark(batch.text)
        return {}
    return dict(zip(rules, found, strict=True))


def _alone(program: Program, slots: Slots, values: Values, *, pool: Pool, until: float, suspect: bool) -> Outcome:
    batch = values.batch([(program, slots)])
    if pool.penalties.barred(program.text, batch.data):
        return Outcome.failed(
            f"was stopped {MAX_STOPS} times on this object, and is not tried on it for {SECONDS:g} s after the last"
        )
    try:
        status, body = pool.ask(RUN, batch.text, batch.data, timeout=until - time.monotonic(), suspect=suspect)
    except StoppedError as error:
        if error.guilty:
            pool.penalties.stopped(program.text, batch.data)
        return Outcome.failed(str(error))
    if status != VALUE:
        return Outcome.failed(shorten(body.decode(errors="replace")))
    found = outcomes(batch, body)
    return found[0] if found else Outcome.failed("its outputs are nested too deeply, or have a number beyond a double")
