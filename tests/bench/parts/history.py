"""The history in SQLite: findings that open, change, are confirmed and resolved; questions of a dashboard; its memory.

CPU alone is gated: how long the fsync of a commit takes is the disk's.
"""

import functools
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Severity
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import Database, History, Interval, Tally
from auditor.report.history.model import Table

GROUP, RESOURCE = "db.example.com", "databases"
START = datetime(2026, 1, 1, tzinfo=UTC)
RECORDED = 10_000
KEPT = 100_000
TALLIES = 2_000
SEVERITIES = tuple(Severity)


def tell(numbers: range, *, word: str = "must be odd") -> Iterator[tuple[Subject, Finding]]:
    for number in numbers:
        name, rule = f"orders-{number:06}", f"rule-{number % 5}"
        subject = Subject(f"{GROUP}/v1", "Database", RESOURCE, f"team-{number % 100}", name, f"{number:032x}")
        finding = Finding(
            policy=f"policy-{number % 40}",
            rule=rule,
            result=Result.FAIL,
            severity=SEVERITIES[number % 5],
            message=f"the number of replicas of {name} {word}, so that a majority remains when one is lost",
            fingerprint=make_fingerprint("policy", rule, name),
            path="/spec/replicas",
            remediation="Use 3, 5 or 7 replicas.",
            controls=("SOC2-A1.2", "internal-DB-7"),
        )
        yield subject, finding


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    folder = tempfile.TemporaryDirectory(prefix="auditor-bench-")
    clusters = itertools.count()
    seconds = itertools.count()
    url = f"sqlite:///{Path(folder.name) / 'history.db'}"

    @functools.cache
    def kept() -> History:
        """With 100,000 open findings, as if a watcher had just begun."""
        history = History.open(url, cluster="kept", now=START)
        history.reconcile(GROUP, RESOURCE, tell(range(KEPT)), now())
        return history

    def now() -> datetime:
        assert folder.name  # the file lives as long as the benchmarks
        return START + timedelta(seconds=next(seconds))

    def open_findings() -> None:
        history = History.open(url, cluster=f"c{next(clusters)}", now=START)
        at = now()
        turns = [FindingTurn(at, Turn.OPENED, *each) for each in tell(range(RECORDED))]
        for start in range(0, RECORDED, 1000):
            history.write(turns[start : start + 1000])
        history.close()

    def change_one() -> None:
        at = now()
        kept().write([FindingTurn(at, Turn.CHANGED, *each) for each in tell(range(1), word=f"is wrong at {at}")])

    @functools.cache
    def small() -> History:
        return History.open(url, cluster="small", now=START)

    def confirm() -> None:
        small().reconcile(GROUP, RESOURCE, tell(range(RECORDED)), now())

    def count() -> None:
        tallies = [
            Tally(policy=f"policy-{n % 40}", rule="odd", namespace=f"team-{n}", passes=n) for n in range(TALLIES)
        ]
        kept().write(
            [Interval(start=START, length=timedelta(hours=1), group=GROUP, resource=RESOURCE, tallies=tallies)]
        )

    findings = Table.metadata.tables["findings"]

    @functools.cache
    def reader() -> Database:
        kept()
        return Database(url)

    def mine() -> object:
        clusters = Table.metadata.tables["clusters"]
        return findings.c.cluster_id == select(clusters.c.id).where(clusters.c.uid == "kept").scalar_subquery()

    def page() -> None:
        with reader().reading() as connection:
            question = select(findings).where(mine(), findings.c.resolved_at.is_(None))  # type: ignore[arg-type]
            found = connection.execute(question.order_by(findings.c.severity, findings.c.id).limit(50)).all()
            assert len(found) == 50

    def overview() -> None:
        with reader().reading() as connection:
            columns = (findings.c.policy, findings.c.rule, findings.c.result)
            question = select(*columns, func.count()).where(mine(), findings.c.resolved_at.is_(None))  # type: ignore[arg-type]
            assert len(connection.execute(question.group_by(*columns)).all()) == 40

    return [
        (f"{RECORDED:,} findings open (at most 2 s)", open_findings),
        (f"one of {KEPT:,} findings changes", change_one),
        (f"a complete pass over {RECORDED:,} open findings", confirm),
        (f"{TALLIES:,} tallies of an interval, told again", count),
        (f"a page of 50 of {KEPT:,} open findings by severity (at most 100 ms)", page),
        (f"{KEPT:,} open findings by policy and rule (at most 200 ms)", overview),
        ("memory of the libraries (printed)", measure_memory),
    ]


@functools.cache
def measure_memory() -> None:
    code = """
import psutil, subprocess, sys, tempfile
process = psutil.Process()
import auditor.model.turn, orjson
before = process.memory_info().rss
from auditor.report.history import History
with tempfile.TemporaryDirectory() as folder:
    url = f"sqlite:///{folder}/history.db"
    make = f"from auditor.report.history import History; History.open({url!r}, cluster='c')"
    subprocess.run([sys.executable, "-c", make], check=True)
    History.open(url, cluster="c")
    print(f"  an open history: {(process.memory_info().rss - before) / 1e6:.1f} MB RSS")
    History.open(url.replace("history.db", "new.db"), cluster="c")
    print(f"  with the migrations run: {(process.memory_info().rss - before) / 1e6:.1f} MB RSS", flush=True)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
