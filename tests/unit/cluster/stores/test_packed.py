"""The store against a dictionary, and what is hard to pack."""

import gc
import logging
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.access import dig, key_of
from auditor.cluster.listwatch import Store, Version, make_version, version_of
from auditor.cluster.stores import DIGESTS, IDENTITY, WHOLE, Keep, Packed, content_of
from auditor.errors import ClusterError
from auditor.json import JsonObject

FIELDS = Keep(fields=frozenset({("spec", "a", "b"), ("metadata", "labels")}))
KEEPS = [IDENTITY, DIGESTS, FIELDS, WHOLE, WHOLE | DIGESTS, Keep(whole=True, managed_fields=True)]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)
versions = st.one_of(
    st.builds(lambda uid, number: make_version(uid=str(uid), resource_version=str(number)), st.uuids(), st.integers(0)),
    st.builds(lambda uid, number: make_version(uid=uid, resource_version=number), st.text(), st.text()),
)


@st.composite
def objects(draw: st.DrawFn) -> JsonObject:
    metadata: JsonObject = {"name": draw(st.sampled_from(["x", "y", "z"]))}
    if draw(st.booleans()):
        metadata |= {"namespace": "here", "managedFields": [{"manager": "kubectl"}], "labels": {"a": draw(st.text())}}
    return {"metadata": metadata, "spec": draw(values)}


@given(st.sampled_from(KEEPS), st.lists(st.tuples(objects(), versions, st.booleans())))
def test_as_a_dictionary(keep: Keep, steps: list[tuple[JsonObject, Version, bool]]) -> None:
    store, model = Packed(keep), dict[str, tuple[Version, JsonObject]]()
    for obj, version, put in steps:
        if put:
            store.put(key_of(obj), version, obj)
            model[key_of(obj)] = (version, obj)
        else:
            store.remove(key_of(obj))
            model.pop(key_of(obj), None)
    assert sorted(store.keys()) == sorted(model)
    assert len(store) == len(model)
    for key, (version, obj) in model.items():
        entry = store.entry(key)
        assert entry is not None
        assert store.version(key) == entry.version == version
        assert (entry.digest(content_of) is not None) == bool(keep.digests)
        found = store.get(key)
        if keep.whole:
            fields = obj["metadata"].get("managedFields") if keep.managed_fields else None
            assert dig(found, "metadata", "managedFields") == fields
            assert found is not None
            assert {**obj["metadata"], "managedFields": 0} == {**found["metadata"], "managedFields": 0} or not fields
            assert found["spec"] == obj["spec"]
        elif keep.fields:
            for path in keep.fields:
                assert dig(found, *path) == dig(obj, *path)
            assert set(found or {}) <= {"spec", "metadata"}
            assert set(dig(found, "metadata", default={})) <= {"labels"}
        else:
            assert found is None


@given(objects(), objects(), versions)
def test_a_digest_tells_contents_apart(one: JsonObject, other: JsonObject, version: Version) -> None:
    digests = []
    for obj in (one, other):
        store = Packed(WHOLE | DIGESTS)
        store.put("x", version, obj)
        entry = store.entry("x")
        assert entry is not None
        digests.append(entry.digest(content_of))
    assert (digests[0] == digests[1]) == (content_of(one) == content_of(other))


UID = "0b6c8a4e-5f1e-4a8e-9a44-0d2f4b2f9f10"


@pytest.mark.parametrize(
    ("version", "size"),
    [
        (f"184467 {UID}", 25),
        (f"9999999999999999999 {UID}", 25),
        *((text, 5 + len(text.encode())) for text in ("", " ", "0 u", f" {UID}", f"0 {UID}", f"01 {UID}")),
        *((text, 5 + len(text.encode())) for text in (f"10000000000000000000 {UID}", f"7 {UID.upper()}", "v1.é u")),
        *((text, 5 + len(text.encode())) for text in (f"\u0663 {UID}", f"7 {UID} ", f"7  {UID}", f"7 {UID}\n", "7")),
    ],
)
def test_usual_versions_are_small_and_all_come_back(version: str, size: int) -> None:
    store = Packed()
    store.put("x", Version(version), {"metadata": {}})
    entry = store.entry("x")
    assert entry is not None
    assert (entry.version, len(entry.packed)) == (version, size)


