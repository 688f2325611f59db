"""Edits of text: what is read afterwards is what was meant, and what did not change is there byte for byte."""

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor.engine.patch import same
from auditor.intake.yaml import Document, read_documents
from auditor.intake.yaml.edit import SourceText, UnfitError, find_edits
from auditor.intake.yaml.edit.emit import write_block
from auditor.intake.yaml.edit.style import Style
from auditor.intake.yaml.edit.tree import read_json_tree, read_tree
from auditor.json import Json


def edit(data: bytes, new: Json, path: tuple[str, ...] = ()) -> bytes:
    """The first document becomes `new`."""
    source = SourceText.read(data)
    piece = next(source.pieces())
    text = source.text[piece.start : piece.end]
    root = read_json_tree(text) if piece.json else read_tree(text)
    assert root is not None
    old = read(data)
    for step in path:
        old = old[int(step)] if isinstance(old, list) else old[step]
    found = find_edits(text, root, path, old, new, json=piece.json)
    return source.edited(replace(e, start=e.start + piece.start, end=e.end + piece.start) for e in found)


def read(data: bytes) -> Json:
    documents = read_documents(data)
    assert isinstance(documents[0], Document), documents[0]
    return documents[0].value


TEXTS = st.sampled_from(
    ["", "a", "yes", "1", "1.5", "null", "a b", "it's", 'say "x"', "a: b", "a #b", "- a", "tab\there", "two\nlines",
     "two\nlines\n", "\n", " lead", "trail ", "é", "\u2028", "\x7f", "😀", "{x}", "[", "*a", "&b", "!c", "%", "@", "`",
     "a,b", "x]", "~", "<<", "=", "...", "---", "0x1f", "1_000", "2020-01-01",
     "on", "\\", "#", "?", ":", "a:", "|", ">"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([1.5, 1e30, -0.25]) | TEXTS
KEYS = st.sampled_from(["a", "b", "c", "d", "y", "1", "a b", "x/y", "~", "", "é", "true", "a: b", "long" * 20])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=5)


@st.composite
def changed(draw: st.DrawFn, value: Json) -> Json:
    """Something near to it."""
    if isinstance(value, dict) and value:
        kept = {key: draw(changed(each)) for key, each in value.items() if draw(st.integers(0, 5))}
        if draw(st.integers(0, 2)) == 0:
            kept[draw(KEYS)] = draw(VALUES)
        return kept
    if isinstance(value, list) and value:
        items = [draw(changed(each)) for each in value if draw(st.integers(0, 6))]
        return [*items, draw(VALUES)] if draw(st.integers(0, 3)) == 0 else items
    return draw(VALUES) if draw(st.integers(0, 4)) == 0 else value


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Json, Json]:
    old = draw(OBJECTS)
    new = draw(changed(old))
    return old, new


@given(pairs(), st.integers(1, 4), st.integers(0, 2), st.booleans(), st.booleans())
@settings(max_examples=150)
def test_blocks(pair: tuple[Json, Json], step: int, dash: int, commented: bool, ends: bool) -> None:
    old, new = pair
    text = write_block(old, 0, Style(step=step, dash=dash))
    if commented:  # behind and above each line that is not inside of a text
        lines = text.split("\n")
        if not any(line.rstrip().endswith(("|", "|-")) for line in lines):
            text = "\n".join(f"{line}  # {i}" for i, line in enumerate(lines))
    data = (text + ("\n" if ends else "")).encode()
    assume(isinstance(read_documents(data)[0], Document))
    assert same(read(data), old)
    try:
        after = edit(data, new)
    except UnfitError:
        assert any(isinstance(each, list) for each in old.values()) or not new
        return
    assert same(read(after), new), (data.decode(), after.decode())
    if same(old, new):
        assert after == data


@given(pairs(), st.sampled_from([None, 1, 2, 4, "\t"]), st.booleans())
@settings(max_examples=80)
def test_json(pair: tuple[Json, Json], indent: int | str | None, ascii_: bool) -> None:
    old, new = pair
    data = json.dumps(old, indent=indent, ensure_ascii=ascii_).encode()
    after = edit(data, new)
    assert same(json.loads(after), new), (data.decode(), after.decode())
    if indent is not None and "{}" not in data.decode() and "[]" not in data.decode():
        assert not [line for line in after.decode().split("\n") if line != line.rstrip()]


