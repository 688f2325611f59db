"""Dashboards that Grafana can draw, of queries that Prometheus takes, about metrics that there are."""

import subprocess
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from auditor.json import Json
from tests.programs import promtool
from tests.unit.observability.dashboards import write
from tests.unit.observability.queries import (
    DASHBOARDS,
    FILES,
    ROOT,
    find_unknown,
    panels_of,
    queries_of,
    read_dashboard,
)

# Of Grafana's units those that we use: another one is a word behind the figure, and mostly a slip.
UNITS = {"short", "s", "bytes", "percent", "percentunit", "reqps", "ops"}

every = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def test_they_are_as_the_generator_writes_them() -> None:
    made = write()
    assert {path.name for path in DASHBOARDS} == set(made)
    for name, text in made.items():
        assert (FILES / "dashboards" / name).read_text() == text, "python -m tests.unit.observability.dashboards"


@every
def test_panels_have_all_that_a_reader_needs(path: Path) -> None:
    panels = list(panels_of(read_dashboard(path)))
    assert len({each["id"] for each in panels}) == len(panels)
    for each in panels:
        if each["type"] != "row":
            assert each["title"], each
            assert each["description"].endswith("."), each
            assert each["fieldConfig"]["defaults"]["unit"] in UNITS, each
            assert each["datasource"]["uid"] == "${datasource}", each
            assert [target["datasource"]["uid"] for target in each["targets"]] == ["${datasource}"] * len(
                each["targets"]
            )
            assert len({target["refId"] for target in each["targets"]}) == len(each["targets"])
            assert all((ROOT / link["url"]).is_file() for link in each["links"]), each


@every
def test_no_panel_lies_over_another(path: Path) -> None:
    places = [each["gridPos"] for each in panels_of(read_dashboard(path))]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in combinations(places, 2) if overlap(*pair)]


def overlap(one: Json, other: Json) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not above


@every
def test_variables_are_there(path: Path) -> None:
    dashboard = read_dashboard(path)
    names = [each["name"] for each in dashboard["templating"]["list"]]
    assert names == ["datasource", "job"]
    assert all('job=~"$job"' in target["expr"] for panel in panels_of(dashboard) for target in panel.get("targets", ()))


@every
def test_they_ask_for_what_there_is(path: Path) -> None:
    assert [unknown for query in queries_of(read_dashboard(path)) for unknown in find_unknown(query)] == []


def test_prometheus_takes_every_query(tmp_path: Path) -> None:
    """A rule is made of each: nothing else reads them without a server."""
    queries = [query for path in DASHBOARDS for query in queries_of(read_dashboard(path))]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run([promtool(), "check", "rules", file], capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
    assert f"{len(queries)} rules found" in done.stdout
