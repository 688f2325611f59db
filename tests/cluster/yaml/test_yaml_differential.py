"""Reading against real kubectl: the recorded table is still true, and generated texts read the same."""

import json
import random
from pathlib import Path

import pytest

from auditor.intake.yaml import Document, read_documents
from auditor.json import Json
from auditor.sandbox import Sandbox
from tests.cluster.yaml.kubectl import HEAD, ask_kubectl

TABLE = Path(__file__).parents[2] / "unit/intake/yaml/kubectl.json"

KEYS = ["a", "b", "c-d", "'e'", '"f"', "1", "yes", "1.5", "g h"]
SCALARS = [
    *["x", "yes", "no", "~", "", "1", "017", "1.5", "1e3", "0x1f", "'q'", '"\\n"', "a b", "a:b", "a #c", "http://x"],
    *[
        "2001-01-01",
        "1_0",
        "{}",
        "[]",
        "[a, b]",
        "{a: b}",
        "{a: [1, yes]}",
        "&x y",
        "*x",
        "!!str 1",
        "-",
        "- a",
        "|",
        "@",
    ],
]


@pytest.fixture(scope="module")
def kubectl(control_plane: Sandbox) -> list[str]:
    """The program alone: what is asked of it here it does without a server."""
    return control_plane.kubectl_command([])


def normal(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def test_the_table_is_what_kubectl_says(kubectl: list[str], tmp_path: Path) -> None:
    rows = json.loads(TABLE.read_text())
    chosen = random.Random(4).sample(rows, 120)  # noqa: S311 - a sample, not a secret; all of them take a minute
    good = [row for row in chosen if row["kubectl"] is not None and len(row["kubectl"]) == 1]
    rest = [row for row in chosen if row not in good]
    answers = ask_kubectl(kubectl, [row["text"].encode() for row in good], tmp_path)
    answers += [ask_kubectl(kubectl, [row["text"].encode()], tmp_path)[0] for row in rest]
    for row, answer in zip(good + rest, answers, strict=True):
        assert normal(answer) == normal(row["kubectl"]), row["text"]


def generate(chance: random.Random, depth: int, indent: int) -> str:
    """A block mapping, now and then with a slip in its indentation."""
    text = ""
    keys = chance.sample(KEYS, chance.randint(1, 3))
    for key in keys:
        pad = " " * (indent + (chance.random() < 0.03))
        kind = chance.random() if depth else 1
        comment = chance.choice(["", "", " # c", "\n\n# c"])
        if kind < 0.3:
            text += f"{pad}{key}:{comment}\n{generate(chance, depth - 1, indent + 2)}"
        elif kind < 0.5:
            dash = pad + " " * chance.choice([0, 2])
            inner = [chance.choice(SCALARS), generate(chance, depth - 1, len(dash) + 2).lstrip(" ").rstrip("\n")]
            text += f"{pad}{key}:\n" + "".join(f"{dash}- {item}\n" for item in inner)
        elif kind < 0.6:
            style = chance.choice(["|", "|-", "|+", ">", ">-"])
            text += f"{pad}{key}: {style}\n{pad}  x\n\n{pad}   y\n{pad}  z\n\n"
        else:
            text += f"{pad}{key}: {chance.choice(SCALARS)}{comment}\n"
    return text


def test_generated_texts_read_the_same(kubectl: list[str], tmp_path: Path) -> None:
    chance = random.Random(20)  # noqa: S311 - reproducible on purpose
    texts = [HEAD + "v:\n" + generate(chance, 3, 2) for _ in range(250)]
    ours = [[item.value if isinstance(item, Document) else None for item in read_documents(text)] for text in texts]
    good = [index for index, read in enumerate(ours) if None not in read]
    answers = ask_kubectl(kubectl, [texts[index].encode() for index in good], tmp_path)
    assert len(good) > 60
    for index, answer in zip(good, answers, strict=True):
        assert normal(answer) == normal(ours[index]), texts[index]
    for index in [index for index in range(len(texts)) if index not in good][:40]:
        (error,) = read_documents(texts[index])
        if "stands twice" not in str(error):
            assert ask_kubectl(kubectl, [texts[index].encode()], tmp_path) == [None], texts[index]
