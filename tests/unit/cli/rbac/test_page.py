"""What the docs say of rights is what the program asks for."""

import re

import pytest
from click.testing import CliRunner

from auditor.cli.rbac import command
from tests.unit.cli.rbac.page import DOCS, TABLES, render


@pytest.mark.parametrize("name", TABLES)
def test_its_tables_are_those_of_the_program(name: str) -> None:
    page = (DOCS / name).read_text()
    assert page == render(name), "run: python -m tests.unit.cli.rbac.page"
    assert all(f"<!-- generated: {table} -->" in page for table in TABLES[name])


def test_its_commands_for_files_work() -> None:
    page = (DOCS / "rights.md").read_text()
    found = re.findall(r"^auditor rbac (--p[^|\n#]*)", page, re.MULTILINE)
    assert found
    for line in found:
        assert CliRunner().invoke(command, line.split()).exit_code == 0, line
