"""What make says to people: the list of targets, and what is wrong with their Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def make(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    # Under `make test` the outer make has left its own settings in the environment.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=cwd, capture_output=True, text=True, env={**clean, **environment}, check=False
    )


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A checkout without an environment; as much of it as make looks at."""
    for name in ("Makefile", "pyproject.toml", "requirements-dev.lock"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    return tmp_path


def python(tmp_path: Path, body: str) -> str:
    program = tmp_path / "some-python"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return f"PYTHON={program}"


def test_help_is_the_default_and_lists_every_target() -> None:
    answer = make()
    assert answer.returncode == 0
    listed = {line.split()[1] for line in answer.stdout.splitlines()}
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert listed == set(phony.split()[1:])


def test_lint_is_all_four(fresh: Path) -> None:
    """The layers above all: what each of them refuses is tried in test_layers.py."""
    done = make("--dry-run", "lint", cwd=fresh).stdout
    assert [
        tool for tool in ("ruff check", "ruff format --check", "mypy", "lint-imports") if f"/{tool}" not in done
    ] == []
    assert ".venv/bin/mypy" in make("--dry-run", "test", cwd=fresh).stdout


@pytest.mark.parametrize(("no_skips", "code"), [("1", 1), ("", 0)])
def test_skip_is_a_failure_where_every_tool_is_installed(tmp_path: Path, no_skips: str, code: int) -> None:
    test = tmp_path / "test_skipped.py"
    test.write_text("import pytest\n\n\ndef test_x():\n    pytest.skip('no Helm on PATH')\n")
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-c",
            "pyproject.toml",
            "-p",
            "tests.conftest",
            "-p",
            "no:cacheprovider",
            test,
        ],
        cwd=ROOT,
        env={**os.environ, "NO_SKIPS": no_skips},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == code
    assert "no Helm on PATH" in answer.stdout


def test_debian_python_without_venv_is_noticed_and_the_package_named(fresh: Path) -> None:
    """Debian's python3 has no module ensurepip until python3.x-venv is installed."""
    hidden = fresh / "hidden"
    hidden.mkdir()
    (hidden / "ensurepip.py").write_text("raise ImportError('Debian')")
    answer = make("demo", python(fresh, f'PYTHONPATH={hidden} exec {sys.executable} "$@"'), cwd=fresh)
    assert answer.returncode != 0
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apt-get install python{version}-venv" in answer.stderr
    assert not (fresh / ".venv").exists()


def test_older_python_is_named(fresh: Path) -> None:
    answer = make("test", python(fresh, "exit 1"), cwd=fresh)
    assert answer.returncode != 0
    assert "some-python is older than Python 3.11" in answer.stderr


def test_no_python_at_all(fresh: Path) -> None:
    tools = fresh / "tools"
    tools.mkdir()
    for name in ("sh", "make", "echo", "test"):
        found = next(Path(p) / name for p in ("/bin", "/usr/bin") if (Path(p) / name).exists())
        (tools / name).symlink_to(found)
    answer = make("demo", cwd=fresh, PATH=str(tools))
    assert answer.returncode != 0
    assert "no Python 3.11 or later on PATH" in answer.stderr


def test_environment_is_made_again_only_when_what_it_is_made_from_changed(fresh: Path) -> None:
    stamp = fresh / ".venv" / "installed"
    stamp.parent.mkdir()
    stamp.touch()
    assert "-m venv" not in make("--dry-run", "control-plane", cwd=fresh).stdout
    newer = stamp.stat().st_mtime + 10
    os.utime(fresh / "requirements-dev.lock", (newer, newer))
    assert "-m venv" in make("--dry-run", "control-plane", cwd=fresh).stdout
