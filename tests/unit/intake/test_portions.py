"""In pieces a file is read as it is in one."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.intake import portions
from auditor.intake.files import Source, find_sources
from auditor.intake.load import Item, read_items
from auditor.intake.portions import cut, gather, group
from auditor.json import Json

PIECES = st.sampled_from(
    [
        "---\n",
        "--- # a comment\n",
        "--- text: 1\n",
        "---\r\n",
        "apiVersion: v1\nkind: A\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: B\nmetadata: {name: b}\ndata: |\n  one\n  --- two\n",
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: C, metadata: {name: c}}\n- {kind: D}\n",
        "# nothing\n\n",
        "a: [broken\n",
        '{"apiVersion": "v1", "kind": "E", "metadata": {"name": "e"}}\n',
        "\ufeff",
    ]
)


def whole(path: Path) -> tuple[list[tuple[Json, int, int]], list[str]]:
    unreadable: list[InputError] = []
    items = [(each.thing, each.line, each.line_of("/metadata/name")) for each in read_items([str(path)], unreadable)]
    return items, [str(each) for each in unreadable]


@given(st.lists(PIECES, max_size=12), st.integers(1, 120))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_are_the_whole(tmp_path: Path, pieces: list[str], size: int) -> None:
    path = tmp_path / "o.yaml"
    path.write_bytes("".join(pieces).encode())
    unreadable: list[InputError] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portions, "SIZE", size)
        for held in (0, 1 << 20):
            patch.setattr(portions, "HELD", held)
            unreadable.clear()
            parts = list(cut(find_sources([str(path)]), unreadable))
            items = [item for part in parts for item in part.items(unreadable)]
            assert [each for one in group(parts) for each in one] == parts
            read = [(each.thing, each.line, each.line_of("/metadata/name")) for each in items]
            assert (read, [str(each) for each in unreadable]) == whole(path)


def test_what_is_gone_when_it_is_its_turn_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "HELD", 0)
    path = tmp_path / "o.yaml"
    path.write_text("apiVersion: v1\nkind: A\nmetadata: {name: a}\n")
    unreadable: list[InputError] = []
    (part,) = cut([Source(str(path), str(path))], unreadable)
    path.unlink()
    assert list(part.items(unreadable)) == []
    assert [str(each) for each in unreadable] == [f"{path}: cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    "kind", ["Namespace", '"Namesp\\u0061ce"', '"Names\\x70ace"', '"Name\\\n  space"', "[Namespace][0]"]
)
def test_what_is_sought_is_found_however_it_is_written(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "o.yaml"
    path.write_text(
        f"apiVersion: v1\nkind: A\nmetadata: {{name: a}}\n---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: b}}\n"
    )
    parts = list(cut(find_sources([str(path)]), []))
    expected = [each for each in read_items([str(path)], []) if each.kind == "Namespace"]
    assert list(gather(parts, ["namespace"], lambda item: item.kind == "Namespace")) == expected
    assert len(expected) == (kind != "[Namespace][0]")


def test_what_has_none_of_the_words_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "o.yaml"
    path.write_text("apiVersion: v1\nkind: A\nmetadata: {name: a}\n")
    asked: list[str] = []

    def wants(item: Item) -> bool:
        asked.append(item.kind)
        return True

    assert list(gather(cut(find_sources([str(path)]), []), ["Namespace"], wants)) == []
    assert asked == []
