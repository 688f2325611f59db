"""What is told, and where it is cut."""

from dataclasses import replace

import pytest

from auditor.json import Json
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.webhooks import wording
from auditor.webhooks.wording import (
    MAX_ANNOTATION,
    MAX_FINDING,
    MAX_MESSAGE,
    MAX_WARNING,
    MAX_WARNINGS,
    say_field,
    say_finding,
    say_list,
    say_violations,
    say_warnings,
)

FINDING = Finding(
    policy="sizes",
    rule="small",
    result=Result.FAIL,
    severity=Severity.HIGH,
    message="too big",
    fingerprint="f",
    path="/spec/size",
    blocks=True,
    remediation="Use 3 or less.",
)


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("", "<object>"),
        ("/spec/size", "spec.size"),
        ("/spec/members/1/cpu", "spec.members[1].cpu"),
        ("/spec/members/9/cpu", "spec.members[9].cpu"),
        ("/spec/members/-", "spec.members[-]"),
        ("/spec/numbers/1", "spec.numbers.1"),
        ("/metadata/labels/example.com~1team", "metadata.labels[example.com/team]"),
        ("/metadata/labels/a~0b", "metadata.labels[a~b]"),
        ("/spec/not/there", "spec.not.there"),
        ("/", "[]"),
    ],
)
def test_fields_as_kubernetes_writes_them(pointer: str, field: str) -> None:
    thing: Json = {"spec": {"size": 1, "members": [{"cpu": 1}, {"cpu": 2}], "numbers": {"1": 0}}}
    assert say_field(pointer, thing) == field


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "sizes/small: spec.size: too big. Use 3 or less."),
        ({"path": ""}, "sizes/small: too big. Use 3 or less."),
        ({"remediation": ""}, "sizes/small: spec.size: too big"),
        ({"message": "Too big!"}, "sizes/small: spec.size: Too big! Use 3 or less."),
        ({"message": ""}, "sizes/small: spec.size: is violated. Use 3 or less."),
        ({"rule": ""}, "sizes: spec.size: too big. Use 3 or less."),
        ({"result": Result.ERROR}, "sizes/small: spec.size: could not be evaluated: too big. Use 3 or less."),
        ({"message": "a\n\tb  \x1b[31mc"}, "sizes/small: spec.size: a b \\x1b[31mc. Use 3 or less."),
    ],
)
def test_a_finding_says_what_where_and_what_to_do(changes: dict[str, Json], said: str) -> None:
    assert say_finding(replace(FINDING, **changes), {}) == said


def test_one_violation_is_a_line_and_several_are_a_list_with_the_worst_first() -> None:
    other = replace(FINDING, rule="other", severity=Severity.CRITICAL, path="", remediation="", message="bad")
    assert say_violations([FINDING], {}) == "sizes/small: spec.size: too big. Use 3 or less."
    assert say_violations([FINDING, other], {}) == (
        "2 violations:\n- sizes/other: bad\n- sizes/small: spec.size: too big. Use 3 or less."
    )


@pytest.mark.parametrize("count", [2, 30, 31, 32, 1000])
def test_a_long_list_is_cut_with_a_count_of_the_rest(count: int) -> None:
    findings = [replace(FINDING, rule=f"r{i:04}", message="x" * 5000) for i in range(count)]
    said = say_violations(findings, {})
    lines = said.splitlines()
    assert len(said) <= MAX_MESSAGE + 100
    assert lines[0] == f"{count} violations:"
    told = [line for line in lines[1:] if line.startswith("- sizes/")]
    assert all(len(line) <= MAX_FINDING + 2 for line in told)
    assert len(told) == min(count, MAX_MESSAGE // (MAX_FINDING + 3))
    assert lines[1 + len(told) :] == ([f"- and {count - len(told)} more"] if len(told) < count else [])


def test_warnings_that_fit_are_left_as_they_are() -> None:
    warnings = ["a" * 3000, "b" * 1096]
    assert say_warnings(warnings) == warnings
    assert say_warnings(["a", "b", "a"]) == ["a", "b"]


def test_warnings_that_do_not_fit_are_cut_as_the_api_server_would_but_counted() -> None:
    said = say_warnings([f"{i:03}{'x' * 300}" for i in range(100)])
    assert all(len(each) == MAX_WARNING for each in said[:-1])
    assert said[-1] == f"and {100 - (len(said) - 1)} more warnings"
    assert sum(map(len, said)) <= MAX_WARNINGS
    assert len(said) == 16


def test_a_warning_has_no_control_character_which_the_api_server_would_drop_it_for() -> None:
    assert say_warnings(["a\nb\tc", "d\x1b[0m\x7f", "é \u200b"]) == ["a b c", "d\\x1b[0m\\x7f", "é \\u200b"]


def test_a_list_in_an_annotation() -> None:
    assert say_list(["a", "b", "a"]) == "a, b"
    said = say_list([f"policy-{i:05}" for i in range(10_000)])
    assert len(said) <= MAX_ANNOTATION
    kept = said.count("policy-")
    assert kept > 600
    assert said.endswith(f"and {10_000 - kept:,} more")


def test_limits_leave_room_for_what_stands_around() -> None:
    """A condition of other tools has room for 32,768 characters."""
    assert MAX_MESSAGE + 1024 <= 32768
    assert wording.cut("abcdef", 5) == "ab..."
