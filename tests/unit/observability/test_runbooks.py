"""Each alert has a page of the same form, whose head agrees with the rule."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.cli.frame import auditor
from tests.unit.observability.queries import RUNBOOKS, read_alerts
from tests.unit.observability.runbooks import SECTIONS, all_commands, commands_in, links_in, pages


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    assert {page.stem for page in pages()} == {each.name for each in read_alerts()}
    index = (RUNBOOKS / "README.md").read_text()
    assert all(f"[{page.stem}]({page.name})" in index for page in pages())


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_page_has_what_one_looks_for_at_night(page: Path) -> None:
    text = page.read_text()
    (alert,) = (each.content for each in read_alerts() if each.name == page.stem)
    after = f", after {alert['for']}" if "for" in alert else ""
    head = f"# {page.stem}\n\n{alert['annotations']['summary']} Severity {alert['labels']['severity']}{after}.\n"
    assert text.startswith(head)
    assert tuple(line[3:] for line in text.splitlines() if line.startswith("## ")) == SECTIONS
    assert commands_in(text)
    assert all((page.parent / link).is_file() for link in links_in(text)), links_in(text)


@pytest.mark.parametrize("command", [each for each in all_commands() if each.endswith(" --help")])
def test_help_that_is_named_is_there(command: str) -> None:
    assert CliRunner().invoke(auditor, command.split()[1:]).exit_code == 0
