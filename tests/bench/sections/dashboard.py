"""Pages of the dashboard over a history of 100,000 findings with 1,000,000 turns, half of them open, in SQLite."""

import functools
import statistics
import tempfile
from pathlib import Path

from auditor.report.compliance import Scope
from tests.bench.clock import measure
from tests.bench.figure import Notebook
from tests.bench.parts.compliance import FINDINGS, TURNS, make_history
from tests.bench.parts.dashboard import Pages

ROUNDS = 3
PAGES: dict[str, tuple[str, float | None]] = {
    "overview": ("/", 200),
    "findings": ("/findings", 100),
    "findings, the newest first": ("/findings?sort=newest", 100),
    "findings of one policy": ("/findings?policy=policy-8", 100),
    "search for a text that few have": ("/findings?q=orders-4712", 100),
    "search for a text that none has": ("/findings?q=nothing-of-the-sort", 100),
    "controls": ("/controls", None),
}
TEAM = Scope(namespaces=frozenset({"team-2"}))
SMALLER = (1_000, 10_000)


def run(book: Notebook) -> None:
    growing: dict[str, dict[int, float]] = {name: {} for name in PAGES}
    for findings in (*SMALLER, FINDINGS):
        with tempfile.TemporaryDirectory(prefix="auditor-bench-") as folder:
            url = f"sqlite:///{Path(folder) / 'history.db'}"
            make_history(url, findings)
            with Pages.open(url) as pages:
                for name, (path, goal) in PAGES.items():
                    times = measure(functools.partial(pages.ask, Scope(), path), ROUNDS)
                    growing[name][findings] = statistics.median(times) * 1e3
                    if findings == FINDINGS:
                        book.cpu(f"{name}, CPU", times, "ms", goal)
                if findings == FINDINGS:
                    times = measure(functools.partial(pages.ask, TEAM, "/findings"), ROUNDS)
                    book.cpu("findings, for somebody who may see one namespace of 20, CPU", times, "ms", 100)
                    size = (Path(folder) / "history.db").stat().st_size / 1e6
                    book.put(f"file of the history, {FINDINGS * TURNS:,} turns", [size], "MB")
    for name, found in growing.items():
        book.grow(f"{name}, CPU", "ms", "findings in the history", found)
