"""The fast reader never answers otherwise than the exact one."""

import json
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.intake.yaml.document import Fault
from auditor.intake.yaml.exact import read_exact
from auditor.intake.yaml.lines import MISS, read_lines
from auditor.intake.yaml.scalars import WORDS
from auditor.json import Json

ATOMS = [
    "a",
    "b-c",
    "d.e/f",
    "yes",
    "null",
    "x1",
    "_y",
    "1",
    "1.0",
    "0x1f",
    "-",
    "- ",
    "-1",
    "...",
    "---",
    "<<",
    "~",
    "?",
]
PIECES = [
    *ATOMS,
    *[
        '"q"',
        "'s'",
        "''",
        '""',
        '"\\n"',
        "{}",
        "[]",
        "{a: 1}",
        "[a, b]",
        "{a",
        "]",
        "|",
        "|-",
        ">",
        "# c",
        " # c",
        "&x",
        "*x",
    ],
    *[
        ":",
        ": ",
        " :",
        "  ",
        " ",
        "\n",
        "\n  ",
        "\n    ",
        "\n- ",
        "\n  - ",
        "\n\n",
        "\t",
        "é",
        ",",
        "!t",
        "%",
        "@",
        "a:b",
        "a#b",
        "'",
    ],
]

lines = st.builds(
    lambda indent, dashes, key, value, end: " " * indent + "- " * dashes + key + value + end + "\n",
    st.sampled_from([0, 0, 2, 2, 4, 1, 6]),
    st.sampled_from([0, 0, 0, 1, 2]),
    st.sampled_from(["", "a:", "b:", "c:", "d-e:", "yes:", "'q':", "1:", "a :"]),
    st.sampled_from(
        ["", *(" " + piece for piece in PIECES), " |\n    x\n", " |-\n   x\n\n   y\n", " plain text", " http://x/y?z"]
    ),
    st.sampled_from(["", " ", " # c", "#c", "\n", "\n# c"]),
)
SAMPLE = """# c
apiVersion: v1 # c
metadata:
  name: x
  labels: {a: b}
spec:
  yes_: true
  list:
  - a: 1.50
    b: "x: y"
    c:
    - d
  - - 'c'
    - 0x1f

  other:
    - e: http://x/y
  text: |
    a

     b
  none:
  last: [1, a b]
status: {}
"""


texts = st.one_of(
    st.lists(lines, max_size=8).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda parts: "".join(parts) + "\n"),
)


def exactly(text: str) -> str:
    try:
        return json.dumps(read_exact(text))
    except Fault as fault:
        return fault.what


@settings(max_examples=500)
@given(texts)
def test_equals_the_exact_reader(text: str) -> None:
    value = read_lines(text)
    if value is not MISS:
        assert json.dumps(value) == exactly(text)


def test_equals_the_exact_reader_after_any_slip_of_the_pen() -> None:
    """Each place of the sample, with something typed there or something lost."""
    assert read_lines(SAMPLE) is not MISS
    answered = 0
    for at in range(len(SAMPLE)):
        for piece, lost in [
            ("", 1),
            (" ", 0),
            ("  ", 0),
            ("- ", 0),
            ("a", 0),
            (":", 1),
            ("\n", 0),
            ("'", 0),
            ("#", 0),
            ("|", 1),
            ("1", 1),
        ]:
            text = SAMPLE[:at] + piece + SAMPLE[at + lost :]
            value = read_lines(text)
            if value is not MISS:
                answered += 1
                assert json.dumps(value) == exactly(text), text
    assert answered > 1000


scalars = st.one_of(
    st.booleans(),
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.text("ab c:#-'\"yn01.\n", max_size=8),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abyn/.-1", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


def write(value: Json, indent: int = 0) -> str:
    """Block style, as kubectl prints it, with every string that is not plainly one in double quotes."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        return "".join(
            f"{pad}{json.dumps(key)}:"
            + ("\n" + write(item, indent + 2) if item and isinstance(item, dict | list) else f" {write(item)}\n")
            for key, item in value.items()
        )
    if isinstance(value, list) and value:
        return "".join(
            f"{pad}- "
            + (write(item, indent + 2).lstrip(" ") if item and isinstance(item, dict | list) else f"{write(item)}\n")
            for item in value
        )
    if isinstance(value, str) and value.isascii() and value.isalpha() and value not in WORDS:
        return value
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08x}" if ord(c) > 0x7E else json.dumps(c)[1:-1] for c in value) + '"'
    return json.dumps(value)


@settings(max_examples=150)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), values, max_size=4))
def test_reads_what_was_written(value: Json) -> None:
    text = write(value) if value else "{}\n"
    plain = text.replace('"a"', "a").replace('"b"', "b").replace('"c"', "c")
    fast = read_lines(plain)
    assert fast is MISS or json.dumps(fast) == exactly(plain)
    assert read_exact(text) == value


def test_common_documents_take_the_fast_path() -> None:
    text = (
        "# c\napiVersion: v1 # c\nkind: Thing\nmetadata:\n  name: x\n  labels: {a: b}\nspec:\n  on_: true\n  list:\n"
        '  - a: 1\n    b: "x: y"\n'
        "  - - 'c'\n    - d\n  other:\n    - e\n  text: |\n    a\n\n      b\n  none:\nstatus: {}\n"
    )
    value = read_lines(text)
    assert value is not MISS
    assert value == read_exact(text)
    assert value["spec"]["text"] == "a\n\n  b\n"


def test_long_lines_cost_linear_time() -> None:
    started = time.process_time()
    for text in (
        "v: " + "a" * 200_000 + "\t\n",
        "v: " + "a " * 100_000 + "\t\n",
        " " * 200_000 + "\t\n",
        "a: |\n" + "  x\n" * 50_000 + "\t",
    ):
        read_lines(text)
    assert time.process_time() - started < 2