FILE = """\
# head
metadata:
  name: 'one'   # its name
  labels: {a: b}  # flow

spec:
    # about the size
    size: 5  # five
    # about old
    old: yes  # gone
    text: |
      one

      two
    list:
    - a   # first
    # about b
    - b
    - {c: 1, d: [x]}
    none:   # nothing
# foot
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("path", "new", "old_text", "new_text"),
    [
        (("metadata", "name"), "two", "'one'", "'two'"),
        (("metadata", "name"), 3, "'one'", "3"),
        (("metadata", "labels"), {"a": "b", "c": "yes"}, "{a: b}", '{a: b, c: "yes"}'),
        (("metadata", "labels"), {}, "{a: b}", "{}"),
        (("spec", "size"), 7, "5  #", "7  #"),
        (("spec", "size"), "7", "5  #", '"7"  #'),
        (("spec", "old"), {"a": [1]}, "old: yes  # gone\n", "old:  # gone\n      a:\n      - 1\n"),
        (("spec", "text"), "three\n", "one\n\n      two", "three"),
        (("spec", "none"), "x", "none:   #", "none: x   #"),
        (("spec", "none"), {"k": "v"}, "# nothing\n", "# nothing\n      k: v\n"),
        (("spec", "list"), ["a", {"c": 1, "d": ["x"]}], "    # about b\n    - b\n", ""),
        (("spec", "list"), ["a", "b", {"c": 1, "d": ["x"]}, {"e": 1}, 2], "[x]}\n", "[x]}\n    - e: 1\n    - 2\n"),
        (("spec", "list"), ["a", "b", {"d": ["x", "z"]}], "{c: 1, d: [x]}", "{d: [x, z]}"),
        (("spec", "list"), [], "list:\n    - a   # first\n    # about b\n    - b\n    - {c: 1, d: [x]}", "list: []"),
    ],
)  # fmt: skip
def test_only_that_changes(
    path: tuple[str, ...], new: Json, old_text: str, new_text: str, newline: str, mark: str
) -> None:
    data = (mark + FILE).replace("\n", newline).encode()
    assert old_text in FILE
    expected = (mark + FILE.replace(old_text, new_text)).replace("\n", newline)
    assert edit(data, new, path).decode() == expected


def test_a_key_goes_with_its_comments_and_another_comes_last() -> None:
    new = read(FILE.encode())
    del new["spec"]["old"]
    new["metadata"]["uid"] = "u"
    expected = FILE.replace("    # about old\n    old: yes  # gone\n", "").replace("# flow\n", "# flow\n  uid: u\n")
    assert edit(FILE.encode(), new).decode() == expected


@pytest.mark.parametrize(
    ("text", "new", "why"),
    [
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 2}, "c": {"b": 1}}, "aliases *x stand"),
        ("a: &x {b: 1}\nc: *x\n", {"c": {"b": 1}}, "aliases *x stand"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n", {"a": {"b": 1}, "c": {"d": 1}}, "comes from a merge"),
        ("? a\n: 1\nb: 2\n", {"b": 2}, "another way"),
    ],
)
def test_what_cannot_be_kept_is_refused(text: str, new: Json, why: str) -> None:
    with pytest.raises(UnfitError, match=why.replace("*", r"\*")):
        edit(text.encode(), new)


@pytest.mark.parametrize(
    ("text", "new", "expected"),
    [
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 2}}, "a: &x {b: 1}\nc:\n  b: 2\n"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n",
            {"a": {"b": 1}, "c": {"b": 2, "d": 1}},
            "a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n  b: 2\n",
        ),
    ],
)
def test_aliases_and_merges_are_overridden(text: str, new: Json, expected: str) -> None:
    assert edit(text.encode(), new).decode() == expected
    assert same(read(expected.encode()), new)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: |\n  one\n  two\nb: 1\n", "a:\n  k: v\nb: 1\n"),
        ("a: |+\n  one\n\nb: 1\n", "a:\n  k: v\nb: 1\n"),
        ("a: 'one\n  two'  # c\nb: 1\n", "a:  # c\n  k: v\nb: 1\n"),
        ("a:\n  one\nb: 1\n", "a:\n  k: v\nb: 1\n"),
        ("a: &x\nb: 1\n", "a:\n  k: v\nb: 1\n"),
    ],
)
def test_a_text_becomes_a_mapping(text: str, expected: str) -> None:
    assert edit(text.encode(), {"a": {"k": "v"}, "b": 1}).decode() == expected