def test_what_is_read_belongs_to_the_reader() -> None:
    store, obj = Packed(WHOLE), make(1)
    store.put("x", version_of(obj), obj)
    found = store.get("x")
    assert found is not None
    found["spec"]["replicas"] = 99
    assert store.get("x") == obj


def test_what_is_not_there() -> None:
    store = Packed(WHOLE | DIGESTS)
    store.remove("x")
    assert (store.version("x"), store.entry("x"), store.get("x"), list(store.keys())) == (None, None, None, [])


@given(st.sampled_from(KEEPS), st.sampled_from(KEEPS), st.lists(st.tuples(objects(), versions), max_size=3))
def test_narrowed_is_as_if_no_more_had_been_kept(wide: Keep, keep: Keep, put: list[tuple[JsonObject, Version]]) -> None:
    both = wide | keep
    store, expected = Packed(both), Packed(keep)
    for obj, version in put:
        store.put(key_of(obj), version, obj)
        expected.put(key_of(obj), version, obj)
    narrowed = store.narrowed(keep)
    assert [(key, narrowed.entry(key)) for key in narrowed.keys()] == [  # noqa: SIM118 - no dictionary
        (key, expected.entry(key))
        for key in expected.keys()  # noqa: SIM118 - no dictionary
    ]


def test_a_field_of_null_is_kept_and_one_inside_of_it_is_not_made_up() -> None:
    store = Packed(Keep(fields=frozenset({("spec", "a"), ("status", "b", "c")})))
    store.put("x", Version(""), {"metadata": {}, "spec": {"a": None, "b": 1}, "status": {"b": "text"}})
    assert store.get("x") == {"spec": {"a": None}, "status": {}}


def nested(depth: int) -> JsonObject:
    inner: JsonObject = {}
    for _ in range(depth):
        inner = {"a": inner}
    return {"metadata": {"name": "x"}, "spec": inner}


def test_deeper_than_orjson_writes() -> None:
    store = Packed(WHOLE | DIGESTS)
    for depth in (250, 300):
        store.put(f"{depth}", Version(""), nested(depth))
        assert store.get(f"{depth}") == nested(depth)


def test_too_deep_for_any_encoder_is_an_error_for_who_reads_it(caplog: pytest.LogCaptureFixture) -> None:
    store = Packed(WHOLE | DIGESTS)
    with caplog.at_level(logging.CRITICAL):
        store.put("x", Version("1 u"), nested(20_000))
    assert store.version("x") == "1 u"
    entry = store.entry("x")
    assert entry is not None
    assert entry.digest(content_of) is None
    for each in (store, store.narrowed(FIELDS)):
        assert each.version("x") == "1 u"
        with pytest.raises(ClusterError, match="too deeply"):
            each.get("x")


def test_a_digest_that_fails_is_unknown(caplog: pytest.LogCaptureFixture) -> None:
    def fail(obj: JsonObject) -> bytes:
        raise KeyError("spec")

    store = Packed(Keep(digests=(fail, content_of)))
    store.put("x", Version(""), make(1))
    entry = store.entry("x")
    assert entry is not None
    assert entry.digest(fail) is None
    assert entry.digest(content_of) is not None
    assert "every change of it counts as one" in caplog.text


def make(number: int) -> JsonObject:
    uid = f"0b6c8a4e-5f1e-4a8e-9a44-{number:012x}"
    metadata = {"name": f"orders-database-{number:06}", "namespace": f"team-{number % 100}", "uid": uid}
    return {"metadata": {**metadata, "resourceVersion": f"{1_000_000 + number}"}, "spec": {"replicas": 3}}


def test_digests_of_100_000_objects_are_under_50_mb() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        store = Packed(DIGESTS)
        for number in range(10_000):
            obj = make(number)
            store.put(key_of(obj), version_of(obj), obj)
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used * 10 < 25_000_000  # half of the budget: the process needs room, too


def test_it_fits_a_list_watch() -> None:
    store: Store = Packed()
    assert len(store) == 0
