"""What a rule cannot do to us, to the others and to the machine, also where no refusal stops it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from auditor.errors import AuditorError
from auditor.languages import jq
from auditor.languages.isolation.pool import STOPS
from auditor.languages.isolation.process import Command, Process
from auditor.languages.jq import pool as pools
from auditor.languages.jq.process import CHECK, RUN, VALUE, command
from auditor.languages.jq.program import Program
from auditor.languages.outcome import Outcome

RUNAWAYS = {
    "an endless loop": ("def f: f; f", "took longer than 0.1 s"),
    "an endless list": ("[range(1e18)] | true", ""),
    "a huge string": ('"x" as $x | ($x * 1000000000) | true', "needed more than 256 MiB of memory"),
    "endless recursion": ("def f: 1 + f; f", ""),
    "a string that grows": ('def f: "\\(.)\\(.)" | f; "x" | f', ""),
    "endless outputs": ("repeat(1)", ""),
    "silent endless outputs": ("repeat(empty)", ""),
    "a huge index": ("[] | .[536870911] = 1 | true", "needed more than 256 MiB of memory"),
}
UNREFUSED = {
    "halt": "halt",
    "halt after an answer": "true, halt",
    "halt_error": '"x" | halt_error',
    "input": "input",
    "a flood of messages": 'range(100000) | "\\(.)" | debug | stderr | empty',
}


def calls(*texts: str) -> list[jq.Call]:
    """Without the checks of compile."""
    return [(Program(text, ()), {}) for text in texts]


@pytest.mark.parametrize(
    "rule", [*RUNAWAYS.values(), *((text, "") for text in UNREFUSED.values())], ids=[*RUNAWAYS, *UNREFUSED]
)
def test_one_bad_rule_is_an_error_and_the_others_get_their_answers(rule: tuple[str, str], pool: jq.Pool) -> None:
    text, reason = rule
    found = jq.run(calls("true", text, ".a", 'error("own")', "false"), input={"a": 1}, bindings={}, pool=pool)
    assert [found[0], *found[2:]] == [Outcome.of([True]), Outcome.of([1]), Outcome.failed("own"), Outcome.of([False])]
    assert jq.condition(found[1]).error
    assert reason in (found[1].error or "")


def test_several_bad_rules_each_get_their_own_reason(pool: jq.Pool) -> None:
    found = jq.run(
        calls(RUNAWAYS["a huge string"][0], "true", RUNAWAYS["an endless loop"][0]), input={}, bindings={}, pool=pool
    )
    assert found == [
        Outcome.failed("needed more than 256 MiB of memory"),
        Outcome.of([True]),
        Outcome.failed("took longer than 0.1 s"),
    ]


def test_the_environment_is_empty_and_no_file_can_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool: jq.Pool
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    (tmp_path / "lib.jq").write_text('def leak: "s3cret";')
    (tmp_path / "data.json").write_text('"s3cret"')
    found = jq.run(calls("env | keys", "$ENV | keys", "[inputs]", "input_filename"), input={}, bindings={}, pool=pool)
    assert [outcome.value for outcome in found] == [[["HOME", "LC_ALL", "TZ"]]] * 2 + [[[]], [None]]
    for text in (
        f'import "lib" as lib {{search: "{tmp_path}"}}; lib::leak',
        f'include "lib" {{search: "{tmp_path}"}}; leak',
        f'import "data" as $data {{search: "{tmp_path}"}}; $data',
    ):
        status, said = pool.ask(CHECK, text.encode(), timeout=10)
        assert status != VALUE
        assert b"s3cret" not in said


def test_functions_in_the_home_of_the_user_are_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool: jq.Pool
) -> None:
    (tmp_path / ".jq").write_text("def leak: 42; def length: 42;")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pool.ask(CHECK, b"leak", timeout=10)[0] != VALUE
    assert jq.run(calls("length"), input=[], bindings={}, pool=pool) == [Outcome.of([0])]


def test_a_process_starts_fast_and_imports_little() -> None:
    seconds = min(_cpu_to_start() for _ in range(3))
    assert seconds < 0.1


def _cpu_to_start() -> float:
    with jq.Pool(processes=1) as pool:
        pool.ask(CHECK, b"true", timeout=10)
        times = psutil.Process(pool.pids[0]).cpu_times()
        return float(times.user + times.system)


def test_messages_that_nobody_reads_hold_nothing_up(pool: jq.Pool) -> None:
    flood = calls('range(10000) | "a line of some length \\(.)" | debug | stderr | empty')
    assert jq.run(flood, input={}, bindings={}, pool=pool) == [Outcome.of([])]


def test_an_interrupt_from_the_terminal_is_not_for_the_processes(pool: jq.Pool) -> None:
    jq.run(calls("true"), input={}, bindings={}, pool=pool)
    assert os.getpgid(pool.pids[0]) != os.getpgid(0)


def test_a_process_that_is_killed_from_outside_is_replaced_at_once(pool: jq.Pool) -> None:
    for texts in (["true"], ["true", "true"]):
        jq.run(calls("true"), input={}, bindings={}, pool=pool)
        os.kill(pool.pids[0], signal.SIGKILL)
        assert jq.run(calls(*texts), input={}, bindings={}, pool=pool) == [Outcome.of([True])] * len(texts)


def test_a_rule_whose_process_is_killed_again_and_again_is_to_blame(pool: jq.Pool) -> None:
    """As by the kernel, in a container with less memory than the limit."""

    def kill_all(stop: threading.Event) -> None:
        while not stop.is_set():
            for pid in pool.pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    jq.run(calls("true"), input={}, bindings={}, pool=pool)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(kill_all, stop)
        found = jq.run(calls("def f: f; f"), input={}, bindings={}, pool=pool)
        stop.set()
    assert found == [Outcome.failed("the jq process was killed from outside (SIGKILL)")]
    assert pool.penalties.suspect("def f: f; f")


def test_programs_of_many_sets_of_rules_do_not_fill_the_memory(pool: jq.Pool) -> None:
    for number in range(40):
        texts = [f'. != "{number} {"x" * 20_000}"', "true"]
        assert jq.run(calls(*texts), input=1, bindings={}, pool=pool) == [Outcome.of([True])] * 2
    assert psutil.Process(pool.pids[0]).memory_info().rss < 64 << 20


def test_a_process_that_stands_still_costs_no_more_than_the_deadline(pool: jq.Pool) -> None:
    jq.run(calls("true"), input={}, bindings={}, pool=pool)
    pid = pool.pids[0]
    os.kill(pid, signal.SIGSTOP)
    found = jq.run(calls("true", "false"), input="x" * 1_000_000, bindings={}, pool=pool, timeout=0.2)
    assert all(outcome.error for outcome in found)
    assert not psutil.pid_exists(pid)
    assert jq.run(calls("true"), input={}, bindings={}, pool=pool) == [Outcome.of([True])]


def test_a_time_that_is_up_is_an_error_and_no_strike(pool: jq.Pool) -> None:
    found = jq.run(calls("true", "true"), input={}, bindings={}, pool=pool, timeout=0)
    assert found == [Outcome.failed("was not run: no time was left")] * 2
    assert not pool.penalties.suspect("true")


def test_threads_share_the_processes_and_each_gets_its_own_answers() -> None:
    with jq.Pool(processes=2) as pool, ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda n: jq.run(calls(". + 1", "-."), input=n, bindings={}, pool=pool), range(200))
        assert [[outcome.value for outcome in found] for found in answers] == [[[n + 1], [-n]] for n in range(200)]
        assert len(pool.pids) <= 2


def test_who_waits_too_long_for_a_process_gets_an_error() -> None:
    with jq.Pool(processes=1) as pool:
        taken = pool._many.take(1)
        found = jq.run(calls("true"), input={}, bindings={}, pool=pool, timeout=0.01)
        pool._many.give(taken)
        assert found == [Outcome.failed("was not run: no jq process became free in time")]
        assert jq.run(calls("true"), input={}, bindings={}, pool=pool) == [Outcome.of([True])]


def test_closing_ends_the_processes_also_one_that_runs() -> None:
    with jq.Pool(processes=1, limits=jq.Limits(seconds=20)) as pool, ThreadPoolExecutor(1) as threads:
        jq.run(calls("true"), input={}, bindings={}, pool=pool)
        worker = psutil.Process(pool.pids[0])
        idle = worker.cpu_times().user
        running = threads.submit(jq.run, calls("def f: f; f"), input={}, bindings={}, pool=pool, timeout=20)
        while worker.cpu_times().user < idle + 0.02:
            pass
        pool.close()
        assert running.result(10) == [Outcome.failed("the jq process was killed from outside (SIGKILL)")]
        assert not is_alive(worker)
        assert pool.pids == []
        assert jq.run(calls("true"), input={}, bindings={}, pool=pool) == [
            Outcome.failed("was not run: the jq processes are closed")
        ]


ORPHAN = """
import sys
from auditor.languages import jq
from auditor.languages.jq.program import Program
pool = jq.Pool(processes=1, limits=jq.Limits(seconds=0.3))
jq.run([(Program("true", ()), {})], input={}, bindings={}, pool=pool)
print(pool.pids[0], flush=True)
if sys.argv[1] == "busy":
    jq.run([(Program("def f: f; f", ()), {})], input={}, bindings={}, pool=pool)
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_a_process_does_not_outlive_its_owner(state: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        worker = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
    while is_alive(worker):
        pass


def is_alive(process: psutil.Process) -> bool:
    """Whoever inherits a process may be slow to bury it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


FORK = """
import os, sys, threading, warnings
warnings.simplefilter("error")
from auditor.languages import jq
from auditor.languages.jq.program import Program
call = [(Program(". + 1", ()), {})]
pool = jq.Pool(processes=1)
assert jq.run(call, input=1, bindings={}, pool=pool)[0].value == [2]
mine = pool.pids
pool._many._changed.acquire()  # as another thread might at the moment of the fork
child = os.fork()
if not child:
    ok = pool.pids == [] and jq.run(call, input=2, bindings={}, pool=pool)[0].value == [3] and pool.pids != mine
    pool.close()
    os._exit(0 if ok else 1)
pool._many._changed.release()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert jq.run(call, input=3, bindings={}, pool=pool)[0].value == [4]
assert pool.pids == mine
pool.close()
"""


def test_after_a_fork_parent_and_child_have_processes_of_their_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


SHARED = """
from auditor.languages import jq
program = jq.compile("1 + 1")
assert jq.run([(program, {})], input={}, bindings={})[0].value == [2]
assert jq.shared_pool() is jq.shared_pool()
"""


def test_the_shared_pool_needs_no_closing() -> None:
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", SHARED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_installation_that_is_broken_is_not_blamed_on_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Command:
        return Command("jq", [sys.executable, "-I", "-S", "-c", "raise ImportError('no libjq')"], {})

    monkeypatch.setattr(pools, "command", broken)
    with jq.Pool(processes=1) as pool:
        (outcome,) = jq.run(calls("true"), input={}, bindings={}, pool=pool)
        assert outcome == Outcome.failed("the jq process ended with code 1: ImportError: no libjq")
        assert not pool.penalties.suspect("true")


def test_a_binding_that_is_not_installed_is_named() -> None:
    with pytest.raises(AuditorError, match="'no_such_jq' is not installed"):
        jq.Pool(binding="no_such_jq")


def test_each_binding_that_is_installed_gives_the_same_answers() -> None:
    texts = (
        ".a",
        "true # \\",
        ".b[]",
        'error("x")',
        "$request.n",
        ".a.b",
        "error({__jq: 0})",
        'try error("y") catch .',
        "halt_error",
        "true",
    )
    for binding in filter(find_spec, ("jq", "pyjq")):
        with jq.Pool(processes=1, binding=binding) as pool:
            rules: list[jq.Call] = [(Program(text, ("request",) if "$" in text else ()), {}) for text in texts]
            found = jq.run(rules, input={"a": 1, "b": [1.5, "x"]}, bindings={"request": {"n": None}}, pool=pool)
            values = [[1], [True], [1.5, "x"], None, [None], None, None, ["y"], None, [True]]
            assert [outcome.value for outcome in found] == values, binding
            assert found[3].error == "x"


def test_an_interrupt_leaves_no_answer_for_the_next_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Process(command(jq.Limits(), "jq"), jq.Limits())

    def interrupted(*_: object) -> tuple[bytes, bytes]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(asked, "_answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            asked.ask(RUN, b'"first"', b"1", until=time.monotonic() + 60)
    assert asked.ask(RUN, b'"second"', b"1", until=time.monotonic() + 60) == (VALUE, b"second")
    asked.kill()


def test_rules_that_are_stopped_are_counted_by_the_cause() -> None:
    before = STOPS.copy()
    with jq.Pool(processes=1, limits=jq.Limits(seconds=0.1)) as pool:
        assert jq.run(calls("def f: f; f"), input={}, bindings={}, pool=pool)[0].error
        assert (STOPS["jq", "rule"] - before["jq", "rule"], STOPS["jq", "outside"]) == (1, before["jq", "outside"])
    assert jq.run(calls("true"), input={}, bindings={}, pool=pool)[0].error  # it is closed
    assert STOPS["jq", "outside"] == before["jq", "outside"] + 1
