"""Two processes that live and die together: each way in which one of them, or their parent, can end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from auditor.cli.run import command, find_doors, place_watcher
from auditor.cli.run.pair import Group
from auditor.errors import UsageError

PARENT = Path(__file__).with_name("parent.py")
SECONDS = 5


class Run:
    """In a session of its own: what it leaves behind is found, and ended. Its children run, or it has ended by then."""

    def __init__(self, *children: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, PARENT, *children],
            cwd=PARENT.parents[4],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.children: dict[str, psutil.Process] = {}
        assert self.process.stdout is not None
        while len(self.children) < len(children) and (line := self.process.stdout.readline()):
            name, word, pid = line.split()
            assert word in ("runs", "ends")
            with suppress(psutil.NoSuchProcess):
                self.children[name] = psutil.Process(int(pid))

    def end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, errors

    @property
    def orphans(self) -> list[psutil.Process]:
        return psutil.wait_procs(self.children.values(), timeout=SECONDS)[1]

    def clean(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    found: list[Run] = []
    yield found
    for each in found:
        each.clean()


def start(runs: list[Run], *children: str) -> Run:
    runs.append(Run(*children))
    return runs[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both_in_good_order(runs: list[Run], number: signal.Signals) -> None:
    run = start(runs, "door wait", "watcher wait")
    run.process.send_signal(number)
    assert run.end() == (0, "")
    assert run.orphans == []


def test_ctrl_c_of_a_terminal_reaches_all_and_ends_both_once(runs: list[Run]) -> None:
    run = start(runs, "door wait", "watcher wait")
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end() == (0, "")


@pytest.mark.parametrize(
    ("children", "code", "said"),
    [
        (("door fail 2", "watcher wait"), 2, "door has ended by itself, with exit code 2"),
        (("door wait", "watcher fail 3"), 3, "watcher has ended by itself, with exit code 3"),
        (("door wait", "watcher fail 0"), 3, "watcher has ended by itself, with exit code 0"),
        (("door fault 1", "watcher fail 2"), 2, "watcher has ended by itself"),
    ],
)
def test_where_one_ends_so_does_the_other(runs: list[Run], children: tuple[str, str], code: int, said: str) -> None:
    run = start(runs, *children)
    ended, errors = run.end()
    assert ended == code
    assert said in errors
    assert run.orphans == []


def test_one_that_was_killed_is_no_success(runs: list[Run]) -> None:
    run = start(runs, "door wait", "watcher wait")
    run.children["door"].kill()
    code, errors = run.end()
    assert code == 3
    assert "door has ended by itself, with signal SIGKILL" in errors
    assert run.orphans == []


def test_a_bad_end_on_request_tells(runs: list[Run]) -> None:
    run = start(runs, "door wait", "watcher fault 3")
    run.process.terminate()
    code, errors = run.end()
    assert code == 3
    assert "watcher has ended with exit code 3" in errors


def test_who_asks_twice_does_not_wait_for_the_deaf(runs: list[Run]) -> None:
    run = start(runs, "door wait", "watcher deaf")
    run.process.send_signal(signal.SIGINT)
    run.children["door"].wait(SECONDS)
    run.process.send_signal(signal.SIGINT)
    code, errors = run.end()
    assert code == 3
    assert "watcher does not end: it is killed" in errors
    assert run.orphans == []


def test_no_orphan_of_a_parent_that_was_killed(runs: list[Run]) -> None:
    run = start(runs, "door wait", "watcher deaf")
    run.process.kill()
    assert run.orphans == []


def test_a_command_that_is_not_there_leaves_nothing() -> None:
    before = set(psutil.Process().children())
    with pytest.raises(FileNotFoundError):
        Group({"one": [sys.executable, "-c", "input()"], "two": ["/no/such/program"]}).run()
    assert psutil.wait_procs(set(psutil.Process().children()) - before, timeout=SECONDS)[1] == []


@pytest.mark.parametrize(
    ("operations", "url"),
    [
        ("0.0.0.0:8081", "http://127.0.0.1:8081"),
        ("[::]:9000", "http://[::1]:9000"),
        ("[fd00::7]:9000", "http://[fd00::7]:9000"),
        ("10.1.2.3:80", "http://10.1.2.3:80"),
        ("localhost:80", "http://localhost:80"),
        (":8081", "http://127.0.0.1:8081"),
    ],
)
def test_the_watcher_finds_the_door(operations: str, url: str) -> None:
    assert find_doors(operations) == [url]


@pytest.mark.parametrize("operations", ["8081", "127.0.0.1", "127.0.0.1:0", "a:b", ""])
def test_what_the_watcher_could_not_find_is_refused(operations: str) -> None:
    with pytest.raises(UsageError, match=r"--door-operations|no address"):
        find_doors(operations)


def test_each_worker_has_a_port_of_its_own_and_the_watcher_another() -> None:
    assert find_doors("0.0.0.0:8081", 3) == [f"http://127.0.0.1:{port}" for port in (8081, 8082, 8083)]
    assert place_watcher("0.0.0.0:8081", 1, "") == "0.0.0.0:8082"
    assert place_watcher("127.0.0.1:8081", 3, "") == "127.0.0.1:8084"
    assert place_watcher("127.0.0.1:8081", 3, "0.0.0.0:9000") == "0.0.0.0:9000"
    assert place_watcher("127.0.0.1:8081", 3, "0.0.0.0:0") == "0.0.0.0:0"


@pytest.mark.parametrize(("workers", "watcher"), [(1, "0.0.0.0:8081"), (2, "0.0.0.0:8082"), (2, "127.0.0.1:8081")])
def test_ports_that_collide_are_refused(workers: int, watcher: str) -> None:
    with pytest.raises(UsageError, match="a port of the door"):
        place_watcher("0.0.0.0:8081", workers, watcher)


class Recorded:
    """In the place of the group."""

    def __init__(self) -> None:
        self.commands: dict[str, list[str]] = {}
        self.environment: dict[str, str] = {}

    def __call__(self, commands: dict[str, list[str]], *, environment: dict[str, str]) -> "Recorded":
        self.commands, self.environment = commands, environment
        return self

    def run(self) -> int:
        return 0


def record(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Recorded:
    found = Recorded()
    monkeypatch.setattr("auditor.cli.run.Group", found)
    monkeypatch.setattr("auditor.cli.run._prepare", lambda *_, **__: None)
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    return found


def test_options_go_where_they_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["--listen", "127.0.0.1:9443", "--url", "https://127.0.0.1:9443", "--namespace", "ours"]
    given += ["--context", "c", "--as-group", "a", "--as-group", "b", "--database-url", "postgresql://u:p@h/d"]
    given += ["--workers", "2", "--no-report-crds"]
    found = record(monkeypatch, *given)
    door, watcher = (words[words.index("text") + 1 :] for words in found.commands.values())
    shared = ["--namespace", "ours", "--context", "c", "--as-group", "a", "--as-group", "b"]
    addresses = ["--listen", "127.0.0.1:9443", "--url", "https://127.0.0.1:9443", "--operations", "0.0.0.0:8081"]
    assert door == ["webhook", *addresses, "--workers", "2", *shared]
    doors = ["--door", "http://127.0.0.1:8081", "--door", "http://127.0.0.1:8082"]
    assert watcher == ["watch", "--operations", "0.0.0.0:8083", *doors, "--no-report-crds", *shared]
    assert found.environment == {"AUDITOR_WATCH_DATABASE_URL": "postgresql://u:p@h/d"}


def test_defaults_are_those_of_the_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_WEBHOOK_OPERATIONS", "127.0.0.1:9001")
    monkeypatch.setenv("AUDITOR_WATCH_NAMESPACE", "ours")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    found = record(monkeypatch)
    door, watcher = (words[words.index("text") + 1 :] for words in found.commands.values())
    shared = ["--namespace", "ours"]
    assert door == ["webhook", "--operations", "127.0.0.1:9001", "--workers", "1", *shared]
    addresses = ["--operations", "127.0.0.1:9002", "--door", "http://127.0.0.1:9001"]
    assert watcher == ["watch", *addresses, "--report-crds", *shared]
    assert found.environment == {}


def test_outside_of_a_cluster_it_has_to_be_told_how_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "AUDITOR_WEBHOOK_URL", "AUDITOR_WEBHOOK_SERVICE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="for a sandbox"):
        record(monkeypatch)
