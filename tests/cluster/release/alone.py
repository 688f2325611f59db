"""The wheel in an environment of its own, as somebody has it who has never seen the repository."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from auditor.sandbox.places import cache_directory

ROOT = Path(__file__).parents[3]
PIN = re.compile(r"^[A-Za-z0-9._-]+==[^ \\]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment with the wheel and what it depends on, and nothing else."""

    directory: Path
    wheel: Path

    @property
    def bin(self) -> Path:
        return self.directory / "bin"

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """Of a user with an empty home; of this computer only what finds networks and the programs of a sandbox."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_"))
            or name.lower() in ("http_proxy", "https_proxy", "no_proxy", "kubebuilder_assets", "lang")
        }
        return {
            **kept,
            "HOME": str(home),
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
            "XDG_CACHE_HOME": str(cache_directory().parent),
            "XDG_STATE_HOME": str(home / "state"),
            **more,
        }

    def shell(self, script: str, place: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """As the runners of GitHub and GitLab do it: a script in bash that ends at the first failure."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=place,
            env=self.environment(place, **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def install(directory: Path) -> None:
    """The versions are those of the lock, so that nothing is tried that nobody has chosen."""

    def run(*command: str | Path) -> None:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    uv = Path(sys.executable).parent / "uv"
    run(uv, "venv", "--quiet", "--python", sys.executable, directory)
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory / "building")
    pins = PIN.findall((ROOT / "requirements-dev.lock").read_text())
    (directory / "constraints.txt").write_text("\n".join(pins))
    wheel = next((directory / "building").glob("*.whl"))
    python = directory / "bin" / "python"
    run(uv, "pip", "install", "--quiet", "--python", python, "-c", directory / "constraints.txt", wheel)
    (directory / "building").rename(directory / "dist")  # now it is whole
