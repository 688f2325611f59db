"""Examples are what a reader copies: good ones are clean, bad ones show what they say and nothing else."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from auditor.intake.found import Scan
from auditor.intake.packs.facts import list_rules
from auditor.intake.prepare import Prepared, prepare
from auditor.intake.scan import scan
from auditor.model.finding import Result
from tests.unit.packs.shipped import (
    NAMES,
    POLICIES,
    examples,
    find_crds,
    find_expected,
    pack_of,
)

TIME = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def as_a_reader_has_it(name: str, *around: str) -> Prepared:
    """`--policies policies/PACK --crds policies/PACK`, with `around` as `--params`.

    What is about all kinds has examples of kinds that nobody defines.
    """
    folder = POLICIES / name
    own = [str(folder / "crd.yaml")] if (folder / "crd.yaml").is_file() else []
    others = () if ("*", "*") in pack_of(name).targets() else find_crds(name)
    return prepare([str(folder)], [*own, *others], params=around)


def scan_good(name: str) -> Scan:
    return scan([str(POLICIES / name / "examples" / "good")], as_a_reader_has_it(name), time=TIME)


def scan_bad(name: str, bad: Path) -> Scan:
    """Where the good ones are: what it refers to beside its mistake is there."""
    good = str(POLICIES / name / "examples" / "good")
    return scan([str(bad)], as_a_reader_has_it(name, good), time=TIME)


@pytest.mark.parametrize("name", NAMES)
def test_good_examples_are_clean(name: str) -> None:
    found = scan_good(name)
    assert found.objects
    told = [f"{judged.place.file}: {f.policy}/{f.rule}: {f.message}" for judged, f in found.findings()]
    assert told == []
    assert not found.incomplete
    assert found.counts[Result.PASS] > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_example_violates_what_it_says_and_nothing_else(name: str) -> None:
    said = {bad.name: find_expected(bad) for bad in examples(name, "bad")}
    assert [bad for bad, rules in said.items() if not rules] == [], "the lines `# violates: policy/rule` are missing"
    scans = {bad.name: scan_bad(name, bad) for bad in examples(name, "bad")}
    assert [bad for bad, found in scans.items() if found.incomplete] == []
    shown = {bad: sorted({f"{f.policy}/{f.rule}" for _, f in found.findings()}) for bad, found in scans.items()}
    assert shown == said


@pytest.mark.parametrize("name", NAMES)
def test_bad_examples_name_rules_that_there_are(name: str) -> None:
    known = {mapped.name for mapped in list_rules(pack_of(name))}
    named = {rule for bad in examples(name, "bad") for rule in find_expected(bad)}
    assert named
    assert named <= known
