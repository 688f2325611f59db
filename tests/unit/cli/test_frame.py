"""The frame of the command line, driven as a person or a script would: as a process."""

import json
import subprocess
import sys

import pytest

import auditor
from auditor.cli import frame


def run(*arguments: str, code: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "auditor"]
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        check=False,
    )


def with_command(body: str) -> str:
    """A program that is `auditor` with one more command, `try`, that does `body`."""
    return f"""
import sys, types, click
from auditor import errors
from auditor.cli import frame
@click.command("try")
def command():
    import logging
    {body}
sys.modules["trial"] = types.SimpleNamespace(command=command)
frame.COMMANDS["try"] = "trial"
sys.exit(frame.run())
"""


@pytest.mark.parametrize("arguments", [("--version",), ("-v", "--version")])
def test_version(arguments: tuple[str, ...]) -> None:
    answer = run(*arguments)
    assert (answer.returncode, answer.stdout) == (0, f"auditor {auditor.__version__}\n")


def test_version_imports_nothing_heavy() -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "auditor", "--version"], capture_output=True, text=True, check=True
    )
    imported = {line.rsplit("|", 1)[1].strip() for line in answer.stderr.splitlines() if "|" in line}
    assert {name for name in imported if name.startswith("auditor")} == {"auditor", "auditor.__main__"} & imported
    assert not imported & {"click", "argparse", "json", "importlib.metadata", "logging"}


def test_help_lists_every_command_with_a_line() -> None:
    answer = run("--help")
    assert answer.returncode == 0
    commands = answer.stdout.split("Commands:\n", 1)[1].splitlines()
    assert [line.split()[0] for line in commands] == sorted(frame.COMMANDS)
    assert all(len(line.split()) > 2 for line in commands)


def test_help_imports_no_heavy_library() -> None:
    code = "import sys; from auditor.cli import frame; frame.run(); print(*sys.modules, file=sys.stderr)"
    modules = run("--help", code=code).stderr.split()
    assert "auditor.cli.sandbox" in modules
    assert not {"psutil", "cryptography", "auditor.sandbox", "jsonschema", "cel_expr_python"} & set(modules)


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("--nonsense",), ("sandbox", "nonsense"), ("sandbox", "up", "--port", "x")]
)
def test_wrong_usage_exits_2_and_says_what_to_do(arguments: tuple[str, ...]) -> None:
    answer = run(*arguments)
    assert answer.returncode == 2
    assert "Usage: auditor" in answer.stderr
    assert "Error:" in answer.stderr
    assert answer.stdout == ""


@pytest.mark.parametrize(
    ("typed", "said"), [("scna", "there is no command 'scna': did you mean 'scan'?"), ("xyzzy", "no command 'xyzzy'\n")]
)
def test_a_command_that_is_not_there(typed: str, said: str) -> None:
    assert said in run(typed).stderr


@pytest.mark.parametrize(("error", "code"), [("UsageError", 2), ("InputError", 3), ("SandboxError", 2)])
def test_errors_of_ours_are_a_sentence_and_an_exit_code(error: str, code: int) -> None:
    answer = run("try", code=with_command(f"raise errors.{error}('the sky is green: look again')"))
    assert (answer.returncode, answer.stderr) == (code, "auditor: the sky is green: look again\n")


def test_a_full_disk_is_no_defect_of_ours() -> None:
    answer = run("try", code=with_command("raise OSError(28, 'No space left on device')"))
    assert answer.returncode == 3
    assert answer.stderr.startswith("auditor: there is no room left to write to: No space left on device")


def test_internal_error_is_never_taken_for_a_result() -> None:
    answer = run("try", code=with_command("[][1]"))
    assert answer.returncode == 3
    assert "internal error: IndexError" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_traceback_with_vv() -> None:
    answer = run("-vv", "try", code=with_command("raise errors.UsageError('no')"))
    assert "Traceback" in answer.stderr
    assert answer.stderr.endswith("auditor: no\n")


def test_ctrl_c() -> None:
    answer = run("try", code=with_command("import os, signal; os.kill(os.getpid(), signal.SIGINT)"))
    assert answer.returncode == 130
    assert "Traceback" not in answer.stderr


def test_reader_that_goes_away_is_neither_an_error_nor_a_finding() -> None:
    code = with_command("[click.echo('x' * 1000) for _ in range(10000)]")
    with subprocess.Popen(
        [sys.executable, "-c", code, "try"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == frame.READER_GONE


def test_exit_code_of_a_command_is_passed_on() -> None:
    assert run("try", code=with_command("return 1")).returncode == 1


def test_logs_as_json_lines() -> None:
    answer = run("--log-format", "json", "-v", "try", code=with_command("logging.getLogger('a').info('%s ü', 1)"))
    line = json.loads(answer.stderr)
    assert {k: line[k] for k in ("level", "logger", "message")} == {"level": "info", "logger": "a", "message": "1 ü"}
    assert line["time"].endswith("+00:00")


def test_logs_as_text_from_the_chosen_level() -> None:
    code = with_command("logging.getLogger('a').info('seen'); logging.getLogger('a').debug('not seen')")
    assert run("-v", "try", code=code).stderr == "INFO a: seen\n"
    assert run("try", code=code).stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    answer = run("completion", shell)
    assert answer.returncode == 0
    assert "_AUDITOR_COMPLETE" in answer.stdout


def test_completion_completes() -> None:
    answer = run(_AUDITOR_COMPLETE="bash_complete", COMP_WORDS="auditor sandbox ", COMP_CWORD="2")
    assert "plain,kubeconfig" in answer.stdout
