"""What is made of the chart is up to date, and every value has a description."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator
from packaging.requirements import Requirement

from auditor import __version__
from tests.unit.deploy.generated import ROOT, generate, generate_manifests
from tests.unit.deploy.values import CHART, SHAPES, read_values

WRITE = "write them anew: .venv/bin/python -m tests.unit.deploy"


@pytest.mark.parametrize("made", [generate, generate_manifests])
def test_files_are_as_they_have_to_be(made: Callable[[], Mapping[Path, str]]) -> None:
    wrong = [path.name for path, text in made().items() if not path.is_file() or path.read_text() != text]
    assert not wrong, WRITE


def test_no_crd_is_left_that_is_ours_no_more() -> None:
    made = {path for path in generate() if path.is_relative_to(CHART / "files" / "crds")}
    assert set((CHART / "files" / "crds").rglob("*.yaml")) == made


def test_every_value_has_a_description() -> None:
    values = read_values()
    assert not [each.path for each in values if not each.description.endswith((".", "sslmode=verify-full"))]
    assert SHAPES.keys() <= {each.path for each in values}


def test_every_value_is_used() -> None:
    text = "\n".join(path.read_text() for path in (CHART / "templates").rglob("*.*"))
    lost = [path for each in read_values() if (path := each.path).rpartition(".")[2] not in text]
    assert not lost


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_image_has_what_the_wheel_needs() -> None:
    """In the versions that are tested here, and with the extra for traces."""
    pinned, tested = (read_lock(ROOT / name) for name in ("deploy/requirements.lock", "requirements-dev.lock"))
    assert pinned.items() <= tested.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["otel"]]
    for each in map(Requirement, wanted):
        assert each.specifier.contains(pinned[each.name.lower()]), each


def read_lock(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", path.read_text(), re.MULTILINE))


def test_the_schema_is_one() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(yaml.safe_load((CHART / "values.yaml").read_text()))
