"""Cases of policies: what their names promise is what must come out."""

from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.intake.cases import Outcome, run_cases
from auditor.intake.prepare import PreparationError
from auditor.json import Json
from tests.unit.intake.files import crd, policy, thing, write
from tests.unit.intake.test_versions import CONVERSION

POLICY = policy(
    "sizes",
    [{"name": "small", "jq": ".spec.size < 5", "message": "too large"}, {"name": "even", "jq": ".spec.size % 2 == 0"}],
    mutate=[{"name": "color", "jq": '.spec.color //= "red"'}],
)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    write(tmp_path / "policies.json", POLICY, crd("v1"))
    return tmp_path


def run(pack: Path, name: str, *documents: Json) -> Outcome:
    write(pack / "tests" / name, *documents)
    (outcome,) = run_cases([str(pack)]).outcomes
    return outcome


@pytest.mark.parametrize(
    ("name", "size", "problem"),
    [
        ("pass.json", 4, ""),
        ("pass.a.note.json", 4, ""),
        (
            "pass.json",
            7,
            "violates what it should not: sizes/small: too large; sizes/even: failed expression: .spec.size",
        ),
        ("fail.small.json", 8, ""),
        ("fail.small.with-note.json", 8, ""),
        ("fail.even.json", 3, ""),
        ("fail.even.json", 7, "violates what it should not: sizes/small: too large"),
        ("fail.small.json", 4, "does not violate small"),
        ("fail.smal.json", 4, "there is no rule smal"),
        ("odd.json", 4, "the name must begin with pass, fail, mutate or convert"),
    ],
)
def test_outcomes(pack: Path, name: str, size: int, problem: str) -> None:
    outcome = run(pack, name, thing(size=size))
    assert outcome.problem.startswith(problem) if problem else not outcome.problem
    assert not outcome.incomplete


def test_mutations(pack: Path) -> None:
    assert not run(pack, "mutate.json", thing(size=2), thing(size=2, color="red")).problem
    assert "comes out otherwise" in run(pack, "mutate.json", thing(size=2), thing(size=2)).problem
    assert "needs a second document" in run(pack, "mutate.json", thing(size=2)).problem


def test_what_nobody_can_say_is_no_failure_and_no_pass(pack: Path) -> None:
    unclear: list[list[Json]] = [[thing()], [thing(size="x")], [{}], [thing(version="v7")], [thing(size=2), POLICY]]
    for documents in unclear:
        outcome = run(pack, "pass.json", *documents)
        assert outcome.incomplete
        assert outcome.problem


def test_what_matches_no_policy_shows_nothing(pack: Path) -> None:
    assert (
        run(pack, "pass.json", {**thing(size=2), "kind": "Other"}).problem
        == "no policy matches it, so it shows nothing"
    )


def test_conversions_keep_everything(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    write(tmp_path / "policies.json", POLICY, CONVERSION, crd("v1", "v1beta1", strategy="Webhook"))
    assert not run(tmp_path, "pass.json", thing(size=2)).problem
    lost = run(tmp_path, "pass.json", thing(size=2, color="blue")).problem
    assert lost.startswith("comes back otherwise from v1beta1: [{'op': 'remove', 'path': '/spec/color'")


def test_rules_without_cases_are_told(pack: Path) -> None:
    run(pack, "fail.small.json", thing(size=6))
    report = run_cases([str(pack)])
    assert (report.never_violated, report.never_passed) == (["sizes/even"], ["sizes/small"])


def test_nothing_to_test(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", POLICY)
    for path in (str(tmp_path), file, "nowhere"):
        with pytest.raises(UsageError):
            run_cases([path])
    (tmp_path / "sub" / "tests").mkdir(parents=True)
    write(tmp_path / "sub" / "tests" / "pass.json", thing())
    with pytest.raises(UsageError, match="there is no policy beside it"):
        run_cases([str(tmp_path)])
    write(tmp_path / "sub" / "a.json", policy(rules=[{"jq": "foo"}]))
    with pytest.raises(PreparationError):
        run_cases([str(tmp_path / "sub" / "tests")])
