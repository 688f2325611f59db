"""Baselines: what is known, what is new, what is gone."""

import json
from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.model.finding import Result
from auditor.report.baseline import compare, read_baseline, render_baseline
from auditor.report.formats import FORMATS
from auditor.report.results import Results
from tests.unit.report.formats import invented


def test_round_trip(tmp_path: Path) -> None:
    found = [invented.finding(str(result), result) for result in Result]
    scan = invented.scan(invented.judged(*found))
    file = tmp_path / "baseline.json"
    file.write_text(render_baseline(scan))
    baseline = read_baseline(str(file))
    kept = {each.fingerprint for each in found if each.result in (Result.FAIL, Result.WARN)}
    assert set(baseline) == kept  # an error is never known, nor what is excused or passes
    assert compare(scan, baseline).known == kept
    assert not compare(scan, baseline).gone


def test_the_json_of_a_scan_is_one_too(tmp_path: Path) -> None:
    scan = invented.scan(invented.judged(invented.finding(), invented.finding("e", Result.ERROR)))
    file = tmp_path / "scan.json"
    file.write_text(FORMATS["json"](Results(scan)))
    assert set(read_baseline(str(file))) == {invented.finding().fingerprint}
    (gone,) = compare(invented.scan(), read_baseline(str(file))).gone
    assert gone["fingerprint"] == invented.finding().fingerprint


def test_it_is_the_same_in_any_order() -> None:
    a, b = invented.judged(invented.finding("a")), invented.judged(invented.finding("b"), at=invented.place("two"))
    assert render_baseline(invented.scan(a, b)) == render_baseline(invented.scan(b, a))
    assert len(render_baseline(invented.scan(a, b)).splitlines()) == 7
    assert json.loads(render_baseline(invented.scan()))["findings"] == []


def test_what_could_not_be_evaluated_or_is_excused_is_not_gone(tmp_path: Path) -> None:
    each = (invented.judged(invented.finding(fingerprint=n * 32), at=invented.place(n)) for n in "abc")
    before = invented.scan(*each)
    file = tmp_path / "baseline.json"
    file.write_text(render_baseline(before))
    erred = invented.judged(invented.finding("", Result.ERROR, path=""), at=invented.place("a"))
    excused = invented.judged(invented.finding(result=Result.SKIP, fingerprint="b" * 32), at=invented.place("b"))
    compared = compare(invented.scan(erred, excused), read_baseline(str(file)))
    assert [each["resource"] for each in compared.gone] == ["Thing here/c"]
    assert not compared.known


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory. --write-baseline makes it"),
        ("no json", "is no JSON"),
        ("[]", "is no baseline"),
        ('{"findings": [{"fingerprint": 1}]}', "is no baseline"),
        ('{"version": 2, "findings": []}', "is of version 2, this program reads 1"),
    ],
)
def test_what_is_no_baseline(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "baseline.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=said):
        read_baseline(str(file))
