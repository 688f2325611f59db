"""How the processes of jq are started, and what they may take."""

import importlib.util
import sys
from pathlib import Path
from typing import Final

from auditor.dataclass import dataclass
from auditor.errors import AuditorError
from auditor.languages.isolation import process
from auditor.languages.isolation.process import Command, StoppedError
from auditor.languages.isolation.worker import CHECK, FAILED, REFUSED, RUN, VALUE

__all__ = ["CHECK", "FAILED", "REFUSED", "RUN", "VALUE", "Limits", "StoppedError", "command"]

ENVIRONMENT: Final = {
    "HOME": "/dev/null",  # libjq reads ~/.jq into each program; without HOME it asks the user database
    "TZ": "UTC0",  # `localtime` means the same everywhere
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(process.Limits):
    seconds: float = 0.2
    """CPU of one rule on one object: rules take 10 to 100 us; a webhook is asked to answer within a few seconds."""
    seconds_per_mib: float = 0.2
    """libjq reads it in 0.04 s, and writes it as fast."""
    memory: int = 256 << 20
    """Address space of a process: Python and libjq take 17 MiB, kept programs up to 22, and a dense object of 3 MiB,
    the API server's limit for a request, 150 where a rule passes it on."""


def command(limits: process.Limits, binding: str) -> Command:
    """By path, not by `-m`: that would import the packages around it, and they import much."""
    spec = importlib.util.find_spec(binding)
    if spec is None or spec.origin is None:
        raise AuditorError(f"the Python package {binding!r} is not installed: install it, or choose the other binding")
    worker = Path(__file__).with_name("worker.py")
    words = [sys.executable, "-I", "-S", str(worker), binding, str(limits.memory), str(Path(spec.origin).parent)]
    return Command("jq", words, ENVIRONMENT)
