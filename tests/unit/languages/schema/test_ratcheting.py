"""What an update is forgiven: what was wrong before in the parts that it leaves alone."""

import pytest

from auditor.json import JsonObject
from auditor.languages.schema.structural import StructuralSchema

SMALL = {"type": "integer", "maximum": 5}
ITEM = {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "n": SMALL}}
LIST: JsonObject = {"type": "array", "items": ITEM}
LIST_MAP: JsonObject = {**LIST, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
SCHEMA = StructuralSchema.compile(
    {
        "type": "object",
        "properties": {
            "a": SMALL,
            "list": LIST,
            "map": LIST_MAP,
            "values": {"type": "object", "additionalProperties": SMALL},
            "group": {"type": "object", "required": ["x"], "properties": {"x": SMALL, "y": SMALL}},
            "open": {"type": "object", "minProperties": 2, "x-kubernetes-preserve-unknown-fields": True},
            "any": {"type": "integer", "anyOf": [{"maximum": 1}, {"maximum": 2}]},
        },
    }
)


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        ({"a": 9}, {"a": 9}, []),
        ({"a": 9}, {"a": 8}, ["a"]),
        ({"a": 9}, {"a": 9.0}, ["a"]),  # another number, to the server
        ({"values": {"x": 9}}, {"values": {"x": 9, "y": 9}}, ["values.y"]),
        ({"group": {"y": 9}}, {"group": {"y": 9}}, []),
        ({"group": {"y": 9}}, {"group": {"y": 1}}, ["group.x"]),
        ({"list": [{"k": "a", "n": 9}]}, {"list": [{"k": "a", "n": 9}]}, []),
        ({"list": [{"k": "a", "n": 9}]}, {"list": [{"k": "a", "n": 9}, {"k": "b"}]}, ["list[0].n"]),
        ({"map": [{"k": "a", "n": 9}]}, {"map": [{"k": "b"}, {"k": "a", "n": 9}]}, []),
        ({"map": [{"k": "a", "n": 9}]}, {"map": [{"k": "b", "n": 9}]}, ["map[0].n"]),
        ({"open": {"x": 1}}, {"open": {"x": 1}}, ["open"]),  # the server cannot compare what the schema does not know
        ({"any": 9}, {"any": 9}, []),
        ({"any": 9}, {"any": 8}, ["<nil>", "any"]),
    ],
)
def test_updates(old: JsonObject, new: JsonObject, fields: list[str]) -> None:
    assert [v.field for v in SCHEMA.validate(new, old)] == fields


def test_what_the_version_of_the_object_decides_is_not_forgiven() -> None:
    """The server has both objects in one version, and sees no change of it."""
    small = {"type": "string", "maxLength": 1}
    inner = {"type": "object", "properties": {"kind": small}}
    schema = StructuralSchema.compile({"type": "object", "properties": {"kind": small, "inner": inner}})
    obj = {"kind": "Thing", "metadata": {"name": "a"}, "inner": {"kind": "Thing"}}
    assert [v.field for v in schema.validate(obj, obj)] == ["kind"]
