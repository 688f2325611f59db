"""JSON Patch and merge patch against kubectl, which applies them with the API server's library; no server needed."""

import json
import random
import subprocess

import pytest

from auditor.engine.patch import PatchError, apply_patch, merge_patch
from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox

HEAD = {"apiVersion": "v1", "kind": "T", "metadata": {"name": "x"}}
DOCUMENT: JsonObject = {**HEAD, "a": {"b": [1, {"c": 2}, 3], "n": None, "m": {"x": 1}}, "l": [[], [1]], "s": "t"}
PATHS = ["/a", "/a/b", "/a/b/0", "/a/b/1", "/a/b/1/c", "/a/b/2", "/a/b/3", "/a/b/4", "/a/b/-", "/a/b/-1", "/a/b/-4"]
PATHS += [
    "/a/n",
    "/a/n/x",
    "/a/m/x",
    "/a/m/y",
    "/a/no",
    "/a/no/x",
    "/l/0/0",
    "/l/1/0",
    "/l/2",
    "/s",
    "/s/x",
    "/new",
    "/a/b/x",
]
PATHS += ["/a/b/01", "/a/b/+1", "/l/-1/-", "/l/0/-", "/a/b/-2", "/x~1y", "/a/m/~0"]
VALUES: list[Json] = [1, 2, "t", None, [], {}, [1], {"x": 1}, {"c": 2}, True, [1, {"c": 2}, 3]]
VALUED = {"add", "replace", "test"}


@pytest.fixture(scope="module")
def kubectl(control_plane: Sandbox) -> list[str]:
    """The program alone: what is asked of it here it does without a server."""
    return control_plane.kubectl_command([])


def ask(command: list[str], kind: str, document: Json, patch: Json) -> Json:
    ended = subprocess.run(
        [*command, "patch", "--local", f"--type={kind}", f"-p={json.dumps(patch)}", "-o=json", "-f=-"],
        input=json.dumps(document), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return json.loads(ended.stdout) if ended.returncode == 0 else None


def attempt(patch: list[JsonObject]) -> Json:
    try:
        return apply_patch(DOCUMENT, patch)
    except PatchError:
        return None


def generate(chance: random.Random) -> JsonObject:
    name = chance.choice(["add", "remove", "replace", "move", "copy", "test"])
    operation: JsonObject = {"op": name, "path": chance.choice(PATHS)}
    if name in VALUED:
        operation["value"] = chance.choice(VALUES)
    if name in {"move", "copy"}:
        operation["from"] = chance.choice(PATHS)
    return operation


def test_json_patch(kubectl: list[str]) -> None:
    chance = random.Random(3)  # noqa: S311 - reproducible on purpose
    patches = [[generate(chance)] for _ in range(70)]
    patches += [[generate(chance) for _ in range(3)] for _ in range(20)]
    wrong = [
        (patch, ours, theirs)
        for patch in patches
        if json.dumps(ours := attempt(patch), sort_keys=True)
        != json.dumps(theirs := ask(kubectl, "json", DOCUMENT, patch), sort_keys=True)
    ]
    assert wrong == []


def test_merge_patch(kubectl: list[str]) -> None:
    patches: list[Json] = [
        {"a": None}, {"a": {"b": None}}, {"a": {"m": {"x": None, "y": {"z": None}}}}, {"a": [1]}, {"s": {"t": 1}},
        {"new": {"x": None, "y": [None]}}, {"a": {"n": {"x": 1}}}, {"l": {}}, {"a": {}},
    ]  # fmt: skip
    for patch in patches:
        assert json.dumps(merge_patch(DOCUMENT, patch), sort_keys=True) == json.dumps(
            ask(kubectl, "merge", DOCUMENT, patch), sort_keys=True
        ), patch
