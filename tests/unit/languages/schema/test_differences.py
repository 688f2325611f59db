"""The list of differences is what the tests pin, no more and no less."""

import re
from pathlib import Path

from auditor.languages.schema import DIFFERENCES, StructuralSchema

PINS = Path(__file__).parents[3] / "cluster" / "schema" / "test_differences.py"
FURTHER = {
    "what-is-not-structural-to-us-is-not-to-the-server",
    "unreadable-values-that-the-server-does-not-mind",
}


def test_each_difference_is_pinned() -> None:
    pinned = {name.replace("_", "-") for name in re.findall(r"^def test_(\w+)", PINS.read_text(), re.MULTILINE)}
    assert {d.name for d in DIFFERENCES} - {"order"} == pinned - FURTHER


def test_each_difference_says_what_and_why() -> None:
    assert len({d.name for d in DIFFERENCES}) == len(DIFFERENCES)
    assert all(d.what.endswith(".") and d.why.endswith(".") for d in DIFFERENCES)


def test_order() -> None:
    """Ours is that of the object, always."""
    fields = {name: {"type": "integer"} for name in "abcdefgh"}
    schema = StructuralSchema.compile({"type": "object", "properties": fields})
    assert [v.field for v in schema.validate(dict.fromkeys("hgfedcba", "x"))] == list("hgfedcba")
