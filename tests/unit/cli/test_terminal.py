"""What a person sees at a terminal of 40 columns: terminal/CASE.txt. A pipe is told of elsewhere: golden/."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.unit.cli.binary import AUDITOR, compare, environment

GOLDEN = Path(__file__).parent / "terminal"
INPUTS = Path(__file__).parent / "golden" / "inputs"
SCAN = (
    "scan",
    "shops.yaml",
    "broken.yaml",
    "--policies",
    "policies.yaml",
    "--policies",
    "error.yaml",
    "--crds",
    "crd.yaml",
)
COLUMNS = 40
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def show(*arguments: str, columns: int = COLUMNS, **more: str) -> tuple[int, str]:
    """Standard error is no terminal, so that what a test compares is what the command prints."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [AUDITOR, *arguments],
        cwd=INPUTS,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment(**{"TERM": "xterm", **more}),
    ) as program:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        program.communicate()
    return program.returncode, shown.decode().replace("\r\n", "\n")


def test_a_narrow_terminal() -> None:
    code, shown = show(*SCAN)
    compare(GOLDEN / "narrow.txt", shown)
    assert code == 3
    plain = ESCAPE.sub("", shown)
    assert plain != shown
    assert max(map(len, plain.splitlines())) <= COLUMNS
    assert show(*SCAN, NO_COLOR="1") == (3, plain)
    assert show(*SCAN, TERM="dumb") == (3, plain)


def test_a_terminal_that_has_room() -> None:
    code, shown = show(*SCAN, columns=120)
    compare(GOLDEN / "wide.txt", shown)
    assert code == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("explain", "policies.yaml", "shops.yaml"), 1),
        (("test", "../../commands/cases"), 1),
        (("fix", "clean.yaml", "--diff", "--policies", "../../commands/fixer.yaml"), 1),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_colours_at_a_terminal_and_none_for_who_wants_none(arguments: tuple[str, ...], code: int) -> None:
    found, shown = show(*arguments, columns=200)
    assert (found, bool(ESCAPE.search(shown))) == (code, True)
    assert not re.search(r"^[^\x1b\n]*\x1b\[0m", shown, re.MULTILINE)  # nothing ends that has not begun
    found, plain = show(*arguments, columns=200, NO_COLOR="1")
    assert (found, "\x1b" in plain) == (code, False)
