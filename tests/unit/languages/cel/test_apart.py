"""Evaluations in other processes: the same answers as here, and nothing that runs away is our problem."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest
from hypothesis import given, reject, settings

from auditor.errors import CompileError
from auditor.json import Json
from auditor.languages import cel
from auditor.languages.cel import apart
from auditor.languages.cel import program as programs
from auditor.languages.isolation.pool import Pool
from auditor.languages.outcome import Outcome
from tests.unit.languages.cel import recorded
from tests.unit.languages.cel.test_fuzz import BINDINGS, SCOPE, expressions

SECONDS = 0.3
RUNAWAY = "object.l.all(a, object.l.all(b, !object.s.contains(a + b + 'b')))"
RAN_AWAY: Json = {"l": ["a" * 200] * 50, "s": "a" * 300_000}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with short_pool() as pool:
        yield pool


def short_pool() -> Pool:
    limits = replace(apart.LIMITS, seconds=SECONDS, seconds_per_mib=0.0)
    return Pool(apart.command(limits), limits=limits, processes=1)


def run(source: str, pool: Pool, result: cel.Type = cel.ANY, scope: cel.Scope = SCOPE, **names: Json) -> Outcome:
    return run_apart(cel.compile(source, scope, result), cel.Bindings(**names), pool)


def run_apart(program: cel.Program, bindings: cel.Bindings, pool: Pool | None = None) -> Outcome:
    return apart.run(program._portable(), bindings, program.names, pool)


@pytest.fixture
def everything_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MAX_COST", -math.inf)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("object.a", 1),
        ("object.l.map(x, x * 2)", [2, 4]),
        ("object.?nope.orValue('x')", "x"),
        ("has(object.n.x)", False),
        ("object.big", 18446744073709551616.0),
        ("quantity('1Gi').isGreaterThan(quantity('1M'))", True),
        ("timestamp('2020-07-01T00:00:00Z').getHours('Europe/Berlin')", 2),
        ("'%s'.format([object.l])", "[1, 2]"),
        ("object.s.matches('^é+$')", True),
        ("double('inf')", math.inf),
    ],
)
def test_values_come_back(source: str, value: Json, pool: Pool) -> None:
    thing = {"a": 1, "l": [1, 2], "n": None, "big": 2**64, "s": "éé"}
    assert run(source, pool, object=thing) == Outcome.of(value)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("object.b", 'Key not found in map : "b"'),
        ("object.l[7] == 1", "Index error: index=7 size=2"),
        ("quantity('x').isInteger()", "quantities must match the regular expression"),
        ("oldObject.a", "oldObject cannot be read: a text in it has a NUL character"),
        ("request.name", "request is not available here"),
    ],
)
def test_errors_come_back(source: str, error: str, pool: Pool) -> None:
    thing = {"a": 1, "l": [1, 2]}
    program = cel.compile(source, SCOPE, cel.ANY)
    bindings = cel.Bindings(object=thing, oldObject={"a": "\0"})
    outcome = run_apart(program, bindings, pool)
    assert error in str(outcome.error)
    assert outcome == program.run(bindings)


def test_typed_values_go_there(pool: Pool) -> None:
    scope = cel.crd_scope(cel.object_of({"at": cel.TIMESTAMP, "wait": cel.DURATION, "data": cel.BYTES}))
    value = {"at": cel.timestamp(60, 0), "wait": cel.duration(10**9), "data": b"\xff"}
    for source in ("self.at.getMinutes() == 1", "self.wait == duration('1s')", r"self.data == b'\xff'"):
        assert run(source, pool, cel.BOOL, scope, self=value) == Outcome.of(True)


def said(outcome: Outcome) -> str:
    """NaN is equal to NaN here, one order of keys to another, and one address to another."""
    return re.sub(r"0x[0-9a-f]+", "0x", json.dumps([outcome.value, outcome.error], sort_keys=True))


@settings(max_examples=150)
@given(expressions)
def test_outcomes_are_the_same_here_and_there(source: str) -> None:
    try:
        program = cel.compile(source, SCOPE, cel.ANY)
    except CompileError:
        reject()
    BINDINGS.spent = 0.0
    here = program._evaluation.run(BINDINGS)
    there = run_apart(program, BINDINGS)
    assert said(there) == said(here)


def test_all_that_the_server_was_asked_has_the_same_outcome_there(pool: Pool) -> None:
    bindings = recorded.bindings()
    compared = 0
    for source in (each for section in recorded.load()["sections"].values() for each in section):
        try:
            program = cel.compile(source, recorded.SCOPE, cel.ANY)
        except CompileError:
            continue
        if "authorizer" in program.names:  # its answers are no plain mapping
            continue
        bindings.spent = 0.0
        assert said(run_apart(program, bindings, pool)) == said(program._evaluation.run(bindings)), source
        compared += 1
    assert compared > 1000


@pytest.mark.usefixtures("everything_apart")
def test_the_authorizer_answers_there_and_what_it_was_not_asked_is_known_here() -> None:
    scope = cel.admission_scope()
    known = cel.Question(verb="get", group="apps", resource="pods")
    answers = cel.Answers({known: cel.Answer(allowed=True, reason="because")})
    bindings = cel.Bindings(object={}, authorizer=answers)
    ask = "authorizer.group('apps').resource('pods').check('{}').allowed()"
    assert cel.compile(ask.format("get"), scope).run(bindings) == Outcome.of(True)
    for _ in range(2):
        outcome = cel.compile(ask.format("list"), scope).run(bindings)
        assert "the authorizer was not asked: verb 'list'" in str(outcome.error)
    assert answers.unanswered == [replace(known, verb="list")]


def test_what_runs_away_is_an_error_and_the_next_gets_its_answer() -> None:
    with short_pool() as pool:
        begun = time.monotonic()
        assert run(RUNAWAY, pool, object=RAN_AWAY) == Outcome.failed(f"took longer than {SECONDS} s")
        assert time.monotonic() - begun < apart.TIMEOUT
        assert run("object.l.size()", pool, object=RAN_AWAY) == Outcome.of(50)


def test_what_ran_away_twice_is_not_tried_again_on_the_same_object() -> None:
    with short_pool() as pool:
        for _ in range(2):
            assert run(RUNAWAY, pool, object=RAN_AWAY).error == f"took longer than {SECONDS} s"
        assert "was stopped 2 times on this object" in str(run(RUNAWAY, pool, object=RAN_AWAY).error)
        assert run(RUNAWAY, pool, object={"l": ["a"], "s": "x"}) == Outcome.of(True)


@pytest.mark.parametrize(
    "source", ["lists.range(9999).map(x, x).size()", "lists.range(9999).map(x, object.s + 'b').size()"]
)
def test_what_takes_too_much_memory_is_an_error(source: str) -> None:
    limits = replace(apart.LIMITS, memory=200 << 20)
    with Pool(apart.command(limits), limits=limits, processes=1) as pool:
        outcome = run(source, pool, object={"s": "a" * 100_000})
        assert outcome == Outcome.failed("needed more than 200 MiB of memory")
        assert run("object.s.size()", pool, object={"s": "a" * 100_000}) == Outcome.of(100_000)


def test_all_of_a_request_have_one_deadline(pool: Pool) -> None:
    bindings = cel.Bindings(object=RAN_AWAY)
    with short_pool() as short:
        assert run_apart(cel.compile(RUNAWAY, SCOPE), bindings, short).error
    assert bindings.spent >= SECONDS
    bindings.spent = apart.TIMEOUT
    outcome = run_apart(cel.compile("1 == 1", SCOPE), bindings, pool)
    assert outcome == Outcome.failed("was not run: no time was left")


def test_a_rule_decides_by_the_size_of_the_object_where_it_runs() -> None:
    program = cel.compile("object.l.map(x, x + 1).size() > 0", SCOPE)
    apart.shared_pool().close()  # whatever went there is an error now
    assert program.run(cel.Bindings(object={"l": list(range(100))})) == Outcome.of(True)
    assert "processes are closed" in str(program.run(cel.Bindings(object={"l": list(range(9000))})).error)
    apart.shared_pool.forget()


def test_what_a_rule_does_not_read_does_not_count() -> None:
    program = cel.compile("object.a == 1", SCOPE)
    bindings = cel.Bindings(object={"a": 1}, params=[0] * 1_000_000)
    assert program._takes_no_long(bindings)
    assert len(bindings.packed(program.names)) < 200
    assert not cel.compile("object.a == 1 && params == []", SCOPE)._takes_no_long(bindings)


@pytest.mark.usefixtures("everything_apart")
def test_others_go_on_meanwhile() -> None:
    done = threading.Event()
    rounds = 0
    with short_pool() as pool:
        program, bindings = cel.compile(RUNAWAY, SCOPE), cel.Bindings(object=RAN_AWAY)

        def run_away() -> None:
            run_apart(program, bindings, pool)
            done.set()

        thread = threading.Thread(target=run_away)
        thread.start()
        while not done.is_set():
            rounds += 1
        thread.join()
    assert rounds > 10_000


ORPHAN = """
import sys
from auditor.languages import cel
from auditor.languages.cel import apart, program
program.MAX_COST = -1
scope = cel.admission_scope()
assert cel.compile("object.a == 1", scope).run(cel.Bindings(object={"a": 1})).value is True
print(apart.shared_pool().pids[0], flush=True)
if sys.argv[1] == "busy":
    thing = cel.Bindings(object={"l": ["a" * 200] * 50, "s": "a" * 300_000})
    cel.compile("object.l.all(a, object.l.all(b, !object.s.contains(a + b + 'b')))", scope).run(thing)
