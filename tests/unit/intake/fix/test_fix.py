"""Files that are fixed: what is read afterwards is what the engine makes of them, once and for all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.patch import same
from auditor.errors import InputError
from auditor.intake.explain.ground import Ground
from auditor.intake.fix.aim import aim
from auditor.intake.fix.fix import Fixed, fix
from auditor.intake.fix.store import store
from auditor.intake.load import read_items
from auditor.intake.prepare import Prepared, prepare
from auditor.intake.requests import ask
from auditor.intake.yaml.edit.emit import write_block
from auditor.intake.yaml.edit.style import Style
from auditor.json import Json

TIME = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = """\
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: fixer}
spec:
  match:
    resourceRules: [{apiGroups: [example.com], apiVersions: ["*"], resources: [gadgets], operations: [CREATE]}]
  mutate:
  - name: much
    jq: |
      .spec |= (del(.b) | .c = "fixed" | .e |= (if type == "object" then . else {} end | .f = {g: ["h", "i: j"]})
        | if (.d | type) == "array" then .d |= map(if type == "string" then "s" else . end) else . end)
  - {name: label, mergePatch: {metadata: {labels: {managed: "yes"}}}}
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    policy = tmp_path_factory.mktemp("policies") / "policy.yaml"
    policy.write_text(POLICY)
    return prepare([str(policy)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects") / "object.yaml"


TEXTS = st.sampled_from(["", "x", "yes", "1", "a: b", "two\nlines\n", "#", "s", "fixed", "it's"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["f", "g", "x y", "1"]), inner, max_size=3)
    ),
    max_leaves=6,
)
SPECS = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), VALUES, max_size=5)
KEPT = "  kept:   # as it is\n      -   {a: 1,   b: [x]}   # here too\n      - 'quoted'\n"


@given(st.lists(SPECS, min_size=1, max_size=3), st.integers(1, 4), st.integers(0, 2), st.booleans(), st.booleans())
@settings(max_examples=40)
def test_it_is_what_the_engine_says_and_settles(
    prepared: Prepared, place: Path, specs: list[Json], step: int, dash: int, crlf: bool, ends: bool
) -> None:
    style = Style(step=step, dash=dash)
    texts = []
    for number, spec in enumerate(specs):
        head = f"# object {number}\napiVersion: example.com/v1\nkind: Gadget\nmetadata:\n  name: n{number} # name\n"
        body = f"  {write_block(spec, 2, style)}\n" if spec else ""
        texts.append(f"{head}spec:\n{KEPT}{body}")
    text = "---\n".join(texts)
    text = text if ends else text.removesuffix("\n")
    place.write_bytes(text.replace("\n", "\r\n").encode() if crlf else text.encode())
    items = list(read_items([str(place)], []))
    assert len(items) == len(specs)
    ground = Ground.of(items, prepared, time=TIME, unreadable=[])
    wanted = [ground.engine.mutate(ask(item, ground.around)).object for item in items]
    (fixed,) = fix([str(place)], prepared, time=TIME)
    assert fixed.faults == []
    assert fixed.changed
    after = fixed.after.decode()
    assert ("\r\n" in after) is crlf
    assert (after.count("\n") == after.count("\r\n")) is crlf
    after = after.replace("\r\n", "\n")
    assert after.endswith("\n") is ends
    assert after.count(KEPT.rstrip()) == len(specs)
    assert after.count(" # name\n") == len(specs)
    place.write_bytes(fixed.after)
    found = [item.thing for item in read_items([str(place)], [])]
    assert len(found) == len(wanted)
    assert all(map(same, found, wanted))
    (again,) = fix([str(place)], prepared, time=TIME)
    assert again.after == fixed.after
    assert not again.changed


@pytest.mark.parametrize(
    ("written", "received", "mutated", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1}, {"a": 1, "b": {"c": 1, "d": 1}}, {"a": 1, "b": {"c": 2, "d": 1}}, {"a": 1, "b": {"c": 2}}),
        ({"a": 1, "status": 1}, {"a": 1}, {"a": 2}, {"a": 2, "status": 1}),
        ({"a": 1, "b": 1}, {"a": 1, "b": 1}, {"a": 1}, {"a": 1}),
        ([{"a": 1}], [{"a": 1, "b": 2}], [{"a": 1, "b": 2}, {"a": 3}], [{"a": 1}, {"a": 3}]),
        ([{"a": 1}, {"a": 2}], [{"a": 1, "b": 2}, {"a": 2, "b": 2}], [{"a": 2, "b": 2}], [{"a": 2}]),
        ({"a": None}, {}, {"a": 1}, {"a": 1}),
    ],
)
def test_defaults_stay_out(written: Json, received: Json, mutated: Json, expected: Json) -> None:
    assert same(aim(written, received, mutated), expected)


def test_a_file_that_changed_meanwhile_is_left(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("c: 1\n")
    with pytest.raises(InputError, match="changed meanwhile"):
        store(Fixed("one.yaml", file, before=b"a: 1\n", after=b"a: 2\n"))
    assert file.read_text() == "c: 1\n"
    with pytest.raises(InputError, match=r"gone.yaml: cannot be written: No such file"):
        store(Fixed("gone.yaml", tmp_path / "gone.yaml", before=b"", after=b"a: 2\n"))
    assert list(tmp_path.iterdir()) == [file]
