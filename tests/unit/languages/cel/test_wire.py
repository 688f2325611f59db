"""Trees survive the way through the library's format; edits know where everything came from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.languages.cel import environment, wire
from auditor.languages.cel.build import Builder, renumber
from auditor.languages.cel.edits import Edit, EditedText, line_and_column, offset_of
from auditor.languages.cel.types import DYN, INT, STRING, TIMESTAMP, list_of, map_of, optional_of


@pytest.mark.parametrize(
    "source",
    [
        "null",
        "true",
        "-9223372036854775808",
        "18446744073709551615u",
        "1.5e300",
        "-0.0",
        "'ä😀\\u0000'",
        "b'\\xff'",
        "a.b[c]",
        "has(a.b)",
        "[1, ?a, 2]",
        "{'a': 1, ?'b': c}",
        "T{a: 1, ?b: c}",
        "a.all(x, x > 0)",
        "a.exists(i, v, i == v)",
        "a.?b.orValue(1)",
        "f(1, 'a').g(2)",
        "true ? 1 : 2",
    ],
)
def test_a_tree_is_read_and_written_without_loss(source: str) -> None:
    tree = wire.decode(environment.parser().compile(source, disable_check=True).serialize())
    again = wire.decode(wire.encode(tree.root, {7: b"\n\x01x"}))
    assert again.root == tree.root
    assert again.references == {7: b"\n\x01x"}


def test_types_are_read() -> None:
    names = {"x": list_of(optional_of(INT)), "y": map_of(STRING, TIMESTAMP), "z": DYN}
    for name, type_ in names.items():
        tree = wire.decode(environment.checker(names).compile(name).serialize())
        assert wire.read_type(tree.types[tree.root.id]) == type_


def test_copies_have_ids_of_their_own() -> None:
    tree = wire.decode(environment.parser().compile("a.all(x, x.b == [1, {'c': x}])", disable_check=True).serialize())
    builder = Builder()
    first, second = (renumber(tree.root, builder, {}, {}) for _ in range(2))
    ids = [line for copy in (first, second) for line in repr(copy).split("id=")[1:]]
    numbers = [int("".join(c for c in text[:6] if c.isdigit())) for text in ids]
    assert len(numbers) == len(set(numbers))


@given(st.text("ab\n", max_size=30), st.data())
def test_lines_and_columns_are_the_inverse_of_offsets(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    assert offset_of(text, *line_and_column(text, offset)) == offset


@given(st.text("abc", min_size=1, max_size=30), st.data())
def test_what_was_not_edited_keeps_its_origin(text: str, data: st.DataObject) -> None:
    points = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    pairs = list(zip(points[::2], points[1::2], strict=False))
    edited = EditedText(text, [Edit(start, end, data.draw(st.text("xyz", max_size=5))) for start, end in pairs])
    kept = [offset for offset in range(len(edited.text)) if edited.text[offset] in "abc"]
    origins = [edited.origin(offset) for offset in kept]
    assert [text[o] for o in origins] == [edited.text[o] for o in kept]
    assert origins == [o for o in range(len(text)) if not any(start <= o < end for start, end in pairs)]
