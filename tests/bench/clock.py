"""CPU time, and the loop that it is compared with."""

import gc
import resource
import statistics
import time
from collections.abc import Callable

import psutil

ROUNDS = 7
ROUND_SECONDS = 0.2


def measure(call: Callable[[], object], rounds: int = ROUNDS, *, workers: bool = False) -> list[float]:
    """Seconds of CPU a call, once a round; the first call warms up and tells how many make a round. With `workers`
    that of the children that go on, too, whose time is counted in steps of 10 ms."""
    call()
    begun = cpu()
    call()
    count = max(1, round(ROUND_SECONDS / max(cpu() - begun, 1e-6)))
    now = cpu_of_all if workers else cpu
    times = []
    for _ in range(rounds):
        gc.collect()
        begun = now()
        for _ in range(count):
            call()
        times.append((now() - begun) / count)
    return times


def cpu() -> float:
    """Of this process and of the children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def cpu_of_all() -> float:
    children = [each.cpu_times() for each in psutil.Process().children(recursive=True)]
    return cpu() + sum(each.user + each.system for each in children)


def measure_loop() -> float:
    """Seconds. On a machine that does other things, too, only the ratio to it says something."""
    return statistics.median(measure(calibrate, 5))


def calibrate() -> int:
    """What every other figure is compared with: plain Python, the same on each run."""
    total = 0
    table = {}
    for i in range(10_000):
        total += i * i % 7
        table[i % 100] = total
    return total
