"""`make bench`: CPU time of one call of each benchmark, and its ratio to a calibration loop of the same run.

A module `bench_*.py` beside this file has `benchmarks()`, a list of (name, callable). CPU time counts this process and
the children that it waited for. `make bench ARGS=cel` runs those whose module or name contains the word.
"""

import gc
import importlib.util
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROUNDS = 7
ROUND_SECONDS = 0.2

Benchmark = tuple[str, Callable[[], object]]


def main(words: list[str]) -> None:
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    unit = statistics.median(measure(calibrate))
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
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, call in module.benchmarks():
            full = f"{path.stem.removeprefix('bench_')}: {name}"
            if not words or any(word in full for word in words):
                yield full, call


def measure(call: Callable[[], object]) -> list[float]:
    """Seconds of CPU a call, once a round; the first call warms up and tells how many make a round."""
    call()
    begun = cpu()
    call()
    count = max(1, round(ROUND_SECONDS / max(cpu() - begun, 1e-6)))
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        begun = cpu()
        for _ in range(count):
            call()
        times.append((cpu() - begun) / count)
    return times


def cpu() -> float:
    """Of this process and of the children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def calibrate() -> int:
    """What every other figure is compared with: plain Python, the same on each run."""
    total = 0
    table = {}
    for i in range(10_000):
        total += i * i % 7
        table[i % 100] = total
    return total


if __name__ == "__main__":
    main(sys.argv[1:])
