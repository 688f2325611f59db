"""On what the figures were measured, and whether it did something else, too."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

from auditor.sandbox.assets import DEFAULT_VERSION

LIBRARIES = ("cel-expr-python", "jq", "jsonschema-rs", "orjson", "Flask", "gunicorn", "SQLAlchemy", "kubernetes")
BUSY = 0.3
"""Load for each core, before anything was started, from which figures are those of a busy machine."""


def describe() -> dict[str, str]:
    memory = psutil.virtual_memory().total / (1 << 30)
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}",
        "Python": f"{platform.python_version()}, {sys.implementation.name}",
        "libraries": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES),
        "Kubernetes": f"{DEFAULT_VERSION}: etcd and API server of the sandbox, on the same machine",
        "revision": _revision(),
        "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def load() -> float:
    """Programs that wanted to run, in the last minute."""
    return os.getloadavg()[0]


def is_busy(load: float) -> bool:
    return load / (os.cpu_count() or 1) > BUSY


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _revision() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    found = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return f"{found}{', with changes' if git('status', '--porcelain', '--untracked-files=no', ':/') else ''}"
