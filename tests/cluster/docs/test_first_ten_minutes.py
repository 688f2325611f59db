"""docs/first-ten-minutes.md, as a person would follow it in one terminal: each block of commands, and what it says."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from auditor.sandbox.places import cache_directory

PAGE = (Path(__file__).parents[3] / "docs" / "first-ten-minutes.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "-- the block has ended with"
ASKS = ("auditor findings", "auditor sandbox kubectl get")
PATIENCE = 120.0
"""Seconds for what the page calls a moment, on a computer that is busy with something else."""


class Terminal:
    """One bash for the whole page: variables and what is in the background stay from block to block."""

    def __init__(self, place: Path) -> None:
        port, *operations = free_ports(3)
        self._port = port
        program = place / "bin" / "auditor"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m auditor "$@"\n')
        program.chmod(0o755)
        work = place / "work"
        work.mkdir()
        kept = {
            name: text for name, text in os.environ.items() if not name.startswith(("AUDITOR", "XDG", "KUBECONFIG"))
        }
        self.environment = {
            **kept,
            "HOME": str(place),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(cache_directory().parent),
            "AUDITOR_RUN_LISTEN": f"127.0.0.1:{port}",
            "AUDITOR_WEBHOOK_OPERATIONS": f"127.0.0.1:{operations[0]}",
        }
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=work,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.log = work / "auditor.log"

    def run(self, text: str) -> str:
        """What it says. A page shows by `||` where a failure is meant."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        text = text.replace(":8443", f":{self._port}")
        self._shell.stdin.write(f"{text}\necho; echo '{END}' $?\n")
        self._shell.stdin.flush()
        answer = ""
        for line in self._shell.stdout:
            if line.startswith(END):
                assert line.split()[-1] == "0", f"{text}\n{answer}"
                return answer
            answer += line
        raise AssertionError(f"the shell has ended: {text}\n{answer}")

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.kill()
        self._shell.communicate()
        subprocess.run(
            [sys.executable, "-m", "auditor", "sandbox", "down"], env=self.environment, capture_output=True, check=False
        )


def free_ports(count: int) -> list[int]:
    """One after the other; nobody else had them a moment ago."""
    for first in range(29000 + os.getpid() % 5000, 60000, count):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return list(range(first, first + count))
    raise AssertionError("no free ports")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


@pytest.mark.timeout(600)  # a minute of which most is waiting, and machines are shared
def test_the_page_is_followed_to_its_end(terminal: Terminal) -> None:
    blocks = BLOCK.findall(PAGE)
    commands = [text for kind, text in blocks if kind == "sh"]
    assert commands[0] == "pip install auditor\n"  # tests/cluster/release installs it
    assert len(commands) == 13
    for number, (kind, text) in enumerate(blocks):
        if kind != "sh" or text == commands[0]:
            continue
        wanted = blocks[number + 1][1] if number + 1 < len(blocks) and blocks[number + 1][0] == "" else ""
        if "refused" in text:
            # In a dry run until the door is asked: what gets in too early would stay.
            prepare, _, command = text.partition("\n")
            terminal.run(prepare)
            insist(terminal, command.replace(" -f ", " --dry-run=server -f "), wanted)
            insist(terminal, command, wanted, seconds=0)
        else:
            insist(terminal, text, wanted, seconds=PATIENCE if text.startswith(ASKS) else 0)


def insist(terminal: Terminal, text: str, wanted: str, seconds: float = PATIENCE) -> None:
    """Each line that the page shows is said, or part of one; where it is but a matter of time, within that."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while True:
        answer = terminal.run(text)
        missing = [line for line in wanted.splitlines() if line not in answer]
        if not missing:
            return
        if time.monotonic() >= deadline:
            log = terminal.log.read_text()[-3000:] if terminal.log.exists() else ""
            raise AssertionError(f"{text}\n{missing} not in:\n{answer}\n{log}")
        pause.wait(0.5)


def test_what_ci_runs_is_what_was_run_here() -> None:
    (steps,) = [yaml.safe_load(text) for kind, text in BLOCK.findall(PAGE) if kind == "yaml"]
    assert [step["run"].split()[:2] for step in steps] == [["pip", "install"], ["auditor", "scan"]]
