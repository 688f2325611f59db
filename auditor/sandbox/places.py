"""Where the sandbox keeps its files, and the platforms that it runs on."""

import os
import platform
import sys
from pathlib import Path

from auditor.errors import SandboxError

PLATFORMS = {
    ("Linux", "x86_64"): "linux-amd64",
    ("Linux", "aarch64"): "linux-arm64",
    ("Darwin", "x86_64"): "darwin-amd64",
    ("Darwin", "arm64"): "darwin-arm64",
}


def name_platform() -> str:
    """This computer's platform as Go names it; SandboxError where no control plane can run."""
    system, machine = platform.system(), platform.machine()
    try:
        return PLATFORMS[system, machine]
    except KeyError:
        raise SandboxError(
            f"the sandbox runs on Linux and macOS, on x86-64 and arm64; this is {system} on {machine}. "
            "Windows: use it inside WSL 2."
        ) from None


def cache_directory() -> Path:
    """For what can be made again: binaries and builds."""
    default = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    return _directory("XDG_CACHE_HOME", default)


def state_directory() -> Path:
    """For what runs, and for the data of sandboxes that persist."""
    return _directory("XDG_STATE_HOME", "~/.local/state")


def _directory(variable: str, default: str) -> Path:
    base = Path(os.environ.get(variable) or default).expanduser()
    if not base.is_absolute():
        raise SandboxError(f"{variable} and HOME give no absolute path ({base}): set {variable} to one")
    return base / "auditor"
