"""Run rules on one object: together where that works, each alone where it does not.

Rules run as one program. When that fails for any reason (a rule runs away, eats the memory, ends the program, floods
it), nothing is guessed about who did it: each rule runs alone, and has its own limit and its own answer.
"""

import time
from collections.abc import Mapping, Sequence

from auditor.json import Json
from auditor.languages.isolation.penalties import MAX_STOPS, SECONDS
from auditor.languages.jq.batch import Call, Slots, Values, outcomes, shorten
from auditor.languages.jq.discretion import hide_values
from auditor.languages.jq.pool import Pool, shared_pool
from auditor.languages.jq.process import RUN, VALUE, StoppedError
from auditor.languages.jq.program import Program
from auditor.languages.outcome import Outcome

TIMEOUT = 5.0
"""Wall seconds for all rules of a request: half of the 10 s that the API server gives a webhook by default."""


def run(
    calls: Sequence[Call],
    *,
    input: Json,  # noqa: A002 (jq calls it so)
    bindings: Mapping[str, Json],
    pool: Pool | None = None,
    timeout: float = TIMEOUT,
) -> list[Outcome]:
    """One outcome for each call: the list of its outputs, or why there is none."""
    until = time.monotonic() + timeout
    pool = pool or shared_pool()
    values = Values(input, bindings)
    done: dict[int, Outcome] = {}
    ready: dict[int, tuple[Program, Slots]] = {}
    for number, call in enumerate(calls):
        slots = values.slots(call)
        if isinstance(slots, Outcome):
            done[number] = slots
        else:
            ready[number] = call[0], slots
    together = {number: rule for number, rule in ready.items() if not pool.penalties.suspect(rule[0].text)}
    done.update(_together(together, values, pool, until))
    left = sorted(ready.keys() - done.keys(), key=lambda number: (number not in together, number))  # suspects last
    for number in left:
        program, slots = ready[number]
        done[number] = _alone(program, slots, values, pool=pool, until=until, suspect=number not in together)
    return [_discreet(done[number], call[0]) for number, call in enumerate(calls)]


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
