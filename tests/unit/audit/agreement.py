"""What each place says of one moment: ledger, status, metrics, reports in the cluster, dashboard, report files."""

import functools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

from flask.testing import FlaskClient

from auditor.audit.meters import WatcherCollector
from auditor.audit.overview import Facts, PolicyFacts, find_wrong, to_json
from auditor.dashboard.app import Source, make_app
from auditor.model.settings import ReportSettings
from auditor.report.compliance import make_report, read_period
from auditor.report.compliance.formats import FORMATS
from auditor.report.compliance.formats.json import make_digest
from auditor.report.compliance.tell import tell
from auditor.report.crs.build import build
from auditor.report.history.reader import choose_cluster, list_clusters, open_to_read
from tests.unit.audit.lifetime import Lifetime
from tests.unit.dashboard.visits import ORIGIN, HeaderEntrance
from tests.unit.report.compliance.readback import read_csv, read_html, read_markdown

FOUND = {"fail": "violations", "warn": "warnings", "error": "errors", "skip": "excused"}
"""Results, and how many findings of each are open, as the dashboard has them."""
COUNTED = {"pass": "passes", "fail": "fails", "warn": "warns", "error": "errors", "skip": "excused"}
Counts = dict[str, int]


def compare(life: Lifetime) -> None:
    life.rest()
    results, found = count_ledgers(life)
    ask, told = browse(life), tell_status(life)
    overview = ask("/api/v1/overview")
    compare_findings(life, found, overview, told, ask)
    compare_results(life, results, overview, told, ask)
    compare_coverage(life, overview, told, ask)
    compare_formats(life, overview, ask)


def count_ledgers(life: Lifetime) -> tuple[Mapping[tuple[str, str], int], Mapping[str, Counts]]:
    """Results by policy, and findings by kind; of a kind that was never read since the start nothing is known."""
    results: Counter[tuple[str, str]] = Counter()
    found = {}
    for follower in life.followers:
        for (_, source, _, result), count in follower.ledger.tally().items():
            results[source, str(result)] += count
        held = Counter(str(each.result) for _, held in follower.ledger.held() for each in held.findings)
        if follower.state.present is not None:
            found[follower.name] = {each: held[each] for each in FOUND}
    return results, found


@functools.cache
def _open(url: str) -> tuple[Any, FlaskClient]:
    """One app for all lives in a database: its templates are compiled once. Which cluster it shows is set for each."""
    database = open_to_read(url)
    with database.reading() as connection:
        made = Source(database=database, cluster=list_clusters(connection)[0])
    source: Any = SimpleNamespace(**{each.name: getattr(made, each.name) for each in fields(made)})
    client = make_app(source, HeaderEntrance(), ORIGIN).test_client()
    client.environ_base["HTTP_X_TEST"] = "admin"
    return source, client


def browse(life: Lifetime) -> Any:
    source, client = _open(life.url)
    with source.database.reading() as connection:
        source.cluster = choose_cluster(connection, life.cluster)
    source.clock = lambda: life.now

    def ask(address: str) -> Any:
        answer = client.get(address)
        assert answer.status_code == 200, (address, answer.get_data(as_text=True))
        return answer.get_json() if answer.is_json else answer.get_data(as_text=True)

    return ask


def tell_status(life: Lifetime) -> Any:
    """`auditor status -o json`."""
    policies = tuple(PolicyFacts(name, 1, "Audit", status) for name, status in life.totals.items())
    config = {"metadata": {"generation": 0}, "status": life.status}
    facts = Facts(time=life.now, namespace="auditor-system", config=config, policies=policies)
    return to_json(facts, find_wrong(facts))


def tell_metrics(life: Lifetime) -> Mapping[str, Mapping[tuple[str, ...], float]]:
    collector = WatcherCollector(life.watcher, ready=lambda: True)
    return {
        family.name: {tuple(each.labels.values()): each.value for each in family.samples}
        for family in collector.collect()
    }


