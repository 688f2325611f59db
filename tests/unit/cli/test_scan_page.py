"""docs/scan.md lists every option and every format, as the program has them."""

from auditor.cli.outputs import FORMATS
from auditor.cli.scanoptions import OPTIONS
from tests.unit.cli.scan_page import PAGE, examples, render
from tests.unit.webhooks.docs.tables import names_of


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert render(page) == page, "write it again: python -m tests.unit.cli.scan_page"


def test_it_has_every_option_and_format() -> None:
    page = PAGE.read_text()
    assert all(f"`{name}`" in page for option in OPTIONS for name in names_of(option))
    assert all(f"\n| `{name}` |" in page and f"`{name}`:\n" in examples() for name in FORMATS)
