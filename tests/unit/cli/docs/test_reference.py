"""docs/reference is what the program says of itself, wherever and however it is asked."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY, CollectorRegistry

import auditor
import auditor.cluster.metrics
from auditor.audit.reports.meters import ReportMeters
from auditor.cli.docs import command, write_pages
from auditor.cli.docs.commands import show_default, show_meaning, write_commands
from auditor.cli.docs.crds import list_fields
from auditor.cli.docs.markdown import prose, table
from auditor.cli.docs.metrics import find_metrics, read_metrics
from auditor.cli.docs.settings import VARIABLES, write_settings
from auditor.cli.frame import COMMANDS
from auditor.errors import AuditorError
from auditor.webhooks.metrics import Meters
from auditor.webhooks.registration.meters import RegistrationMeters
from tests.unit.webhooks.docs.tables import state_of_nothing

REFERENCE = Path(__file__).parents[4] / "docs" / "reference"
# What reads variables, and which: `os.environ.get("NO_COLOR")`.
READ = re.compile(r"(?:os\.environ|\benvironment)(?:\.get\(|\[)\s*\"([A-Z][A-Z_]*)\"")


def test_the_reference_is_up_to_date() -> None:
    pages = write_pages()
    assert {file.name for file in REFERENCE.iterdir()} == set(pages)
    for name, text in pages.items():
        assert (REFERENCE / name).read_text() == text, f"{name} differs; write it anew: auditor docs"


def test_it_does_not_depend_on_where_it_is_written() -> None:
    code = "import sys\nfrom auditor.cli.docs import write_pages\nsys.stdout.write(''.join(write_pages().values()))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": str(number), **environment},
            capture_output=True,
            check=True,
        ).stdout
        for number, environment in enumerate(
            (
                {"COLUMNS": "30", "NO_COLOR": "1", "HOME": "/nonexistent"},
                {"FORCE_COLOR": "1", "AUDITOR_WATCH_SHARE": "1"},
            )
        )
    }
    assert len(answers) == 1
    assert b"\x1b" not in answers.pop()


def test_every_command_and_option_is_there() -> None:
    text = write_commands()
    assert all(f"\n## auditor {name}\n" in text for name in COMMANDS)
    assert "\n## auditor sandbox up\n" in text
    assert "| `-o, --output FORMAT[=FILE]` |" in text
    assert text.count("| `--kubeconfig FILE` |") == 1  # the options of the cluster are told once
    assert "Besides: [Options of the cluster](#options-of-the-cluster)." in text


def test_a_hidden_option_is_not_told_and_defaults_are_as_typed() -> None:
    @click.command()
    @click.option("--shy", hidden=True)
    @click.option("--on/--off", default=False)
    @click.option("--many", multiple=True, type=click.IntRange(1, 3), help="How *many*.")
    @click.option("--name", default="")
    def probe() -> None: ...

    options = {each.name: each for each in probe.params if isinstance(each, click.Option)}
    assert [show_default(options[name]) for name in ("on", "many", "name")] == ["--off", "", ""]
    assert show_meaning(options["many"]) == "How \\*many\\*. Repeatable. From 1 to 3."


def test_every_metric_is_found_where_it_is_declared() -> None:
    """Held against the registries of all that can be made without a cluster."""
    registry = CollectorRegistry()
    for make in (Meters, RegistrationMeters, ReportMeters):
        make(registry)
    served = [*registry.collect(), *state_of_nothing().collect()]
    served += [family for family in REGISTRY.collect() if family.name.startswith("auditor_cluster_")]
    assert len(served) > 30
    found = {each.name: each for each in find_metrics()}
    for family in served:
        metric = found[f"{family.name}_total" if family.type == "counter" else family.name]
        assert (metric.kind, metric.told) == (family.type, family.documentation)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    assert all(name.startswith("auditor_") for name in found)
    assert found["auditor_audit_evaluations_total"].labels == ("reason",)  # its name comes from a caller


@pytest.mark.parametrize(
    "source",
    [
        "from prometheus_client import Gauge\nGauge(NAME, 'help')",
        "from prometheus_client import Gauge\nGauge('auditor_x', 'help', LABELS)",
        "from prometheus_client import Gauge\nGauge('auditor_x', f'help {1}')",
    ],
)
def test_a_metric_that_cannot_be_read_is_an_error(source: str) -> None:
    with pytest.raises(AuditorError, match=r"there\.py:2"):
        list(read_metrics(source, "room", "there.py"))
    assert list(read_metrics("from collections import Counter\nCounter('x')", "room", "there.py")) == []


def test_every_variable_that_is_read_is_told() -> None:
    top = Path(auditor.__file__).parent
    files = (file for room in top.iterdir() if room.is_dir() for file in room.rglob("*.py"))
    read = {name for file in files for name in READ.findall(file.read_text())}
    assert len(read) > 5
    assert read <= set(VARIABLES)
    text = write_settings()
    assert "| `AUDITOR_WATCH_DATABASE_URL` | `--database-url` |" in text
    assert "| `AUDITOR_WATCH_SHARE` | `--share` | `false` |" in text


def test_every_field_of_a_schema() -> None:
    schema = {
        "required": ["a"],
        "properties": {
            "a": {"items": {"type": "object", "properties": {"b": {}}}},
            "m": {"additionalProperties": {"type": "string", "maxLength": 3}},
        },
    }
    assert [(path, needed) for path, _, needed in list_fields(schema)] == [
        ("a", True),
        ("a[].b", False),
        ("m", False),
        ("m.*", False),
    ]


def test_markdown() -> None:
    assert prose("a <b>\n  *c* `*d*`") == r"a \<b\> \*c\* `*d*`"
    assert table(("a", "b", "c"), [("1", "", "x|y")]) == "| a | c |\n| --- | --- |\n| 1 | x\\|y |"
    assert table(("a",), []) == ""


def test_written_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pages_once = write_pages()
    monkeypatch.setattr("auditor.cli.docs.write_pages", lambda: pages_once)

    def run(*arguments: str) -> tuple[int, str]:
        answer = CliRunner().invoke(command, arguments, standalone_mode=False)
        if isinstance(answer.exception, AuditorError):
            return answer.exception.exit_code, str(answer.exception)
        return answer.return_value, answer.output

    assert run() == (2, "there is no directory docs/reference here: name one, as in auditor docs reference/")
    assert run("out", "--check")[0] == 1
    assert not (tmp_path / "out").exists()
    pages = ("cli", "crds", "logs", "metrics", "settings")
    assert run("out") == (0, "".join(f"wrote out/{page}.md\n" for page in pages))
    assert run("out", "--check") == (0, "")
    page = tmp_path / "out" / "crds.md"
    page.write_text(page.read_text().replace("# Custom resources", "# Others", 1))
    (tmp_path / "out" / "metrics.md").unlink()
    assert run("out", "--check") == (
        1,
        "out/crds.md: differs in line 3\nout/metrics.md: missing\nWrite the reference anew: auditor docs out\n",
    )
    (tmp_path / "file").write_text("")
    assert run("file/below")[0] == 2
