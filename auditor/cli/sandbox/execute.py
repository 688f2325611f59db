"""`auditor sandbox kubectl` and `exec`: other programs, with a sandbox as their cluster."""

import os
import signal
import subprocess
import sys
from types import FrameType

import click

from auditor.cli.progress import ShownProgress
from auditor.cli.sandbox.options import controllers_option, find, name_option, tell_notices, version_option
from auditor.errors import SandboxError

PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}
NOT_STARTED = 127  # as shells say of a command that is not there


@click.command("kubectl", context_settings={**PASS_ON, "help_option_names": []})
@name_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl(name: str, arguments: tuple[str, ...]) -> None:
    """Run kubectl in a sandbox: auditor sandbox kubectl get pods -A."""
    sandbox = find(name)
    command = sandbox.kubectl_command(arguments)
    sys.stdout.flush()
    try:
        os.execve(command[0], command, sandbox.environment)  # noqa: S606 no shell is wanted
    except OSError as error:  # the cache was cleared while the sandbox ran
        raise SandboxError(f"{command[0]}: {error.strerror}. Get it again with: auditor sandbox build") from error


@click.command("exec", context_settings=PASS_ON)
@click.option("--name", help="A sandbox that runs. Without it: a new one, that ends with the command.")
@version_option
@controllers_option
@click.argument("arguments", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(name: str | None, version: str | None, controllers: bool, arguments: tuple[str, ...]) -> int:
    """Run a command with KUBECONFIG set: auditor sandbox exec -- pytest tests/.

    The exit code is the command's.
    """
    if name is not None:
        return _run(arguments, find(name).environment)
    from auditor.sandbox import Sandbox

    tell_notices()
    with Sandbox.start(version=version, controllers=controllers, progress=ShownProgress()) as sandbox:
        return _run(arguments, sandbox.environment)


def _run(arguments: tuple[str, ...], environment: dict[str, str]) -> int:
    processes: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        for process in processes:
            process.send_signal(number)
        if not processes:
            early.append(number)

    # Ctrl-C reaches the command by itself, and it decides what that means; the sandbox ends after it, not before. Set
    # before it starts, for it may be told to end at once; functions, other than SIG_IGN, are not inherited.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None)}
    before |= {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        process = subprocess.Popen(arguments, env=environment)
        processes.append(process)
        for number in early:
            process.send_signal(number)
        code = process.wait()
    except OSError as error:
        click.echo(f"auditor: {arguments[0]}: {error.strerror}", err=True)
        return NOT_STARTED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
