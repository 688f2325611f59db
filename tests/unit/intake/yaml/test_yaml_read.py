"""Files with several documents, broken ones among them, and what is said of each mistake."""

import pytest

from auditor.errors import InputError
from auditor.intake.yaml import Document, DocumentError, Position, read_documents
from auditor.json import Json

DEEP = 251


def read_one(text: str | bytes) -> Json:
    (item,) = read_documents(text)
    assert isinstance(item, Document), item
    return item.value


def fail_one(text: str | bytes) -> DocumentError:
    (item,) = read_documents(text, file="a.yaml")
    assert isinstance(item, DocumentError), item
    return item


def test_one_broken_document_leaves_the_others() -> None:
    read = read_documents("a: 1\n---\nb: [\n---\nc: 3\n--- x\nd: 4\n---\ne: 5\n", file="a.yaml")
    assert [item.value if isinstance(item, Document) else item.line for item in read] == [
        {"a": 1},
        4,
        {"c": 3},
        6,
        {"e": 5},
    ]


def test_bytes_that_are_no_text_spoil_their_document_only() -> None:
    read = read_documents(b"a: 1\n---\nb: \xff\n---\nc: 3\n", file="a.yaml")
    assert [isinstance(item, Document) for item in read] == [True, False, True]
    assert str(read[1]) == "a.yaml:3:4: not UTF-8 (save the file as UTF-8)"


def test_the_end_of_an_empty_document() -> None:
    """As `kubectl create --dry-run=client` takes it."""
    read = read_documents("---\n# nothing\n...\n---\n\n...\n# c\n---\na: 1\n...\n")
    assert [(item.value, item.line) for item in read if isinstance(item, Document)] == [({"a": 1}, 9)]
    assert len(read) == 1


def test_lines_count_from_the_file() -> None:
    read = read_documents("# c\na: 1\n---\n\n# c\nb:\n  c: 2\n")
    assert [item.line for item in read] == [2, 6]
    assert isinstance(read[1], Document)
    assert read[1].positions.of("/b/c") == Position(7, 3)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, 'key "a" stands twice in this mapping, first in line 1'),
        ("x:\n- a: 1\n  'a': 2\n", 3, 3, 'key "a" stands twice in this mapping, first in line 2'),
        ("1: a\n'1': b\n", 2, 1, 'key "1" stands twice'),
        ("{a: 1, a: 2}\n", 1, 8, 'key "a" stands twice'),
        ('{"a": {"b": 1,\n "b": 2}}', 2, 2, 'key "b" stands twice in this mapping, first in line 1'),
        ("a:\n\tb: 1\n", 2, 1, "a tab in the indentation"),
        ("a: 1\n  b: 2\n", 2, 4, "a colon where no key can stand"),
        ("a: 'x\n", 2, 1, "a quote that is never closed"),
        ("a: {b: 1\n", 2, 1, "a bracket that is never closed"),
        ("a: *x\n", 1, 4, "no anchor &x"),
        ("a: &x [*x]\n", 1, 8, "contains itself"),
        ("a: .nan\n", 1, 4, "is not a JSON number"),
        ("a: !!int x\n", 1, 4, "cannot read `x` as !!int"),
        ("~: x\n", 1, 1, "null cannot be a key"),
        ("a:\n  b: {{ .Values.x }}-y\n", 2, 6, "a template, which is no YAML yet"),
        ("a: 1\n{{- if .Values.x }}\nb: 1\n{{- end }}\n", 2, 1, "a template, which is no YAML yet"),
        ("a: '{{ .Values.x }}'\nb: 1\n  c: 2\n", 3, 4, "a colon where no key can stand"),
        ("a: \0\n", 1, 4, "control character U+0000"),
        ("a: 1\n...\nb: 2\n", 3, 1, "content behind a complete value"),
        ("a: " + "[" * DEEP + "]" * DEEP, 1, 253, "nested deeper than 250"),
        ("a: 1\n--- b: 2\n", 0, 0, ""),
    ],
)
def test_says_what_is_wrong_and_where(text: str, line: int, column: int, said: str) -> None:
    if not said:
        failed = read_documents(text)[1]
        assert isinstance(failed, DocumentError)
        assert (failed.line, failed.what) == (2, "text behind ---")
        return
    error = fail_one(text)
    assert isinstance(error, InputError)
    assert (error.line, error.column) == (line, column), str(error)
    assert said in error.what


def test_utf16_and_deep_json_are_refused() -> None:
    assert fail_one("a: 1".encode("utf-16")).what == "UTF-16"
    assert "nested" in fail_one('{"a":' * 300 + "1" + "}" * 300).what
    assert fail_one('{"a":' * 99_999).what
    assert "out of range" in fail_one('{"a": 1e999}').what
    assert fail_one(b'{"a": "\xff"}').what == "not UTF-8"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{' ' * depth}a:\n" for depth in range(300)),
        "- " * 300 + "x",
        "".join(f"{' ' * depth}a:\n" for depth in range(150)) + " " * 150 + "a: " + "[" * 150 + "]" * 150,
        "a: &a " + "[" * 200 + "]" * 200 + "\nb: " + "[" * 200 + "*a" + "]" * 200,
    ],
)
def test_no_way_leads_too_deep(text: str) -> None:
    assert "nested deeper than 250 levels" in fail_one(text).what


def test_alias_bomb_is_refused_and_modest_aliases_are_not() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    assert "too large" in fail_one(bomb).what
    assert len(read_one("a: &a {x: 1}\nb: [" + "*a, " * 200 + "]\n")["b"]) == 200


def test_json_stream_goes_on_after_a_duplicate() -> None:
    read = read_documents('{"a":1,"a":2}\n{"b":1}\n{"c":1}\n', file="a.json")
    assert [item.value if isinstance(item, Document) else item.line for item in read] == [1, {"b": 1}, {"c": 1}]


def test_numbers_of_json_stay_as_written() -> None:
    value = read_one('{"a": 1.0, "b": 1, "c": 9223372036854775808, "d": 1e2}')
    assert [type(value[key]) for key in "abcd"] == [float, int, float, float]


@pytest.mark.parametrize(
    ("text", "pointer", "line", "column"),
    [
        ("a:\n  b:\n  - c: 1\n    d: 2\n", "/a/b/0/d", 4, 5),
        ("a:\n  b:\n  - c: 1\n    d: 2\n", "/a/b/0", 3, 5),
        ("a:\n  b: 1\n", "/a/x/y", 1, 1),
        ("a/b: {~x: 1}\n", "/a~1b/~0x", 1, 7),
        ("yes: 1\n", "/true", 1, 1),
        ('{"a": [1,\n {"b/c": "}"}]}', "/a/1/b~1c", 2, 3),
        ('{"a": 1} {"a": 2,\n"b": 3}', "/b", 2, 1),
    ],
)
def test_positions(text: str, pointer: str, line: int, column: int) -> None:
    last = read_documents(text)[-1]
    assert isinstance(last, Document)
    assert last.positions.of(pointer) == Position(line, column)
