"""Comparison, migration and questions: commands and settings that stand in their prose are ones that there are."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from auditor import crds
from auditor.cli.frame import auditor
from auditor.json import Json

DOCS = Path(__file__).parents[3] / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text() for name in ("comparison", "migration", "faq", "first-ten-minutes")}
COMMANDS = sorted({found for page in PAGES.values() for found in re.findall(r"`(auditor [a-z][^`]*)`", page)})
SETTING = re.compile(r"`(spec\.(?:exclude|reports|reading|exceptions|checks)[a-zA-Z.]*)")
FIELDS = sorted({found for page in PAGES.values() for found in SETTING.findall(page)})
METRICS = sorted({found for page in PAGES.values() for found in re.findall(r"`(auditor_\w+)`", page)})


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_one_that_the_program_takes(command: str) -> None:
    """Help comes only where all options before it are known."""
    done = CliRunner().invoke(auditor, [*shlex.split(command)[1:], "--help"])
    assert (done.exit_code, "Usage: " in done.output) == (0, True), done.output


@pytest.mark.parametrize("field", FIELDS)
def test_each_setting_is_in_the_audit_config(field: str) -> None:
    schema: Json = yaml.safe_load(crds.read("auditconfig"))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for name in field.split("."):
        assert isinstance(schema, dict)
        assert name in schema["properties"]
        schema = schema["properties"][name]


def test_there_is_something_to_look_at() -> None:
    assert (len(COMMANDS) > 20, len(FIELDS) >= 4, len(METRICS) >= 2) == (True, True, True)


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_is_in_the_reference(metric: str) -> None:
    assert f"`{metric}`" in (DOCS / "reference" / "metrics.md").read_text()
