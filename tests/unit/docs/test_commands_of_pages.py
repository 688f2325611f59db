"""Each command of the pages is one that the program takes, and each is run by somebody."""

import re
import shlex
import subprocess

import pytest
from click.testing import CliRunner

from auditor.cli.frame import auditor
from tests.unit.docs.commands import ELSEWHERE, NOT_RUN, PROCESSES, RUNBOOKS, list_commands
from tests.unit.docs.pages import ROOT

COMMANDS = list_commands()


def parts(command: str) -> list[str]:
    """Of a pipe and the like, those that are ours. All behind `sandbox kubectl` is for kubectl."""
    inner = re.findall(r"\$\(([^)]*)\)", command)
    outer = re.split(r"\s*(?:\|\|?|&&|;|<<)\s*", re.sub(r"\"?\$\([^)]*\)\"?", "x", command))
    ours = re.compile(r"(kubectl )?auditor (?!sandbox kubectl )")
    return [each for each in (*outer, *inner) if ours.match(each)]


OURS = list(dict.fromkeys(part for _, command in COMMANDS for part in parts(command)))


@pytest.mark.parametrize("command", OURS)
def test_the_program_knows_its_options(command: str) -> None:
    """Help comes only where all options before it are known."""
    words = shlex.split(command.removeprefix("kubectl ").removesuffix("&"))[1:]
    words = words[: words.index("--")] if "--" in words else words
    done = CliRunner().invoke(auditor, [*words, "--help"])
    assert (done.exit_code, "Usage: " in done.output) == (0, True), done.output


def test_tests_that_are_named_are_there_and_read_the_page() -> None:
    for page, test in ELSEWHERE.items():
        assert page.removeprefix("docs/") in (ROOT / test).read_text()
    named = [RUNBOOKS, *PROCESSES.values(), *re.findall(r"tests/[\w/]+\.py", " ".join(NOT_RUN.values()))]
    assert [test for test in named if not (ROOT / test).is_file()] == []


def test_nothing_is_left_out_that_is_not_there() -> None:
    texts = [command for _, command in COMMANDS]
    assert [each for each in NOT_RUN if not any(text.startswith(each) for text in texts)] == []
    assert [each for each in PROCESSES if not any(re.match(each, text) for text in texts)] == []


def test_targets_of_make_are_there() -> None:
    used = {match[1] for _, command in COMMANDS if (match := re.match(r"make ([a-z-]+)", command))}
    assert used >= {"demo", "test"}
    makefile = (ROOT / "Makefile").read_text()
    assert {each for each in used if not re.search(rf"^{each}:", makefile, re.MULTILINE)} == set()


def test_paths_of_the_repository_are_there() -> None:
    """In the pages of packs, which name their own files."""
    named = {
        word
        for block, command in COMMANDS
        for word in command.split()
        if re.match(r"(policies/[a-z-]+|deploy)/", word) and block.page.startswith(("policies/", "docs/install"))
    }
    assert named
    assert [each for each in sorted(named) if not (ROOT / each.rstrip(",")).exists()] == []


def test_commands_of_a_shell_are_well_formed() -> None:
    script = "\n".join(command for _, command in COMMANDS if "<<" not in command and not command.startswith("END"))
    assert subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True, check=False).stderr == ""