def compare_findings(life: Lifetime, found: Mapping[str, Counts], overview: Any, told: Any, ask: Any) -> None:
    """One for each object, rule and path."""
    by_kind = {f"{each['resource']}.{each['group']}": each.get("findings") for each in told["coverage"]}
    for name, counts in found.items():
        assert by_kind[name] == counts
    assert told["findings"] == {each: overview["open"][FOUND[each]] for each in FOUND}
    assert ask("/api/v1/findings")["total"] == sum(told["findings"].values())
    words = {"fail": "violation", "warn": "warning", "error": "error", "skip": "excused"}
    for result, word in words.items():
        assert ask(f"/api/v1/findings?result={word}")["total"] == told["findings"][result]
    page = re.search(r'class="found"[^>]*><b>(\d+)</b>', ask("/findings"))
    assert page is not None
    assert int(page[1]) == sum(told["findings"].values())
    tiles = dict(re.findall(r"<dt>([^<]+)</dt><dd[^>]*><a[^>]*>(?:<[^>]*>)?([\d,]+)", ask("/")))
    assert {name: int(tiles[word]) for name, word in TILES.items()} == told["findings"]
    lines = {each["name"]: each["open"] for each in ask("/api/v1/kinds")["lines"]}
    for name, counts in by_kind.items():
        here = lines.get(name, dict.fromkeys(FOUND.values(), 0))
        assert {each: here[FOUND[each]] for each in FOUND} == (counts or dict.fromkeys(FOUND, 0)), name
    for where in ("policies", "namespaces", "severities"):
        told_open = [each[1] if where == "severities" else each["open"] for each in overview[where]]
        for each in FOUND.values():
            assert sum(line[each] for line in told_open) == overview["open"][each], where
    compare_reports(life, found)
    exceptions = ask("/api/v1/exceptions")["exceptions"]
    assert sum(each["excuses"] for each in exceptions) == told["findings"]["skip"]


TILES = {"fail": "open violations", "warn": "warnings", "error": "errors", "skip": "excused"}


def compare_reports(life: Lifetime, found: Mapping[str, Counts]) -> None:
    """The summaries, also where there was no room for all rows."""
    for follower in life.followers:
        if follower.name in found:
            summed: Counter[str] = Counter()
            for key, held in follower.ledger.held():
                report = build(
                    follower.subject(key, held.uid),
                    held.findings,
                    settings=ReportSettings(max_findings=1),
                    at=life.now,
                )
                if report is not None:
                    summed.update(report["summary"])
            assert {each: summed[each] for each in FOUND} == found[follower.name]


def compare_results(life: Lifetime, results: Mapping[tuple[str, str], int], overview: Any, told: Any, ask: Any) -> None:
    """One for each object and rule."""
    total = {each: sum(count for (_, result), count in results.items() if result == each) for each in COUNTED}
    shown = overview["results"] or dict.fromkeys(COUNTED.values(), 0)
    assert {each: shown[COUNTED[each]] for each in COUNTED} == total
    metrics = tell_metrics(life)["auditor_audit_results"]
    assert {key: int(count) for key, count in metrics.items() if count} == {k: n for k, n in results.items() if n}
    lines = {each["name"]: each["results"] for each in ask("/api/v1/policies")["lines"]}
    for policy in told["policies"]:
        here = lines[policy["name"]]
        sums = policy["totals"] or dict.fromkeys(COUNTED, 0)
        assert {each: here[COUNTED[each]] for each in COUNTED} == {each: sums[each] for each in COUNTED}
    for where in ("policies", "namespaces", "kinds"):
        for each in COUNTED.values():
            assert sum(line["results"][each] for line in overview[where]) == shown[each]


def compare_coverage(life: Lifetime, overview: Any, told: Any, ask: Any) -> None:
    coverage = overview["coverage"]
    shown = None if coverage["percent"] is None else int(coverage["percent"])
    assert told["coveragePercent"] == shown
    metric = tell_metrics(life)["auditor_audit_coverage_percent"]
    assert metric == ({} if shown is None else {(): shown})
    entries = {f"{each['resource']}.{each['group']}": each for each in told["coverage"]}
    assert coverage["kinds"] == sum(not each.get("excluded") for each in entries.values())
    assert coverage["excluded"] == sum(each.get("excluded") is True for each in entries.values())
    amiss = {
        name
        for name, each in entries.items()
        if not each.get("excluded") and (each["stale"] or each.get("notEvaluated") != 0)
    }
    assert {each["kind"] for each in coverage["gaps"]} == amiss
    assert told["complete"] is (not amiss and told["complete"])
    assert ask("/api/v1/kinds")["coverage"] == coverage


def compare_formats(life: Lifetime, overview: Any, ask: Any) -> None:
    """The report of the last day, in each of them; the digest says that it is the one that the dashboard gives."""
    said = ask("/reports/download?period=24h&format=json")
    for each in ("results", "open", "coverage"):
        assert said[each] == overview[each]
    source, _ = _open(life.url)
    report = make_report(source.database, source.cluster, read_period("24h", now=life.now), now=life.now)
    assert make_digest(report) == said["digest"]
    page = read_html(FORMATS["html"](report))[0]["summary"]
    assert page == read_csv(FORMATS["csv"](report))["summary"]
    assert (
        page == read_markdown(FORMATS["markdown"](report), {each.title: each.name for each in tell(report)})["summary"]
    )
    counts = {name: value for name, value, *_ in page}
    for each, count in overview["open"].items():
        assert counts[f"open {each}"] == str(count)
