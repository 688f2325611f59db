"""The table, as wide and as colourful as what it is shown on."""

import re

import pytest

from auditor.model.finding import Result
from auditor.report.baseline import Comparison
from auditor.report.formats.table import write
from auditor.report.results import Results
from tests.unit.report.formats import invented

LONG = "the number of replicas must be odd, or a majority of them is as large as that of one more " * 2


@pytest.mark.parametrize("width", [30, 40, 59, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    found = invented.finding(message=LONG, remediation=LONG, path="/spec/x", value="y" * 20)
    scan = invented.scan(invented.judged(found), unreadable=[LONG], warnings=[LONG])
    wrapped = write(Results(scan, width=width))
    assert max(map(len, wrapped.splitlines())) <= width
    assert wrapped.split() == write(Results(scan)).split()  # nothing is lost


def test_a_pipe_gets_whole_lines() -> None:
    assert f"  high      p/r: {LONG.strip()}" in write(invented.results(invented.finding(message=LONG.strip())))


def test_colours_change_nothing_else() -> None:
    found = [invented.finding(str(result), result, message=LONG) for result in Result]
    for width in (0, 50, 100):
        plain = write(invented.results(*found, width=width))
        coloured = write(invented.results(*found, width=width, colour=True))
        assert "\x1b" not in plain
        assert re.sub(r"\x1b\[[0-9;]+m", "", coloured) == plain
        assert "\x1b[31mhigh     \x1b[0m p/fail" in coloured


def test_a_baseline() -> None:
    known = invented.finding("old")
    gone = {"fingerprint": "x", "resource": "Thing here/two", "policy": "p", "rule": "q", "path": "/spec/y"}
    compared = Comparison(frozenset([known.fingerprint]), [gone])
    lines = write(invented.results(known, invented.finding("new"), comparison=compared)).splitlines()
    assert "  high      p/old: is wrong (known)" in lines
    assert "  high      p/new: is wrong" in lines
    assert lines[-2:] == [
        "gone: Thing here/two: p/q at /spec/y",
        "1 object: 2 fail; of a baseline 1 known, 1 gone",
    ]


def test_numbers_of_any_size() -> None:
    assert "is 36893488147419103232" in write(invented.results(invented.finding(value=2**65)))


def test_an_error_has_no_advice_that_is_for_a_violation() -> None:
    advice = "Ask for a smaller one."
    assert advice in write(invented.results(invented.finding(remediation=advice)))
    assert advice not in write(invented.results(invented.finding(result=Result.ERROR, remediation=advice)))
