"""Completion, asked as shells ask, and pressed by Tab in those shells that are on this computer."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Self

import click
import pytest

from auditor.cli.cluster import Cluster
from auditor.cli.suggestions import complete_kinds, complete_policies

POLICIES = """\
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: shops}
spec:
  match:
    resourceRules:
    - {apiGroups: [example.com, "*"], resources: [shops, shops/status, "*"]}
    - {apiGroups: [""], resources: [pods]}
---
apiVersion: auditor.dev/v1
kind: PolicyException
metadata: {name: excused}
spec: {}
---
apiVersion: v1
kind: List
items:
- apiVersion: admissionregistration.k8s.io/v1
  kind: ValidatingAdmissionPolicy
  metadata: {name: native}
  spec: {matchConstraints: {resourceRules: [{apiGroups: [example.com], resources: [stalls]}]}}
"""
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kiosks.example.com"},
    "spec": {},
}
# As a person has it, but no cluster, nor settings that would be in the way of a test.
ENVIRONMENT = {"PATH": os.environ["PATH"], "KUBECONFIG": "/nonexistent", "HOME": "/nonexistent", "TERM": "dumb"}
# How a shell starts without what its user has set, and learns our commands.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(auditor completion bash)"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -U compinit; compinit -u -D; zstyle ':completion:*' insert-tab no; source <(auditor completion zsh)",
    ),
    "fish": (["fish", "--no-config", "-i"], "auditor completion fish | source"),
}
TYPED = {
    "auditor sand\tstat\t": ["sandbox", "status"],
    "auditor scan -o sar\t": ["scan", "-o", "sarif"],
    "auditor scan shop\t": ["scan", "shops.yaml"],
    "auditor explain shops.y\t": ["explain", "shops.yaml"],
    "auditor explain --policies shops.yaml sho\t": ["explain", "--policies", "shops.yaml", "shops"],
    "auditor impact shops.yaml --kind shops.ex\t": ["impact", "shops.yaml", "--kind", "shops.example.com"],
}


def ask(*words: str, **environment: str) -> list[str]:
    """What bash would be told, with the last word not yet written to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "auditor"],
        env={
            **ENVIRONMENT,
            "_AUDITOR_COMPLETE": "bash_complete",
            "COMP_WORDS": "\n".join(["auditor", *words]),
            "COMP_CWORD": str(len(words)),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shops.yaml").write_text(POLICIES)
    (tmp_path / "crd.json").write_text(json.dumps(CRD))
    (tmp_path / "broken.yaml").write_text("kind: Policy\n  a: [\n---\nkind: Policy\nmetadata: 5\n")
    (tmp_path / "binary.yaml").write_bytes(b"kind: Policy\xff\xfe\0")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "pass.yaml").write_text(POLICIES.replace("shops", "cases"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.setenv("HOME", "/nonexistent")
    return tmp_path


def offered(complete: object, text: str = "", **given: object) -> list[str]:
    context = click.Context(click.Command("probe"))
    context.params = given
    assert callable(complete)
    return [item.value for item in complete(context, click.Argument(["x"]), text) if item.type == "plain"]


def test_policies_of_the_files_that_are_named(files: Path) -> None:
    assert offered(complete_policies, policies=(".",)) == ["native", "shops"]
    assert offered(complete_policies, "s", policies=("shops.yaml", "missing.yaml", "-")) == ["shops"]
    assert offered(complete_policies, policies=("crd.json",)) == []
    assert len(offered(complete_policies)) > 3  # of our packs


def test_kinds_of_policies_and_crds(files: Path) -> None:
    assert offered(complete_kinds, policies=("shops.yaml",), crds=("crd.json",), paths=("."), in_cluster=False) == [
        "kiosks.example.com",
        "pods",
        "shops.example.com",
        "stalls.example.com",
    ]
    of_packs = offered(complete_kinds, paths=("shops.yaml",), in_cluster=False)
    assert "shops.example.com" in of_packs
    assert any(name.endswith(".auditor.dev") for name in of_packs)
    assert offered(complete_kinds, policies=("shops.yaml",), in_cluster=True) == []  # files are not meant


def test_a_cluster_that_does_not_answer_is_none(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Cluster) -> None:
        raise OSError("no such cluster")

    monkeypatch.setattr(Cluster, "settings", fail)
    assert offered(complete_kinds, "shops", paths=("shops.yaml",)) == ["shops.example.com"]


def test_formats_cost_no_engine() -> None:
    code = "import sys, auditor.cli.frame as frame\ntry: frame.run()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**ENVIRONMENT, "_AUDITOR_COMPLETE": "bash_complete", "COMP_WORDS": "auditor scan -o j", "COMP_CWORD": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["plain,json", "plain,junit"]
    heavy = {"auditor.engine", "auditor.intake", "auditor.languages", "yaml", "kubernetes", "orjson"}
    assert "auditor.cli.scan" in done.stderr.split()
    assert not heavy & set(done.stderr.split())


def test_names_cost_no_engine(files: Path) -> None:
    code = "import sys, auditor.cli.frame as frame\ntry: frame.run()\nfinally: print(*sys.modules, file=sys.stderr)"
    words = "auditor explain --policies shops.yaml "
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**ENVIRONMENT, "_AUDITOR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["file,", "plain,native", "plain,shops"]
    assert not {"auditor.engine", "auditor.languages", "jsonschema", "kubernetes"} & set(done.stderr.split())


def test_no_word_of_error(files: Path) -> None:
    assert ask("explain", "--policies", "nowhere", "") == ["file,"]
    assert ask("explain", "--policies", "broken.yaml", "") == ["file,"]
    assert ask("impact", "--kind", "no", KUBECONFIG="broken.yaml") == []
    assert ask("fix", "--policies", "sh") == ["file,sh"]


def test_kinds_of_the_files_that_are_on_the_line(files: Path) -> None:
    assert ask("impact", "shops.yaml", "--kind", "shops.ex") == ["plain,shops.example.com"]
    assert ask("impact", "--crd", "crd.json", "shops.yaml", "--kind", "kiosks") == ["plain,kiosks.example.com"]


@pytest.mark.parametrize("shell", [name for name in SHELLS if shutil.which(name)])
def test_tab_in_a_shell(shell: str, files: Path) -> None:
    """`auditor` completes, and else writes down what it was called with: that is what Tab made of the line."""
    program = files / "bin" / "auditor"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\n"
        f'if [ -n "$_AUDITOR_COMPLETE" ] || [ "$#.$1.$2" = 2.completion.{shell} ]; then\n'
        f'  exec {sys.executable} -m auditor "$@"\n'
        f'fi\nprintf "%s\\n" "$@" "" >> "{files}/called"\n'
    )
    program.chmod(0o755)
    command, learn = SHELLS[shell]
    environment = {**ENVIRONMENT, "HOME": str(files), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    for name in ("FPATH", "LD_LIBRARY_PATH"):  # of shells that somebody has put where they are not installed
        if name in os.environ:
            environment[name] = os.environ[name]
    called = files / "called"
    with _Terminal(command, environment) as terminal:
        terminal.type(f"{learn}; auditor ready", until=called.exists)
        for number, line in enumerate(TYPED, 2):
            terminal.type(line, until=partial(has, called, number))
    entries = called.read_text().removesuffix("\n\n").split("\n\n")
    assert [entry.split("\n") for entry in entries] == [["ready"], *TYPED.values()]


def has(file: Path, entries: int) -> bool:
    return file.read_text().count("\n\n") == entries


class _Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        take = (
            "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
        )
        command = [sys.executable, "-c", take, *command]  # it controls what it starts by this terminal
        self._shell = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        self._shown = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ours)  # the shell hears that its terminal is gone
        self._shell.kill()
        self._shell.wait()

    def type(self, line: str, until: Callable[[], bool]) -> None:
        os.write(self._ours, f"{line}\r".encode())
        end = time.monotonic() + 20
        while not until():
            assert time.monotonic() < end, f"{line!r} did not run: {self._shown[-2000:]!r}"
            if select.select([self._ours], [], [], 0.02)[0]:
                try:
                    self._shown += os.read(self._ours, 65536)
                except OSError:
                    pytest.fail(f"the shell has ended: {self._shown[-2000:]!r}")
