"""All formats of one report say the same, whatever texts objects bring along."""

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from shutil import which

import pytest

from auditor.model.finding import Result
from auditor.report.compliance import Compliance
from auditor.report.compliance.cells import Percent, show, show_time
from auditor.report.compliance.formats import FORMATS
from auditor.report.compliance.formats.charts import draw_gauge, draw_trend, grade
from auditor.report.compliance.formats.json import make_digest
from auditor.report.compliance.tell import tell
from auditor.report.compliance.tree import Results
from auditor.report.history import DoorDecision, ExceptionChange, KindCoverage
from tests.unit.report.compliance.contract import living, reading
from tests.unit.report.compliance.readback import Tables, read_csv, read_html, read_markdown
from tests.unit.report.compliance.world import DAY, GROUP, HOUR, START, say

HOSTILE = [
    '=HYPERLINK("http://evil.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m",
    "| a | b |\n\n# heading [link](javascript:alert(1)) @everyone ![x](http://evil.example/x.png)",
    '"></td></table><style>*{display:none}</style>',
    "\u202egnp.exe\u2066 &lt;b&gt; \\| `code` --",
    "＝1+1\tx",  # noqa: RUF001  # a wide equals sign
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Compliance:
    folder: Path = tmp_path_factory.mktemp("formats")
    url = f"sqlite:///{folder / 'history.db'}"
    with living(url) as world:
        for number, text in enumerate(HOSTILE):
            world.say(say(0, (Result.FAIL, Result.WARN, Result.ERROR)[number % 3], message=text))
            world.now += timedelta(minutes=1)
        world.say(say(0, Result.SKIP, place=("b", "one")))
        world.say(say(0, place=("", "wide"), message=HOSTILE[2]))
        for number, text in enumerate(HOSTILE):
            world.say(say(0, place=("a", f"n{number}"), message=text))
        world.say(say(0, place=("b", "three")))
        world.move(3 * HOUR)
        world.say(say(0, None, place=("b", "three")))
        world.waiting += [
            ExceptionChange(
                at=START,
                namespace="a",
                name="legacy",
                generation=1,
                what="changed",
                owner=HOSTILE[0],
                reason=HOSTILE[4],
                expires=START + DAY,
            ),
            KindCoverage(at=START, group=GROUP, resource="other", present=None, evaluated=0, reason=HOSTILE[2]),
            DoorDecision(
                id="d",
                at=START,
                webhook="validate",
                operation="CREATE",
                group=GROUP,
                version="v1",
                kind="Database",
                namespace="a",
                name="x",
                outcome="denied",
                allowed=False,
                user=HOSTILE[1],
            ),
        ]
        world.move(HOUR)
        with reading(url) as reader:
            return reader.report(world, START, max(world.shots))


def expected(report: Compliance) -> Tables:
    return {each.name: [[show(cell) for cell in row] for row in each.rows] for each in tell(report) if each.rows}


def clean(tables: Tables) -> Tables:
    """As all formats clean texts: control characters are shown, not sent."""
    from auditor.intake.printable import clean as printable

    return {name: [[printable(cell) for cell in row] for row in rows] for name, rows in tables.items()}


def test_csv_says_all_of_it(report: Compliance) -> None:
    said = {name: rows for name, rows in read_csv(FORMATS["csv"](report)).items() if rows}
    assert said == clean(expected(report))


def test_html_says_all_of_it(report: Compliance) -> None:
    said, _ = read_html(FORMATS["html"](report))
    assert said == clean(expected(report))


def test_markdown_says_all_of_it(report: Compliance) -> None:
    names = {each.title: each.name for each in tell(report)}
    said = {name: rows for name, rows in read_markdown(FORMATS["markdown"](report), names).items() if rows}
    wanted = {
        name: [[cell.replace("\n", " ") for cell in row] for row in rows]
        for name, rows in clean(expected(report)).items()
    }
    assert said == wanted


def test_json_has_the_numbers_of_the_tree(report: Compliance) -> None:
    said = json.loads(FORMATS["json"](report))
    assert report.results is not None
    assert report.open is not None
    assert said["percent"] == report.percent
    assert {name: said["results"][name] for name in ("passes", "fails", "warns", "errors", "excused")} == {
        name: getattr(report.results, name) for name in ("passes", "fails", "warns", "errors", "excused")
    }
    assert said["open"]["violations"] == report.open.violations
    assert [each["message"] for each in said["violations"]] == [each.message for each in report.violations]
    assert said["period"]["start"] == "2026-03-01T00:00:00Z"


def test_html_loads_and_runs_nothing(report: Compliance) -> None:
    _, tags = read_html(FORMATS["html"](report))
    assert not {tag for tag, _ in tags} & {"script", "img", "link", "iframe", "object", "form", "base"}
    for tag, attributes in tags:
        assert not any(name.startswith("on") or name in ("src", "style") for name in attributes), tag
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]
    (policy,) = [attributes["content"] for tag, attributes in tags if attributes.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert [tag for tag, _ in tags].count("style") == 1


def test_no_cell_of_csv_is_a_formula(report: Compliance) -> None:
    text = FORMATS["csv"](report)
    assert HOSTILE[0][:10] in text
    for row in text.splitlines():
        for cell in row.split(","):
            first = cell.strip('"').lstrip()[:1]
            assert first not in ("=", "@", "\t", "＝", "+", "-"), row  # noqa: RUF001


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_acts_on_a_terminal(report: Compliance, name: str) -> None:
    text = FORMATS[name](report)
    if name == "json":
        text = text.encode().decode("ascii", "ignore")  # its escapes are part of the format
    assert "\x1b" not in text
    assert name == "json" or "\u202e" not in text


def test_every_format_carries_the_digest(report: Compliance) -> None:
    digest = make_digest(report)
    assert all(digest in write(report) for write in FORMATS.values())
    later = replace(report, made=replace(report.made, at=report.made.at + DAY, by="auditor 99"))
    assert make_digest(later) == digest
    other = replace(report, results=Results(passes=1))
    assert make_digest(other) != digest


_CANONICAL = "del(.made, .digest, .cluster.name, (.violations[] | .apiVersion, .remediation, .writer))"


@pytest.mark.skipif(which("jq") is None, reason="jq is not installed")
def test_the_digest_can_be_checked_by_others(report: Compliance) -> None:
    odd = replace(report.violations[0], message="\x01\x7f\x9b\u2028\U0001f600")
    report = replace(report, violations=(odd, *report.violations[1:]))
    said = subprocess.run(
        ["jq", "-jcS", _CANONICAL], input=FORMATS["json"](report).encode(), capture_output=True, check=True
    ).stdout
    assert sha256(said).hexdigest() == make_digest(report)


def test_what_is_not_listed_is_counted(report: Compliance) -> None:
    few = replace(report, violations=report.violations[:2], violations_left=len(report.violations) - 2)
    for name in ("html", "markdown", "csv"):
        assert f"nd {few.violations_left} more" in FORMATS[name](few)


def test_nothing_evaluated_is_never_shown_as_good(report: Compliance) -> None:
    nothing = replace(report, results=None, trend=(), previous=None)
    for name in ("html", "markdown", "csv"):
        assert "nothing evaluated" in FORMATS[name](nothing)
    assert FORMATS["markdown"](nothing).startswith(f"# Compliance of {report.cluster.label}: nothing evaluated\n")
    assert "arc" not in draw_gauge(None)
    assert draw_trend(()) == ""
    assert show(Percent(None)) == "nothing evaluated"


def test_only_all_is_a_hundred() -> None:
    assert Results(passes=99_999, fails=1).percent == 99.9
    assert Results(passes=3).percent == 100
    assert Results(warns=3, errors=1, excused=2).percent is None
    assert [grade(value) for value in (100, 99.9, 89.9)] == ["good", "fair", "poor"]


def test_times_are_told_with_two_units_at_most() -> None:
    times = [timedelta(seconds=59), timedelta(minutes=61), timedelta(days=2, hours=5), timedelta(days=40, hours=5)]
    assert [show_time(each) for each in times] == ["0 min", "1 h 1 min", "2 d 5 h", "40 d"]