if sys.argv[1] == "exit":
    sys.exit()
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy", "exit"])
def test_no_process_outlives_its_owner(state: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", ORPHAN, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        worker = psutil.Process(int(owner.stdout.readline()))
        if state == "exit":
            assert owner.wait(20) == 0
        else:
            os.kill(owner.pid, signal.SIGKILL)
    worker_ends = threading.Event()
    for _ in range(1000):
        try:
            if worker.status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        worker_ends.wait(0.01)
    pytest.fail("it goes on")


FORK = """
import os, warnings
warnings.simplefilter("error")
from auditor.languages import cel
from auditor.languages.cel import apart, program
program.MAX_COST = -1
rule = cel.compile("object.a > 1", cel.admission_scope())
assert rule.run(cel.Bindings(object={"a": 2})).value is True
mine = apart.shared_pool().pids
child = os.fork()
if not child:
    ok = rule.run(cel.Bindings(object={"a": 1})).value is False and apart.shared_pool().pids != mine
    apart.shared_pool().close()
    os._exit(0 if ok else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert rule.run(cel.Bindings(object={"a": 3})).value is True
assert apart.shared_pool().pids == mine
"""


def test_after_a_fork_parent_and_child_have_processes_of_their_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_has_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    with short_pool() as pool:
        assert run("1", pool) == Outcome.of(1)
        assert sorted(psutil.Process(pool.pids[0]).environ()) == ["LC_ALL", "TZ"]
