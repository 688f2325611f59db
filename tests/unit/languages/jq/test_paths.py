import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.languages.jq import SelectedPath, selected_paths


def shown(text: str) -> list[str]:
    return ["".join("[]" if step is None else f".{step}" for step in found.path) for found in selected_paths(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".spec.replicas % 2 == 1", [".spec.replicas"]),
        (".spec.members[] | select(.cpu > 16) | {message: .name}", [".spec.members[]"]),
        ("all(.spec.members[]; .zone != null) and .spec.x", [".spec.members[]", ".spec.x"]),
        ("any(.a; .b)", [".a"]),
        ("any(.a)", []),
        ("map(.a)", []),
        ("select(.a) | .b", [".a"]),
        (".a, .b | .c", [".a", ".b"]),
        ("(.a | .b), .c", [".a", ".c"]),
        (".a as $x | .b", [".a", ".b"]),
        (".a as {b: $x, c: [$y]} | .d | .e", [".a", ".d"]),
        ("reduce .a[] as $x (0; . + .b) | .c", [".a[]"]),
        ("$request.a, $old.b.c", []),
        ("length.a", []),
        (".a.b[0].c[1:2].d", [".a.b[].c"]),
        ('.a["b-c"].d', [".a.b-c.d"]),
        ('."a".b', [".a.b"]),
        ('.["a"]."b"?.c', [".a.b.c"]),
        ('.a["x\\(.b)"]', [".a", ".b"]),
        ('"\\(.a)" | "\\(.b)"', [".a"]),
        ('".a | .b"', []),
        ("if .a | .b then .c else .d end | .e", [".a", ".c", ".d"]),
        ("try .a catch .b", [".a"]),
        ("def f: .x; .a | f", [".a"]),
        ("def select(f): 1 | f; select(.a), .b", [".b"]),
        ("def f(g; $h): def i: .x; i | .y; .a", [".a"]),
        ("{a: .b, c: (.d | .e), f: .g}", [".b", ".d", ".g"]),
        ("{metadata}", []),
        ('.spec.storage.class //= "standard"', [".spec.storage.class"]),
        (".a |= .b", [".a"]),
        (".a = .b", [".a", ".b"]),
        (".a // .b", [".a", ".b"]),
        ("-.a", [".a"]),
        (".. | .a", []),
        ("..", []),
        (".", []),
        (".[]", []),
        (".a.[0].b", [".a[].b"]),
        ("label $out | .a | .b", [".a"]),
    ],
)
def test_only_what_surely_starts_at_the_object_counts(text: str, expected: list[str]) -> None:
    assert shown(text) == expected


def test_each_path_has_its_place() -> None:
    assert selected_paths("true and\n  .spec.x") == [SelectedPath(("spec", "x"), 2, 3)]


@given(
    st.lists(
        st.sampled_from(
            [
                ".a",
                ".",
                "|",
                "(",
                ")",
                "[",
                "]",
                "{",
                "}",
                '"',
                "\\(",
                ";",
                "if",
                "end",
                "def",
                "as",
                "$x",
                " ",
                ",",
                "?",
                "1",
            ]
        )
    )
)
def test_no_text_makes_it_fail(words: list[str]) -> None:
    text = "".join(words)
    for found in selected_paths(text):
        assert text.split("\n")[found.line - 1][found.column - 1] == "."
