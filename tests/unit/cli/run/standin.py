"""A child of `auditor run` in tests: says that it runs, then what it is told to do.

`standin.py NAME wait`: until SIGTERM, then ends with 0; `deaf`: hears no signal; `fail CODE`: ends with that;
`fault CODE`: until SIGTERM, then ends with that.
"""

import os
import signal
import sys
import time

from auditor.cli.run.leash import hold

name, what, *rest = sys.argv[1:]
heard: list[int] = []


def say(word: str) -> None:
    os.write(1, f"{name} {word} {os.getpid()}\n".encode())


if what == "deaf":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
else:
    signal.signal(signal.SIGINT, lambda *_: say("interrupted"))
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
hold(grace=0.5)
say("runs")
if what == "fail":
    sys.exit(int(rest[0]))
until = time.monotonic() + 30
while not heard and time.monotonic() < until:
    time.sleep(0.01)
say("ends")
sys.exit(int(rest[0]) if what == "fault" else 0)
