"""The WSGI app of the operations port. Without a framework: four pages, no forms, nothing to route."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import parse_qsl

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

log = logging.getLogger(__name__)

Check = Callable[[], str]
"""Why it is not ready, as a sentence; empty: it is."""
PLAIN: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    body: bytes
    content_type: str = PLAIN
    status: HTTPStatus = HTTPStatus.OK

    @classmethod
    def text(cls, text: str, status: HTTPStatus = HTTPStatus.OK) -> Self:
        return cls(text.encode(), PLAIN, status)

    @classmethod
    def json(cls, value: object) -> Self:
        return cls(orjson.dumps(value), "application/json")


Show = Callable[[Mapping[str, str]], Page]
"""Gets the parameters of the query; of one that is there several times the first."""


def make_operations_app(
    *, registry: CollectorRegistry, checks: Mapping[str, Check], pages: Mapping[str, Show] | None = None
) -> Callable[..., Iterable[bytes]]:
    """`checks` by their names: for example policies that are loaded, and a TLS port that really answers."""
    shown: dict[str, Show] = {
        # Whether to restart the process: it can answer, so no. What it waits for is no reason.
        "/healthz": lambda _: Page.text("ok\n"),
        "/readyz": lambda _: _readiness(checks),
        "/metrics": lambda _: Page(generate_latest(registry), CONTENT_TYPE_LATEST),
        **(pages or {}),
    }

    def app(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        page = _answer(shown, environ)
        headers = [("Content-Type", page.content_type), ("Content-Length", str(len(page.body)))]
        if page.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "GET, HEAD"))
        start_response(f"{page.status.value} {page.status.phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else page.body]

    return app


def _answer(shown: Mapping[str, Show], environ: Mapping[str, Any]) -> Page:
    show = shown.get(environ.get("PATH_INFO") or "/")
    if show is None:
        return Page.text(f"nothing is here; there are {', '.join(sorted(shown))}\n", HTTPStatus.NOT_FOUND)
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return Page.text("this is only to be read\n", HTTPStatus.METHOD_NOT_ALLOWED)
    asked = parse_qsl(environ.get("QUERY_STRING") or "", keep_blank_values=True)
    try:
        return show(dict(reversed(asked)))
    except Exception:
        log.exception("operations port: %s failed", environ.get("PATH_INFO"))
        return Page.text("it failed, the log tells more\n", HTTPStatus.INTERNAL_SERVER_ERROR)


def _readiness(checks: Mapping[str, Check]) -> Page:
    troubles = {name: _ask(check) for name, check in checks.items()}
    lines = [f"[-] {name}: {why}" if why else f"[+] {name}" for name, why in troubles.items()]
    ready = not any(troubles.values())
    text = "".join(f"{line}\n" for line in (*lines, "ok" if ready else "not ready"))
    return Page.text(text, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


def _ask(check: Check) -> str:
    try:
        return check()
    except Exception as error:  # a check that fails has not said that all is well
        return f"the check itself failed: {type(error).__name__}: {error}"
