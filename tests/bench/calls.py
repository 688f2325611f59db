"""What the figures are made of, call by call: `python -m tests.bench.calls [WORD ...]`, for those who change something.

A module in `parts` has `benchmarks()`, a list of (name, callable). Shown is the CPU time of one call, of this
process and the children that it waited for, and its ratio to a calibration loop of the same run. With words: those
whose module or name contains one of them.
"""

import importlib
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.clock import measure, measure_loop

Benchmark = tuple[str, Callable[[], object]]


def main(words: list[str]) -> None:
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    unit = measure_loop()
    print(f"calibration loop: {unit * 1e6:.0f} us\n")
    print(f"{'benchmark':<58} {'min us':>10} {'median us':>10} {'max us':>10} {'/ loop':>9}")
    for name, call in find(words):
        times = measure(call)
        middle = statistics.median(times)
        low, high = min(times), max(times)
        print(
            f"{name:<58} {low * 1e6:>10.1f} {middle * 1e6:>10.1f} {high * 1e6:>10.1f} {middle / unit:>9.4f}", flush=True
        )


def find(words: list[str]) -> Iterator[Benchmark]:
    for path in sorted((Path(__file__).parent / "parts").glob("*.py")):
        for name, call in importlib.import_module(f"tests.bench.parts.{path.stem}").benchmarks():
            full = f"{path.stem}: {name}"
            if not words or any(word in full for word in words):
                yield full, call


if __name__ == "__main__":
    main(sys.argv[1:])
