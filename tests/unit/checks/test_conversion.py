"""conversion: what does not come back from another version."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from auditor.checks import Outcome
from auditor.engine.convert import Conversion
from auditor.json import JsonObject
from auditor.model.request import GroupVersionKind
from auditor.model.settings import Check
from tests.unit.checks.making import FACTS, ask, found, schema_of, single, thing, wrote

TWO = replace(FACTS, served={"v1": False, "v2": False})


class Steps:
    """A Conversion, as the catalog of a cluster leads to it."""

    def __init__(self, to: str, back: str) -> None:
        spec = {
            "resource": {"group": "example.com", "resource": "things"},
            "steps": [{"from": "v1", "to": "v2", "jq": to}, {"from": "v2", "to": "v1", "jq": back}],
        }
        self.conversion = Conversion.compile({"metadata": {"name": "things"}, "spec": spec})
        self.asked: list[JsonObject] = []

    def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
        assert thing["apiVersion"] == kind.api_version
        self.asked.append(thing)
        return self.conversion.convert(thing, version)


def judge(made: JsonObject, ways: Any, **more: Any) -> Outcome:
    return ask(made, Check.CONVERSION, ways=ways, convertible=("v1", "v2"), facts=TWO, **more)


SAME = Steps(".", ".")
RENAMED = Steps(".spec |= (.length = .size | del(.size))", ".spec |= (.size = .length | del(.length))")
ROUNDED = Steps(".spec.size |= floor", ".")
FORGETFUL = Steps("del(.spec.colour, .metadata.labels)", '.spec.shape = "round"')


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        (SAME, []),
        (RENAMED, []),
        (ROUNDED, [("/spec/size", "changes")]),
        (FORGETFUL, [("/metadata/labels", "is lost"), ("/spec/colour", "is lost"), ("/spec/shape", "appears")]),
    ],
    ids=["same", "renamed", "rounded", "forgetful"],
)
def test_round_trip(ways: Steps, expected: list[tuple[str, str]]) -> None:
    outcome = judge(thing({"size": 1.5, "colour": "red"}, labels={"a": "b"}), ways)
    assert [(each.path, each.message) for each in outcome.findings] == [
        (path, f"{path} {what} on the way v1 to v2 to v1") for path, what in expected
    ]
    assert all(each.rule == "v1-v2-v1" and "red" not in str(each) for each in outcome.findings)


def test_managed_fields_stay_at_home() -> None:
    ways = Steps(".", ".")
    judge(thing({"size": 1}, wrote("a", 1, "spec.size")), ways)
    assert [each["apiVersion"] for each in ways.asked] == ["example.com/v1", "example.com/v2"]
    assert all("managedFields" not in each["metadata"] for each in ways.asked)


def test_defaults_are_no_loss() -> None:
    """The API server defaults what it reads, and what comes back."""
    schema = schema_of(size={"type": "integer"}, colour={"type": "string", "default": "red"})
    assert not judge(thing({"size": 1}), SAME, schema=schema).findings
    lost = Steps("del(.spec.colour)", ".")
    assert not judge(thing({"size": 1, "colour": "red"}), lost, schema=schema).findings
    assert [each.path for each in judge(thing({"size": 1, "colour": "blue"}), lost, schema=schema).findings] == [
        "/spec/colour"
    ]


@pytest.mark.parametrize(
    "ways",
    [Steps("error", "."), Steps(".", ".spec.size.x"), Steps(".,.", ".")],
    ids=["fails", "not back", "two"],
)
def test_object_that_cannot_be_converted(ways: Steps) -> None:
    finding = single(judge(thing({"size": 1}), ways))
    assert (finding.rule, finding.result, finding.path) == ("v1-v2", "fail", "")
    assert "conversion from v" in finding.message
    assert "Conversion" in finding.remediation


def test_nothing_to_convert() -> None:
    alone = ask(thing(), Check.CONVERSION, ways=SAME, convertible=("v1",))
    assert (alone.asked, alone.not_applicable, alone.findings) == (("conversion",), (), ())
    assert ask(thing(), Check.CONVERSION).not_applicable == ()
    foreign = ask(thing(), Check.CONVERSION, facts=TWO)
    assert [check for check, _ in foreign.not_applicable] == ["conversion"]
    assert foreign.asked == ()


def test_defect_is_an_error() -> None:
    class Broken:
        convert: Callable[..., JsonObject]

        def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:  # type: ignore[no-redef]
            raise KeyError("hunter2")

    outcome = judge(thing(), Broken())
    assert found(outcome) == [("", "error", "")]
    assert "hunter2" not in single(outcome).message
    assert "KeyError in test_conversion.py" in single(outcome).message
