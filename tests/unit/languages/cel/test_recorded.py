"""CEL of Kubernetes, as the real API server showed it."""

import pytest

from auditor.languages.cel.differences import DIFFERENCES
from tests.unit.languages.cel.recorded import complaint, is_validation, load


@pytest.mark.parametrize("section", load()["sections"])
def test_results_equal_those_of_the_server(section: str) -> None:
    complaints = [complaint(e, answer) for e, answer in load()["sections"][section].items()]
    assert [c for c in complaints if c] == []


@pytest.mark.parametrize("section", load()["sections"])
def test_what_is_statically_bool_can_be_a_validation(section: str) -> None:
    refused_here = {d.example for d in DIFFERENCES}
    answers = load()["sections"][section]
    known = {e: a["bool"] for e, a in answers.items() if "bool" in a and e not in refused_here}
    assert {e: is_validation(e) for e in known} == known


def test_every_difference_is_recorded() -> None:
    recorded = {e for answers in load()["sections"].values() for e in answers}
    assert {d.example for d in DIFFERENCES} <= recorded
