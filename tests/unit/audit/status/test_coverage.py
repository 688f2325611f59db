"""Pairs of kinds and policies in per cent, and what keeps a watcher from doing all that it shall."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from auditor.audit.coverage import (
    KindCounts,
    KindCoverage,
    Pairs,
    PolicyCounts,
    Situation,
    count_pairs,
    find_troubles,
    percent,
    percent_of,
)
from auditor.engine.mistakes import Mistake
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import State
from auditor.intake.live.view import View
from auditor.model.policy import Kind
from auditor.model.settings import AuditSettings


def counts(resource: str, not_evaluated: int | None = 0, *, auditable: bool = True) -> KindCounts:
    return KindCounts(group="e", resource=resource, not_evaluated=not_evaluated, auditable=auditable)


def test_pairs_are_counted_by_kind() -> None:
    policies = [
        PolicyCounts(policy="a", kinds=[counts("x"), counts("y", 1)]),
        PolicyCounts(policy="b", of=Kind.VALIDATING, kinds=[counts("x", None)]),
        PolicyCounts(policy="b", of=Kind.VALIDATING, kinds=[counts("x")]),  # another binding of it
        PolicyCounts(policy="c", kinds=[counts("x", None, auditable=False)]),
    ]
    assert count_pairs(policies) == {"x.e": Pairs(2, 1), "y.e": Pairs(1, 0)}


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], None),
        ([(Pairs(0, 0), True)], None),
        ([(Pairs(3, 3), True)], 100),
        ([(Pairs(3, 2), True)], 66),
        ([(Pairs(3, 3), True), (Pairs(0, 0), False)], 75),
        ([(Pairs(3, 3), True), (Pairs(3, 3), False)], 50),
        ([(Pairs(0, 0), False)], 0),
        ([(Pairs(1000, 999), True)], 99),
    ],
)
def test_per_cent(pairs: list[tuple[Pairs, bool]], expected: int | None) -> None:
    assert percent(pairs) == expected


def test_per_cent_of_what_one_watcher_knows() -> None:
    policies = [PolicyCounts(policy="a", kinds=[counts("x"), counts("y")])]
    x, y = (KindCoverage(group="e", resource=each, present=3, not_evaluated=0) for each in ("x", "y"))
    unread = KindCoverage(group="e", resource="z", present=None)
    left_out = KindCoverage(group="e", resource="w", present=None, excluded=True)
    assert percent_of(Situation()) is None
    assert percent_of(Situation(kinds=[x, y, left_out], policies=policies)) == 100
    assert percent_of(Situation(kinds=[x, replace(y, stale=True)], policies=policies)) == 50
    assert percent_of(Situation(kinds=[x, y, unread], policies=policies)) == 66


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=10))
def test_all_is_said_only_of_all(given: list[tuple[int, int, bool]]) -> None:
    pairs = [(Pairs(policies, min(judged, policies)), readable) for policies, judged, readable in given]
    found = percent(pairs)
    assert found is None or 0 <= found <= 100
    whole = all(readable and each.judged == each.policies for each, readable in pairs)
    assert (found == 100) == (whole and any(each.policies for each, _ in pairs))


def test_troubles_are_what_is_not_judged_by_in_its_present_form() -> None:
    wrong = Mistake(policy="p", pointer="/spec", message="is wrong")
    warning = Mistake(policy="p", pointer="", message="does nothing", warning=True)
    view = View(
        schemas=LiveSchemas({}),
        policies={"p": State({}, None, (wrong,), 1, 0)},
        native={
            "ValidatingAdmissionPolicy/n/b": State({}, None, (wrong,), 1, 0),
            "ValidatingAdmissionPolicy/idle/": State({}, None, (warning,), 1, 0),
        },
        config=State({}, AuditSettings(), (wrong,), 2, 1),
    )
    assert list(find_troubles(view)) == [
        "Policy p is not evaluated: is wrong",
        "ValidatingAdmissionPolicy n with binding b is not evaluated: is wrong",
        "AuditConfig default is in force as it was before: is wrong",
    ]
    assert list(find_troubles(View(schemas=LiveSchemas({})))) == []
