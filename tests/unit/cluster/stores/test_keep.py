"""What users need, and what is enough for several of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.stores import DIGESTS, IDENTITY, WHOLE, Keep, Path, content_of
from auditor.json import JsonObject


def labels_of(obj: JsonObject) -> bytes:
    return repr(sorted(obj["metadata"].get("labels", {}).items())).encode()


paths: st.SearchStrategy[Path] = st.lists(
    st.sampled_from(["metadata", "managedFields", "spec", "a", "b"]), min_size=1, max_size=3
).map(tuple)
keeps = st.builds(
    lambda digests, fields, whole, managed: Keep(tuple(digests), fields, whole, whole and managed),
    st.lists(st.sampled_from([content_of, labels_of]), unique=True),
    st.frozensets(paths, max_size=4),
    st.booleans(),
    st.booleans(),
)


@given(keeps, keeps, paths)
def test_both_are_enough_for_each(a: Keep, b: Keep, path: Path) -> None:
    both = a | b
    assert both.covers(a)
    assert both.covers(b)
    assert set(both.digests) == {*a.digests, *b.digests}
    if a.has(path) or b.has(path):
        assert both.has(path)


@given(keeps, keeps)
def test_what_covers_needs_no_more(a: Keep, b: Keep) -> None:
    assert a.covers(a)
    assert a.covers(IDENTITY)
    if a.covers(b):
        assert (a | b) == (a | IDENTITY)
    else:
        assert (a | b) != a


def test_poorer_ones_do_not_cover_richer_ones() -> None:
    assert not IDENTITY.covers(DIGESTS)
    assert not DIGESTS.covers(WHOLE)
    assert not WHOLE.covers(DIGESTS)  # whose function might look at managedFields
    assert not WHOLE.covers(Keep(whole=True, managed_fields=True))
    assert WHOLE.covers(Keep(fields=frozenset({("spec", "a")})))
    for path in (("metadata",), ("metadata", "managedFields"), ("metadata", "managedFields", "x")):
        assert not WHOLE.covers(Keep(fields=frozenset({path})))
        assert (WHOLE | Keep(fields=frozenset({path}))).has(path)


def test_a_field_in_another_is_no_field_of_its_own() -> None:
    both = Keep(fields=frozenset({("spec",)})) | Keep(fields=frozenset({("spec", "a"), ("status", "b")}))
    assert both.fields == {("spec",), ("status", "b")}


def test_it_says_in_words_what_is_kept() -> None:
    assert [str(IDENTITY), str(DIGESTS), str(WHOLE | DIGESTS)] == ["identity", "digests", "digests and whole objects"]
    assert str(Keep(fields=frozenset({("spec",)}))) == "fields"


def test_mistakes_are_refused() -> None:
    with pytest.raises(ValueError, match="whole=True"):
        Keep(fields=frozenset({()}))
    with pytest.raises(ValueError, match="choose the field"):
        Keep(managed_fields=True)


def test_the_bookkeeping_of_the_server_is_no_content() -> None:
    old = {"metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "generation": 1}, "spec": {"a": 1, "b": 2}}
    beat = {
        "spec": {"b": 2, "a": 1},
        "metadata": {"uid": "u", "name": "a", "resourceVersion": "2", "generation": 2, "managedFields": [{}]},
    }
    assert content_of(old) == content_of(beat)
    parts: list[JsonObject] = [{"spec": {"a": 1}}, {"metadata": {"name": "a", "uid": "v"}}, {"status": {}}]
    for part in parts:
        assert content_of({**old, **part}) != content_of(old)


def test_a_text_is_no_path() -> None:
    """Its letters would be taken for names, and nothing be kept."""
    with pytest.raises(ValueError, match="a tuple of names"):
        Keep(fields=frozenset({"spec"}))  # type: ignore[arg-type]
