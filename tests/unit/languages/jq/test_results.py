from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.languages.jq import Denial, condition, denials, pointer
from auditor.languages.outcome import Outcome


@pytest.mark.parametrize("value", [True, False])
def test_a_condition_is_one_boolean(value: bool) -> None:
    assert condition(Outcome.of([value])).value is value


@pytest.mark.parametrize(
    ("outputs", "error"),
    [
        ([], "must yield exactly one boolean, and yields nothing"),
        ([True, True], "must yield exactly one boolean, and yields 2 values"),
        ([1], "must yield true or false, and yields a number"),
        ([0], "must yield true or false, and yields a number"),
        ([None], "must yield true or false, and yields null"),
        (["true"], "must yield true or false, and yields a string"),
        ([[True]], "must yield true or false, and yields a list"),
        ([{}], "must yield true or false, and yields an object"),
    ],
)
def test_all_else_is_an_error(outputs: list[Any], error: str) -> None:
    assert condition(Outcome.of(outputs)) == Outcome.failed(error)


def test_an_error_stays_what_it_is() -> None:
    assert condition(Outcome.failed("why")) == denials(Outcome.failed("why")) == Outcome.failed("why")


def test_each_output_of_a_denial_is_one_violation_and_none_passes() -> None:
    outputs = ["plain", {"message": "with a path", "path": ".spec.members[0]"}, {"message": "without"}]
    expected = (Denial("plain"), Denial("with a path", "/spec/members/0"), Denial("without"))
    assert denials(Outcome.of(outputs)).value == expected
    assert denials(Outcome.of([])).value == ()


@pytest.mark.parametrize(
    "output",
    [
        False,
        True,
        None,
        1,
        [],
        ["a"],
        {},
        "",
        " ",
        {"message": ""},
        {"message": 1},
        {"message": None},
        {"path": "/a"},
        {"message": "a", "path": None},
        {"message": "a", "path": 1},
        {"message": "a", "paht": "/a"},
    ],
)
def test_what_is_no_violation_is_an_error_of_the_whole_rule(output: Any) -> None:
    found = denials(Outcome.of(["fine", output]))
    assert found.value is None
    assert found.error


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ""),
        (".", ""),
        ("/spec/members", "/spec/members"),
        ("/a~1b/~0", "/a~1b/~0"),
        (".spec.members[0]", "/spec/members/0"),
        (".spec.members[0][1].x", "/spec/members/0/1/x"),
        ('.metadata.labels["a/b~c"]', "/metadata/labels/a~1b~0c"),
        ('.metadata."a.b"', "/metadata/a.b"),
        ('.["spec"]', "/spec"),
        (".[0]", "/0"),
        ('."a\\"b"', '/a"b'),
        ([], ""),
        (["spec", "members", 0, "a/b"], "/spec/members/0/a~1b"),
    ],
)
def test_paths_of_all_three_forms_become_json_pointers(path: Any, expected: str) -> None:
    assert pointer(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "spec",
        ".spec.",
        "..",
        ".spec[]",
        ".spec[-1]",
        "/a~2",
        "/~",
        [None],
        [True],
        [1.5],
        [-1],
        {},
        1,
        True,
        ".a b",
        '."a',
    ],
)
def test_what_is_no_path_is_an_error(path: Any) -> None:
    assert denials(Outcome.of([{"message": "m", "path": path}])).error


@given(st.lists(st.text() | st.integers(min_value=0, max_value=10**6)))
def test_a_list_of_steps_can_be_read_back_from_its_pointer(steps: list[str | int]) -> None:
    parts = pointer(steps).split("/")[1:]
    assert [part.replace("~1", "/").replace("~0", "~") for part in parts] == [str(step) for step in steps]


@given(st.text(alphabet='./[]"\\~ab0'))
def test_no_text_is_anything_but_a_pointer_or_an_error(path: str) -> None:
    found = denials(Outcome.of([{"message": "m", "path": path}]))
    assert found.error or found.value[0].path == "" or found.value[0].path.startswith("/")
