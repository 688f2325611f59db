"""Kinds are completed from the cluster that a command would ask, and from none that does not answer."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from auditor.cli.suggestions import PATIENCE
from auditor.sandbox import Sandbox


def complete(*words: str, kubeconfig: str = "/nonexistent") -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "auditor"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "KUBECONFIG": kubeconfig,
            "_AUDITOR_COMPLETE": "bash_complete",
            "COMP_WORDS": "\n".join(["auditor", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_kinds_of_a_cluster(control_plane: Sandbox) -> None:
    kubeconfig = str(control_plane.kubeconfig)
    found = complete("impact", "--kind", "", kubeconfig=kubeconfig)
    assert {"plain,pods", "plain,deployments.apps"} <= set(found)
    assert complete("impact", "--kubeconfig", kubeconfig, "--kind", "statefuls") == ["plain,statefulsets.apps"]
    assert complete("impact", "--kind", "statefuls") == []


def test_a_cluster_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        config = tmp_path / "config"
        config.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\nusers: [{name: a, user: {}}]\n"
            "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
            f"clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n"
        )
        begun = time.monotonic()
        assert complete("impact", "--kind", "statefuls", kubeconfig=str(config)) == []
        assert PATIENCE <= time.monotonic() - begun < PATIENCE + 10  # machines are slow at times
