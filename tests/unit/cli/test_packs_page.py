"""docs/packs.md lists every pack and every option, as they are."""

from auditor.intake.packs.folder import pack_names
from tests.unit.cli.packs_page import PAGE, render


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert render(page) == page, "write it again: python -m tests.unit.cli.packs_page"


def test_it_has_every_pack_and_option() -> None:
    page = PAGE.read_text()
    assert all(f"/{name}/README.md)" in page for name in pack_names())
    assert all(f"`{option}`" in page for option in ("--enforcement", "--param", "--to", "--without-crds", "--diff"))
