"""The wheel alone: sandbox, packs, door and watcher, scan, dashboard, without the repository."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

import auditor
from tests.cluster.release.alone import ROOT, Installed

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where nothing is: neither a repository nor anything of ours."""
    place = tmp_path / "home"
    place.mkdir()
    return place


@contextlib.contextmanager
def running(installed: Installed, home: Path, script: str, **environment: str) -> Iterator[None]:
    log = home / "run.log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {script}"],
            cwd=home,
            env=installed.environment(home, **environment),
            stderr=sink,
            start_new_session=True,
        )
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def ports() -> list[int]:
    """Three that are free, one behind the other."""
    for first in range(25000 + os.getpid() % 5000, 60000, 3):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + 3):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return list(range(first, first + 3))
    raise AssertionError("no free ports")


def test_every_program_that_pyproject_names_is_there(installed: Installed, home: Path) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name, entry in scripts.items():
        assert (installed.bin / name).is_file()
        module, _, function = entry.partition(":")
        found = installed.shell(f"python -c 'from {module} import {function}; print({function}.__module__)'", home)
        assert (found.returncode, found.stdout.strip()) == (0, module)
    where = installed.shell("python -c 'import auditor; print(auditor.__file__)'", home).stdout
    assert where.startswith(str(installed.directory))
    assert installed.shell("auditor --version", home).stdout == f"auditor {auditor.__version__}\n"
    assert installed.shell("auditor dashboard --help", home).stdout.startswith("Usage: auditor dashboard")


def test_a_whole_day_without_the_repository(installed: Installed, home: Path) -> None:
    def run(script: str, **environment: str) -> str:
        done = installed.shell(script, home, **environment)
        assert done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    name = f"wheel-{os.getpid()}"
    assert "databasecluster" in run("auditor packs list")
    bad = run("python -c 'import auditor, pathlib as p; print(p.Path(auditor.__file__).parent)'")
    bad += "/policies/databasecluster/examples/bad"
    scanned = installed.shell(f"auditor scan {bad} -o json", home)
    assert (scanned.returncode, orjson.loads(scanned.stdout)["summary"]["fail"] > 0) == (1, True)
    run(f"auditor sandbox up --name {name}")
    try:
        cluster = {"KUBECONFIG": run(f"auditor sandbox kubeconfig --name {name}")}
        kubectl = f"auditor sandbox kubectl --name {name}"
        listen, operations, _ = ports()
        server = f"auditor run --install --url https://127.0.0.1:{listen} --listen 127.0.0.1:{listen} "
        server += f"--door-operations 127.0.0.1:{operations}"
        with running(installed, home, server, **cluster):
            insist(run, f"{kubectl} get crd policies.auditor.dev")
            run("auditor packs install databasecluster", **cluster)
            run(f"{kubectl} wait --for=condition=Established crd/databaseclusters.db.auditor.dev")
            run(f"{kubectl} apply -f {bad}")
            # The watcher reports what a scan of the same cluster finds.
            insist(run, f"{kubectl} get reports.openreports.io -A -o name | grep auditor-")
            again = installed.shell("auditor scan --cluster -o json", home, **cluster)
            assert again.returncode == 1, again.stderr
            found = orjson.loads(again.stdout)["findings"]
            assert {each["resource"]["kind"] for each in found} == {"DatabaseCluster"}
    finally:
        run(f"auditor sandbox down --name {name}")
    assert (home / "state" / "auditor" / "history.db").exists() or list(home.rglob("history*.db"))


def insist(run: Callable[[str], str], script: str, seconds: float = 60.0) -> None:
    """Until it succeeds."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while True:
        try:
            run(script)
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            pause.wait(0.5)
