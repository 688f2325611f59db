"""What the operations port answers: to the byte, since probes and collectors of others read it."""

import logging
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from werkzeug.test import Client

from auditor.operations import Check, Page, Show, make_operations_app

PLAIN = "text/plain; charset=utf-8"


def make_client(pages: dict[str, Show] | None = None, **checks: Check) -> Client:
    registry = CollectorRegistry()
    Counter("auditor_things", "Things.", registry=registry).inc()
    return Client(make_operations_app(registry=registry, checks=checks, pages=pages))


def ask(client: Client, path: str, method: str = "GET") -> tuple[int, str, str]:
    response = client.open(path, method=method)
    return response.status_code, response.content_type, response.text


def test_it_lives_even_if_it_is_not_ready() -> None:
    client = make_client(policies=lambda: "not loaded", port=lambda: "")
    assert ask(client, "/healthz") == (200, PLAIN, "ok\n")
    assert ask(client, "/readyz") == (503, PLAIN, "[-] policies: not loaded\n[+] port\nnot ready\n")


def test_it_is_ready_when_all_checks_say_so() -> None:
    client = make_client(policies=lambda: "", port=lambda: "")
    assert ask(client, "/readyz") == (200, PLAIN, "[+] policies\n[+] port\nok\n")


def test_a_check_that_fails_is_no_yes() -> None:
    status, _, text = ask(make_client(port=lambda: str(1 / 0)), "/readyz")
    assert status == 503
    assert text.startswith("[-] port: the check itself failed: ZeroDivisionError")


def test_metrics() -> None:
    status, content_type, text = ask(make_client(), "/metrics")
    assert (status, content_type) == (200, "text/plain; version=1.0.0; charset=utf-8")
    assert "auditor_things_total 1.0" in text.splitlines()


def test_a_page_gets_the_query() -> None:
    asked: list[Any] = []

    def show(query: Any) -> Page:
        asked.append(query)
        return Page.json({"a": 1})

    client = make_client({"/page": show})
    assert ask(client, "/page?a=1&b=&a=2&c=%20") == (200, "application/json", '{"a":1}')
    assert asked == [{"a": "1", "b": "", "c": " "}]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/page"])
def test_the_head_of_a_page_is_that_of_the_page(path: str) -> None:
    client = make_client({"/page": lambda _: Page.text("some text\n")}, policies=lambda: "not loaded")
    whole, head = client.get(path), client.head(path)
    assert head.data == b""
    assert (head.status, dict(head.headers)) == (whole.status, dict(whole.headers))
    assert int(head.headers["Content-Length"]) == len(whole.data) > 0


def test_what_is_not_there_and_what_is_only_read() -> None:
    client = make_client()
    assert ask(client, "/nothing") == (404, PLAIN, "nothing is here; there are /healthz, /metrics, /readyz\n")
    refused = client.post("/healthz")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_a_page_that_fails_is_an_answer_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Any) -> Page:
        raise ValueError("secret")

    with caplog.at_level(logging.ERROR):
        assert ask(make_client({"/page": fail}), "/page") == (500, PLAIN, "it failed, the log tells more\n")
    assert "/page failed" in caplog.text
