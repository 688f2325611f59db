"""What managedFields say: who owns a field, a part of it, or the whole of which it is a part."""

import pytest

from auditor.checks.writers import find_owners, read_writers
from auditor.json import JsonObject
from tests.unit.checks.making import at, thing, wrote

SPEC = {
    "size": 3,
    "limits": {"cpu": 1, "a/b": 2},
    "ports": [{"name": "web", "port": 80}, {"name": "db", "port": 5432}],
    "tags": ["red", "blue"],
    "args": ["x", "y"],
    "maps": [{"a": 1, "b": True}, {"a": 1, "b": False}],
}


def owns(entry: JsonObject, *path: str) -> bool:
    made = thing(SPEC, entry)
    return bool(find_owners(read_writers(made), path, made))


@pytest.mark.parametrize(
    ("entry", "path", "yes"),
    [
        ("spec.size", "spec/size", True),
        ("spec.size", "spec", True),  # a part
        ("spec", "spec/size", True),  # the whole
        ("spec.size", "spec/limits", False),
        ("spec.size", "spec/size/below", True),
        ("spec.limits.cpu", "spec/limits/memory", False),
        ('spec.ports.k:{"name":"db"}.port', "spec/ports/1/port", True),
        ('spec.ports.k:{"name":"db"}.port', "spec/ports/0/port", False),
        ('spec.ports.k:{"name":"db"}.port', "spec/ports", True),
        ('spec.ports.k:{"name":"db"}.port', "spec/ports/7/port", False),
        ('spec.ports.k:{"name":"gone"}.port', "spec/ports/0", False),
        ('spec.tags.v:"blue"', "spec/tags/1", True),
        ('spec.tags.v:"blue"', "spec/tags/0", False),
        ("spec.args.i:1", "spec/args/1", True),
        ("spec.args.i:1", "spec/args/0", False),
        ("spec.args", "spec/args/0", True),  # of an atomic list
        ('spec.maps.k:{"a":1,"b":true}', "spec/maps/0/c", True),
        ('spec.maps.k:{"a":1,"b":true}', "spec/maps/1/c", False),
        ('spec.maps.k:{"a":true,"b":true}', "spec/maps/0/c", False),  # in Python 1 == True
        ("status.x", "", True),
    ],
)
def test_owner_of_a_path(entry: str, path: str, yes: bool) -> None:
    assert owns(wrote("who", 1, entry), *path.split("/")[: None if path else 0]) is yes


def test_key_with_a_slash() -> None:
    entry = wrote("who", 1)
    entry["fieldsV1"] = {"f:spec": {"f:limits": {"f:a/b": {}}}}
    assert owns(entry, "spec", "limits", "a/b")
    assert not owns(entry, "spec", "limits", "a")


def test_leaves_with_items_by_their_index() -> None:
    entry = wrote("who", 1)
    entry["fieldsV1"] = {
        "f:spec": {
            ".": {},
            "f:size": {},
            "f:limits": {".": {}},
            "f:ports": {'k:{"name":"db"}': {".": {}, "f:port": {}}, 'k:{"name":"gone"}': {"f:port": {}}},
            "f:tags": {'v:"blue"': {}},
        }
    }
    made = thing(SPEC, entry)
    (writer,) = read_writers(made)
    assert list(writer.leaves(made)) == [
        ("spec", "size"),
        ("spec", "limits"),
        ("spec", "ports", "1", "port"),
        ("spec", "ports", 'k:{"name":"gone"}', "port"),
        ("spec", "tags", 'v:"blue"'),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"manager": None, "time": "yesterday", "fieldsV1": None},
        {"time": "2026-06-01T09:00:00", "fieldsV1": []},  # without a zone
        {"fieldsV1": {"f:spec": {}}},
    ],
    ids=str,
)
def test_what_is_missing_is_not_known(entry: JsonObject) -> None:
    made = thing(SPEC, entry)
    (writer,) = read_writers(made)
    assert writer.time is None
    assert "not recorded" in writer.when


def test_time_and_names() -> None:
    made = thing(SPEC, wrote("kubectl", 5, "spec.size", subresource="scale"))
    (writer,) = read_writers(made)
    assert (writer.time, writer.version) == (at(5), "v1")
    assert str(writer) == "kubectl (Update through the subresource scale)"


@pytest.mark.parametrize("made", [None, {}, {"metadata": {}}, {"metadata": {"managedFields": None}}], ids=str)
def test_no_managed_fields(made: JsonObject | None) -> None:
    assert read_writers(made) == []
