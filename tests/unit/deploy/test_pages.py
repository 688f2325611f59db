"""What the pages on installation show as YAML is YAML, and values in it are values of the chart."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from auditor.json import JsonObject
from tests.unit.deploy.generated import ROOT, render
from tests.unit.deploy.values import read_values

PAGES: Final = ("install.md", "managed-clusters.md", "gitops.md")
VALUE = re.compile(r"`(?:--set ')?([a-z][A-Za-z]+(?:\.[A-Za-z]+)+)(?:=[^`]*)?`")
GROUPS: Final = {each.path.partition(".")[0] for each in read_values()}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_named_as_a_value_is_one(page: str) -> None:
    known = {each.path for each in read_values()}
    text = (ROOT / "docs" / page).read_text()
    named = {match[1] for match in VALUE.finditer(text) if match[1].partition(".")[0] in GROUPS}
    assert named <= known
    set_there = set(re.findall(r"--set '?([A-Za-z.]+)=", text))
    assert set_there <= known


def test_values_of_the_installation_are_taken(tmp_path: Path) -> None:
    for number, block in enumerate(blocks("install.md", "yaml")):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block)
        assert "kind: Deployment" in render("--values", str(file))


def test_values_in_the_application_are_taken(tmp_path: Path) -> None:
    (application,) = [each for each in gitops() if each.get("kind") == "Application"]
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(application["spec"]["source"]["helm"]["valuesObject"]))
    assert render("--values", str(file))
    assert application["spec"]["source"]["path"] == "deploy/chart"


def gitops() -> list[JsonObject]:
    return [yaml.safe_load(block) for block in blocks("gitops.md", "yaml")]


def test_what_is_ignored_is_what_the_webhook_writes() -> None:
    ignored = [each for thing in gitops() for each in thing.get("spec", {}).get("ignoreDifferences", [])]
    assert {(each["group"], each["kind"]) for each in ignored} == {
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    }
