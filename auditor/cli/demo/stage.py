"""What the story is told with: chapters, commands that are shown as they run, and checks of what came of them."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from auditor.sandbox import Sandbox


PATIENCE = 60.0
"""Seconds for what takes one, on a computer that is busy with something else."""


class StoryError(click.ClickException):
    """A step did not happen. Exit code 1, as for a check that fails."""

    exit_code = 1


class Stage:
    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None
        self._chapter = 0

    def begin(self, title: str, why: str) -> None:
        self._chapter += 1
        click.secho(f"\n{self._chapter}. {title}", bold=True)
        click.echo(f"   {why}")

    def expect(self, what: str, text: str, *arguments: str, fails: bool = False) -> None:
        """Runs kubectl, shows it, and insists on `text` in its answer; `fails` where a refusal is what is wanted."""
        if self.sandbox is None:
            raise RuntimeError("the story has no control plane yet")
        self._show("kubectl", arguments)
        done = self.sandbox.kubectl(*arguments, check=False)
        self._check(what, text, done, right=(done.returncode != 0) is fails, wanted="a refusal" if fails else "success")

    def wait(self, what: str, text: str, *arguments: str, fails: bool = False) -> None:
        """The same, again and again without a word until it is so: what was registered is in force a moment later."""
        self._wait(what, arguments, lambda code, told: (code != 0) is fails and text in told)

    def wait_gone(self, what: str, text: str, *arguments: str) -> None:
        """Until the answer does not name it any more."""
        self._wait(what, arguments, lambda code, told: code == 0 and text not in told)

    def _wait(self, what: str, arguments: tuple[str, ...], right: Callable[[int, str], bool]) -> None:
        if self.sandbox is None:
            raise RuntimeError("the story has no control plane yet")
        deadline = time.monotonic() + PATIENCE
        while True:
            done = self.sandbox.kubectl(*arguments, check=False)
            if right(done.returncode, done.stdout + done.stderr):
                self.done(what)
                return
            if time.monotonic() > deadline:
                raise StoryError(f"demo: {what}: not within {PATIENCE:g} s: {done.stdout}{done.stderr}")
            time.sleep(0.1)

    def show(self, program: str, *arguments: str) -> None:
        self._show(program, arguments)

    def done(self, what: str) -> None:
        click.secho(f"   ok: {what}", fg="green")

    def expect_own(self, what: str, text: str, *arguments: str, code: int) -> None:
        """The same for a command of ours, with its exit code."""
        self._show("auditor", arguments)
        done = subprocess.run(
            [sys.executable, "-m", "auditor", *arguments], capture_output=True, text=True, check=False
        )
        self._check(what, text, done, right=done.returncode == code, wanted=f"exit code {code}")

    def read_own(self, *arguments: str) -> str:
        """What a command of ours says, without a word."""
        command = [sys.executable, "-m", "auditor", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def tell(self, line: str) -> None:
        click.echo(f"     {line}")

    def install_packs(self, *names: str) -> None:
        if self.sandbox is None:
            raise RuntimeError("the story has no control plane yet")
        where = ("--kubeconfig", str(self.sandbox.kubeconfig))
        self.expect_own(
            "packs are installed", "created", "packs", "install", *names, "--enforcement=as-shipped", *where, code=0
        )

    def _show(self, program: str, arguments: tuple[str, ...]) -> None:
        click.secho(f"   $ {program} {' '.join(shlex.quote(_shorten(a)) for a in arguments)}", fg="cyan")

    def _check(self, what: str, text: str, done: subprocess.CompletedProcess[str], *, right: bool, wanted: str) -> None:
        answer = (done.stdout + done.stderr).strip()
        for line in answer.splitlines():
            click.echo(f"     {line}")
        if not right or text not in answer:
            raise StoryError(f"demo: {what}: expected {wanted} with {text!r}; exit code {done.returncode}")
        self.done(what)


def _shorten(argument: str) -> str:
    """Files as they are named from where the person stands, when that is shorter."""
    if not Path(argument).is_absolute():
        return argument
    return min(argument, os.path.relpath(argument), key=len)
