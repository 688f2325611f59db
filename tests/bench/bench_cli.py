"""Start-up: what a person waits for at every call."""

import subprocess
import sys
from collections.abc import Callable


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    def process(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)

    return [
        ("python -c pass (to compare with)", process("-c", "pass")),
        ("auditor --version (at most 3 times that)", process("-m", "auditor", "--version")),
        ("auditor --help", process("-m", "auditor", "--help")),
        ("auditor sandbox list", process("-m", "auditor", "sandbox", "list", "-o", "json")),
    ]
