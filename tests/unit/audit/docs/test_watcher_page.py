"""What the page on the watcher says of options and metrics is what there is."""

from tests.unit.audit.docs.tables import PAGE, render


def test_its_tables_are_those_of_the_program() -> None:
    page = PAGE.read_text()
    assert page == render(page), "run: python -m tests.unit.audit.docs.tables"
    for name in ("--database-url", "--share", "auditor_audit_objects", "auditor_history_waiting"):
        assert name in page
