"""A compliance report of 100,000 findings with 1,000,000 turns, in SQLite; and what a dashboard asks at each visit.

Half of the findings are open, as in a cluster where much is wrong. CPU alone is gated. With BENCH_DATABASE, the URL of
an empty database in PostgreSQL, they are there: then the CPU is that of the one who asks, not of the server.
"""

import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from auditor.model.finding import Result, make_fingerprint
from auditor.model.policy import Severity
from auditor.report.compliance import Options, Period, Scope, make_report
from auditor.report.compliance.formats import FORMATS
from auditor.report.compliance.overview import read_overview
from auditor.report.history import (
    Database,
    History,
    Interval,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Tally,
)
from auditor.report.history.model import Step, Table
from auditor.report.history.reader import KnownCluster, choose_cluster

GROUP, RESOURCE = "db.example.com", "databases"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 90
END = START + timedelta(days=DAYS)
FINDINGS = 100_000
TURNS = 10
"""Of each finding."""
POLICIES, RULES, NAMESPACES = 40, 3, 20
CHUNK = 20_000
SEVERITIES = tuple(Severity)


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    folder = tempfile.TemporaryDirectory(prefix="auditor-bench-")

    @functools.cache
    def made() -> tuple[Database, KnownCluster]:
        url = choose_url(folder.name)
        make_history(url)
        database = Database(url)
        with database.reading() as connection:
            return database, choose_cluster(connection)

    def overview(scope: Scope = Scope()) -> None:  # noqa: B008  # frozen
        database, cluster = made()
        read_overview(database, cluster, scope, now=END)

    def report(period: Period, most: int = 5_000) -> None:
        database, cluster = made()
        make_report(database, cluster, period, now=END, options=Options(most=most))

    @functools.cache
    def kept() -> object:
        database, cluster = made()
        return make_report(database, cluster, week, now=END)

    week = Period(start=END - timedelta(days=7), end=END)
    past = Period(start=START + timedelta(days=30), end=START + timedelta(days=37))
    team = Scope(namespaces=frozenset({"team-1", "team-2"}))
    return [
        ("overview (at most 200 ms)", overview),
        ("overview of two namespaces (at most 200 ms)", lambda: overview(team)),
        ("report of the last week, nothing listed", lambda: report(week, 1)),
        ("report of the last week, 5,000 findings listed", lambda: report(week)),
        ("report of a week two months ago", lambda: report(past)),
        *(
            (f"5,000 findings as {name}", functools.partial(lambda write: write(kept()), write))
            for name, write in FORMATS.items()
        ),
    ]


def choose_url(folder: str) -> str:
    return os.environ.get("BENCH_DATABASE") or f"sqlite:///{Path(folder) / 'history.db'}"


def make_history(url: str, findings: int = FINDINGS) -> None:
    history = History.open(url, cluster="bench", now=START)
    rules = {f"rule-{n}": [f"SOC2-{n}"] for n in range(RULES)}
    policies = [f"policy-{n}" for n in range(POLICIES)]
    history.write(
        [
            *(
                PolicyChange(
                    at=START,
                    policy=policy,
                    kind="Policy",
                    generation=1,
                    what="changed",
                    rules=rules,
                    severities=dict.fromkeys(rules, Severity.HIGH),
                )
                for policy in policies
            ),
            KindCoverage(at=START, group=GROUP, resource=RESOURCE, present=1, evaluated=1),
            KindPolicies(at=START, group=GROUP, resource=RESOURCE, policies=dict.fromkeys(policies, "")),
        ]
    )
    tallies = [
        Tally(policy=policy, rule=rule, namespace=f"team-{n}", passes=1000, fails=20)
        for policy in policies
        for rule in rules
        for n in range(NAMESPACES)
    ]
    for day in range(0, DAYS, 7):
        start = START + timedelta(days=day + 5)
        for hours in (timedelta(days=1),):
            history.write([Interval(start=start, length=hours, group=GROUP, resource=RESOURCE, tallies=tallies)])
    last = Interval(
        start=END - timedelta(hours=1), length=timedelta(hours=1), group=GROUP, resource=RESOURCE, tallies=tallies
    )
    history.write([last])
    history.close()
    database = Database(url)
    into_findings, into_turns = (insert(Table.metadata.tables[name]) for name in ("findings", "turns"))
    for begin in range(0, findings, CHUNK):
        numbers = range(begin, min(begin + CHUNK, findings))
        with database.writing(1) as connection:
            connection.execute(into_findings, list(make_findings(numbers)))
            connection.execute(into_turns, list(make_turns(numbers)))
    database.close()


def moments(number: int) -> list[datetime]:
    """Spread over the time, each with another rhythm."""
    step = (END - START) / (TURNS + 1)
    return [START + turn * step + timedelta(seconds=number % 50_000) for turn in range(1, TURNS + 1)]


def is_open(number: int) -> bool:
    return number % 2 == 0


def make_findings(numbers: range) -> Iterator[dict[str, object]]:
    for number in numbers:
        at = moments(number)
        opened, last = at[-2:]
        yield {
            "id": number + 1,
            "cluster_id": 1,
            "fingerprint": make_fingerprint(str(number)),
            "policy": f"policy-{number % POLICIES}",
            "rule": f"rule-{number % RULES}",
            "policy_kind": "Policy",
            "result": Result.FAIL,
            "severity": SEVERITIES[number % 5],
            "message": f"the number of replicas of orders-{number} must be odd, so that a majority remains",
            "path": "/spec/replicas",
            "remediation": "Use 3, 5 or 7 replicas.",
            "controls": ["SOC2-1"],
            "api_group": GROUP,
            "api_version": "v1",
            "kind": "Database",
            "resource": RESOURCE,
            "namespace": f"team-{number % NAMESPACES}",
            "name": f"orders-{number}",
            "uid": f"{number:032x}",
            "first_seen": at[0],
            "opened_at": opened,
            "last_seen": last,
            "turned_at": last,
            "resolved_at": None if is_open(number) else last,
            "reopened_count": TURNS // 2 - 1,
            "excused_by": "",
            "writer": "kubectl-edit",
        }


def make_turns(numbers: range) -> Iterator[dict[str, object]]:
    for number in numbers:
        for turn, at in enumerate(moments(number)):
            step = Step.RESOLVED if turn % 2 else Step.REOPENED if turn else Step.OPENED
            if turn == TURNS - 1 and is_open(number):
                step = Step.CHANGED
            yield {
                "cluster_id": 1,
                "finding_id": number + 1,
                "at": at,
                "turn": step,
                "result": Result.FAIL,
                "severity": SEVERITIES[number % 5],
                "excused_by": "",
                "message_before": None,
            }
