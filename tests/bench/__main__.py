"""`make bench`: what auditor costs, in a table with goals and spread, and how it grows. Twelve minutes at most.

Each section of SECTIONS is measured in a process of its own, one after another; one that fails is told, and the others
go on. `make bench ARGS=--markdown=docs/performance.md` writes the tables into the page, between its two markers;
`make bench ARGS="scan rivals"` measures these sections only. `python -m tests.bench.calls` measures single calls.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from tests.bench.figure import Found
from tests.bench.machine import BUSY, describe, is_busy, load
from tests.bench.page import Section, put_between_markers, render

ROOT = Path(__file__).parents[2]
SECTIONS = {
    "engine": ("Engine: from a request to its verdict", 120),
    "door": ("Admission", 200),
    "audit": ("The watcher", 480),
    "scan": ("Files", 200),
    "dashboard": ("Dashboard", 150),
    "start": ("Start", 90),
    "rivals": ("Beside other programs", 200),
}
"""By module: its title, and the seconds after which it is given up, several times what it needs on a quiet machine."""


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that a section ends with us
    begun, busy = time.monotonic(), load()
    if is_busy(busy):
        print(
            f"The machine is busy: a load of {busy:.1f}. Figures of it are too high; CPU by the calibration loop says"
            " more than times.",
            flush=True,
        )
    sections = [_run(name, factor=options.patience) for name in SECTIONS if name in (options.sections or SECTIONS)]
    facts = describe()
    facts["load before"] = f"{busy:.2f}{' (**busy**)' if is_busy(busy) else ''}"
    loops = [each.found.loop for each in sections if each.found is not None]
    if loops:
        facts["calibration loop"] = (
            f"{min(loops) * 1e3:.2f} / {statistics.median(loops) * 1e3:.2f} / {max(loops) * 1e3:.2f} ms"
            " (min, median, max over the sections)"
        )
    facts["it took"] = f"{time.monotonic() - begun:.0f} s"
    text = render(facts, sections)
    if options.markdown is None:
        print(text)
    else:
        put_between_markers(options.markdown, text)
        print(f"written to {options.markdown}")
    wrong = [each for each in sections if each.found is None]
    for each in wrong:
        print(f"{each.title}: {each.trouble}", file=sys.stderr)
    return 1 if wrong else 0


def _run(name: str, *, factor: float) -> Section:
    title, seconds = SECTIONS[name]
    print(f"{title} ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as folder:
        result = Path(folder) / "result.json"
        # A session of its own, so that what it has started ends with it.
        with subprocess.Popen(
            [sys.executable, "-m", "tests.bench.section", name, str(result)],
            cwd=ROOT,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        ) as process:
            try:
                code = process.wait(seconds * factor)
            except subprocess.TimeoutExpired:
                return Section(title, trouble=f"not measured: it took more than {seconds * factor:.0f} s")
            finally:
                _end(process)
        if code:
            return Section(title, trouble=f"not measured: it ended with {code}, as the lines above say")
        return Section(title, Found.load(orjson.loads(result.read_bytes())))


def _end(process: subprocess.Popen[bytes]) -> None:
    """All of the section, also where it was interrupted. A sandbox notices that its owner is gone."""
    try:
        os.killpg(process.pid, signal.SIGTERM if process.poll() is None else signal.SIGKILL)
        process.wait(20)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        process.kill()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--markdown", type=Path, help="the page that gets the tables; otherwise they are printed")
    parser.add_argument(
        "--patience", type=float, default=1.0, help=f"times the limits of the sections, for a load above {BUSY} a core"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
