"""docs/webhook.md lists every option and every metric, as the program has them."""

from tests.unit.webhooks.docs.tables import PAGE, metrics, options, render


def test_the_tables_are_up_to_date() -> None:
    page = PAGE.read_text()
    assert render(page) == page, "write them again: python -m tests.unit.webhooks.docs.tables"


def test_they_have_rows() -> None:
    assert "`--listen`" in options()
    assert "auditor_webhook_requests_total" in metrics()
    assert "\n\n<!-- generated: options -->\n| option |" in PAGE.read_text()
