"""`auditor convert` on files, as a person runs it."""

import json
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from auditor.cli.convert import command

CONVERSION = """
apiVersion: auditor.dev/v1
kind: Conversion
metadata: {name: policies.db.example.com}
spec:
  resource: {group: db.example.com, resource: policies}
  steps:
  - {from: v1, to: v2, jq: '.spec.count = .spec.size | del(.spec.size)'}
  - {from: v2, to: v1, jq: '.spec.size = (.spec.count // error("no count")) | del(.spec.count)'}
"""
THING = """
apiVersion: db.example.com/v1
kind: Policy
metadata: {name: %s, namespace: shop}
spec: {size: 3, zone: "on"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conversion.yaml").write_text(CONVERSION)
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    given = [str(folder / each) if each.endswith(".yaml") else each for each in arguments]
    done = CliRunner().invoke(command, given, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.stdout, done.stderr


def test_what_is_printed_is_converted(folder: Path) -> None:
    (folder / "a.yaml").write_text(THING % "a" + "---" + (THING % "b").replace("/v1", "/v2").replace("size", "count"))
    code, out, err = run(folder, "a.yaml", "--to", "v2", "--conversions", "conversion.yaml")
    assert (code, err) == (0, "")
    one, two = yaml.safe_load_all(out)
    assert one == {
        "apiVersion": "db.example.com/v2",
        "kind": "Policy",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"count": 3, "zone": "on"},
    }
    assert two["spec"] == {"count": 3, "zone": "on"}


def test_json(folder: Path) -> None:
    (folder / "a.yaml").write_text(THING % "a")
    code, out, _ = run(folder, "a.yaml", "--to", "v2", "--conversions", "conversion.yaml", "-o", "json")
    assert code == 0
    assert json.loads(out)["apiVersion"] == "db.example.com/v2"


def test_what_cannot_be_converted_is_said_and_the_others_are_printed(folder: Path) -> None:
    other = "apiVersion: example.com/v1\nkind: Other\nmetadata: {name: x}\n"
    wrong = (THING % "b").replace("/v1", "/v2")
    (folder / "a.yaml").write_text(f"{wrong}---{THING % 'a'}---\n{other}")
    code, out, err = run(folder, "a.yaml", "--to", "v1", "--conversions", "conversion.yaml")
    assert code == 3
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(out)] == ["a", "x"]
    assert err == f"auditor: {folder}/a.yaml:2: Policy shop/b: conversion from v2 to v1: no count\n"
    code, _, err = run(folder, "a.yaml", "--to", "v2", "--conversions", "conversion.yaml")
    assert code == 3
    assert "there is no Conversion for others.example.com: the Other is not converted" in err


def test_mistakes_of_the_command(folder: Path) -> None:
    (folder / "a.yaml").write_text(THING % "a")
    with pytest.raises(click.UsageError, match="--to VERSION"):
        run(folder, "a.yaml")
    with pytest.raises(click.UsageError, match="are for files"):
        run(folder, "--migrate-storage", "--to", "v1")
    with pytest.raises(Exception, match="there is no Conversion in"):
        run(folder, "a.yaml", "--to", "v2", "--conversions", "a.yaml")
    (folder / "conversion.yaml").write_text(CONVERSION.replace(".spec.size |", ".spec.size ||"))
    with pytest.raises(Exception, match=r"Conversion policies\.db\.example\.com"):
        run(folder, "a.yaml", "--to", "v2", "--conversions", "conversion.yaml")


def test_what_is_lost_on_the_way_back_is_told(folder: Path) -> None:
    (folder / "a.yaml").write_text(THING % "a")
    options = ("--to", "v2", "--conversions", "conversion.yaml", "--check-round-trip")
    assert run(folder, "a.yaml", *options)[0] == 0
    (folder / "conversion.yaml").write_text(CONVERSION.replace("| del(.spec.count)", "| .spec = {size: 4}"))
    code, out, err = run(folder, "a.yaml", *options)
    assert (code, yaml.safe_load(out)) == (3, None)
    assert "does not come back from v2 as it was: /spec/" in err
