"""Kubeconfigs as kubectl reads them: it is asked what it makes of the same files."""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from auditor.cluster.connection.kubeconfig import Kubeconfig, read_file
from auditor.cluster.connection.section import Section
from auditor.errors import ConnectionConfigError
from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox

SINGULAR = {"clusters": "cluster", "users": "user", "contexts": "context"}
TEXTS = [
    "plain",
    "'quoted'",
    "'012'",
    "'0o12'",
    "'yes'",
    "'null'",
    "null",
    "~",
    "2026-01-31",
    "2026-01-31T12:00:00Z",
    "a:b",
    "10.0.0.1:6443",
]
NO_TEXTS = ["012", "0x1F", "1.50", "yes", "FALSE", "[a]"]


def ask_kubectl(control_plane: Sandbox, files: list[Path]) -> JsonObject:
    command = control_plane.kubectl_command(["config", "view", "--raw", "-o", "json"])
    environment = os.environ | {"KUBECONFIG": ":".join(map(str, files))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: JsonObject = json.loads(done.stdout)
    return answer


def merge(files: list[Path]) -> Kubeconfig:
    merged = Kubeconfig(files)
    for file in files:
        if file.exists():
            merged.add(file, read_file(file))
    return merged


def texts(sections: dict[str, Section], *names: str) -> dict[str, dict[str, str]]:
    return {key: {n: text for n in names if (text := section.text(n))} for key, section in sections.items()}


def theirs(answer: JsonObject, plural: str, *names: str) -> dict[str, dict[str, str]]:
    return {
        entry["name"]: {n: entry[SINGULAR[plural]][n] for n in names if entry[SINGULAR[plural]].get(n)}
        for entry in answer[plural] or []
    }


@pytest.mark.parametrize("seed", range(12))
def test_several_files_are_merged_alike(control_plane: Sandbox, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - files, no secrets

    def entries(plural: str) -> Json:
        names = chance.sample("abcd", chance.randrange(4))
        choices = {"clusters": "server", "users": "token", "contexts": "namespace"}
        inner = {name: {choices[plural]: f"http://{chance.random()}"} for name in names}
        if plural == "contexts":
            for fields in inner.values():
                fields.update(cluster=chance.choice("abcd"), user=chance.choice("abcd"))
        return chance.choice([[{"name": n, SINGULAR[plural]: f} for n, f in inner.items()]] * 4 + [None])

    files = [tmp_path / f"{number}" for number in range(4)]
    for file in chance.sample(files, 3):
        config: JsonObject = {plural: entries(plural) for plural in SINGULAR}
        config["current-context"] = chance.choice(["", *"abcd"])
        file.write_text(json.dumps(config) if chance.random() > 0.1 else "")
    ours, answer = merge(files), ask_kubectl(control_plane, files)
    assert ours.current == answer["current-context"]
    assert texts(ours.clusters, "server") == theirs(answer, "clusters", "server")
    assert texts(ours.users, "token") == theirs(answer, "users", "token")
    names = ("cluster", "user", "namespace")
    assert texts(ours.contexts, *names) == theirs(answer, "contexts", *names)


def write_tokens(file: Path, scalars: list[str]) -> None:
    users = "".join(f"- {{name: 'n{index}', user: {{token: {text}}}}}\n" for index, text in enumerate(scalars))
    file.write_text(f"users:\n{users}")


def test_texts_are_read_alike(control_plane: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "config"
    write_tokens(file, TEXTS)
    assert texts(merge([file]).users, "token") == theirs(ask_kubectl(control_plane, [file]), "users", "token")


def test_what_is_no_text_is_refused_alike(control_plane: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "config"
    for scalar in NO_TEXTS:
        write_tokens(file, [scalar])
        with pytest.raises(ConnectionConfigError, match="token: this must be a text"):
            texts(merge([file]).users, "token")
        with pytest.raises(AssertionError, match="cannot unmarshal"):
            ask_kubectl(control_plane, [file])
