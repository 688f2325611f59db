"""One moment, told by all: the ledger, the report objects in the cluster, the history's report, and the overview."""

import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audit.ledger import Diff, Judged
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Severity
from auditor.model.settings import ReportSettings
from auditor.model.turn import FindingTurn, Turn
from auditor.report.compliance import Period, make_report
from auditor.report.compliance.overview import read_overview
from auditor.report.crs.build import build
from auditor.report.history import Database, History
from auditor.report.history.reader import choose_cluster
from tests.unit.audit.test_chronicle import THINGS
from tests.unit.audit.test_chronicle_records import START, Bench

RULES = ("r", "s")
PLACES = st.sampled_from(["default/a", "default/b", "other/a"])
SAID = st.lists(st.tuples(st.sampled_from(RULES), st.integers(0, 1), st.sampled_from(Result)), max_size=4)
STEPS = st.lists(st.one_of(st.tuples(PLACES, SAID), st.integers(1, 50)), max_size=12)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("agree")
    return f"sqlite:///{folder / 'history.db'}"


def find(key: str, rule: str, index: int, result: Result) -> Finding:
    return Finding(
        policy="p",
        rule=rule,
        result=result,
        severity=Severity.HIGH,
        message=f"{result} at {index}",
        path=f"/spec/{index}",
        fingerprint=make_fingerprint("p", rule, key, str(index)),
        exception="default/e" if result is Result.SKIP else "",
    )


@settings(max_examples=15, deadline=None)
@given(steps=STEPS)
def test_all_tell_the_same_of_one_moment(
    url: str, steps: list[tuple[str, list[tuple[str, int, Result]]] | int]
) -> None:
    bench = Bench()
    cluster = uuid.uuid4().hex
    history = History.open(url, cluster=cluster, now=START)
    follower = bench.followers[THINGS.name]
    follower.ledger.remove("default/t")
    for step in steps:
        if isinstance(step, int):
            bench.now += timedelta(minutes=step)
            bench.chronicle.count()
            continue
        key, said = step
        found = {(rule, index): find(key, rule, index, result) for rule, index, result in said}
        findings = [each for each in found.values() if each.result is not Result.PASS]
        passed = [("p", rule) for rule in RULES if rule not in {each.rule for each in findings}]
        diff = follower.ledger.put(key, f"uid-{key}", Judged.of(findings, passed))
        bench.now += timedelta(seconds=1)
        tell(bench, key, diff)
    bench.chronicle.count()
    history.write(bench.spool.told)
    history.close()
    compare(url, cluster, bench)


def tell(bench: Bench, key: str, diff: Diff) -> None:
    subject = bench.followers[THINGS.name].subject(key, diff.uid)
    for turn, findings in (
        (Turn.OPENED, diff.opened),
        (Turn.CHANGED, diff.changed),
        (Turn.RESOLVED, diff.resolved),
    ):
        for each in findings:
            bench.chronicle.put(FindingTurn(bench.now, turn, subject, each))


def compare(url: str, cluster: str, bench: Bench) -> None:
    follower = bench.followers[THINGS.name]
    now = bench.now + timedelta(seconds=1)
    database = Database(url)
    try:
        with database.reading() as connection:
            known = choose_cluster(connection, cluster)
        report = make_report(database, known, Period(start=START, end=now), now=now)
        overview = read_overview(database, known, now=now)
    finally:
        database.close()
    tally: Counter[Result] = Counter()
    for (_, _, _, result), count in follower.ledger.tally().items():
        tally[result] += count
    for told in (report.results, overview.results):
        found = (0,) * 5 if told is None else (told.passes, told.fails, told.warns, told.errors, told.excused)
        assert found == tuple(
            tally[each] for each in (Result.PASS, Result.FAIL, Result.WARN, Result.ERROR, Result.SKIP)
        )
    held = {each.fingerprint: each.result for _, held in follower.ledger.held() for each in held.findings}
    assert {each.fingerprint: each.result for each in report.violations} == held
    assert overview.open == report.open
    in_cluster: dict[str, str] = {}
    for key, each in follower.ledger.held():
        made = build(follower.subject(key, each.uid), each.findings, settings=ReportSettings(), seen=lambda _: now)
        assert made is not None
        in_cluster |= {row["properties"]["resultID"]: row["result"] for row in made["results"]}
    assert in_cluster == {fingerprint: str(result) for fingerprint, result in held.items()}
