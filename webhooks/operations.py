"""The Flask app of the operations port, which is plain HTTP: whether it lives, whether it is ready, what it counted."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

import orjson
from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from auditor.webhooks.decisions import PAGE, Ring

Check = Callable[[], str]
"""Why it is not ready, as a sentence; empty: it is."""


def create_operations_app(*, registry: CollectorRegistry, ring: Ring, checks: Mapping[str, Check]) -> Flask:
    """`checks` by their names: for example policies that are loaded, and a TLS port that really answers."""
    app = Flask("auditor.operations", static_folder=None)

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether to restart the process: it can answer, so no. What it waits for is no reason."""
        return _text("ok\n")

    @app.get("/readyz")
    def readyz() -> Response:
        troubles = {name: _ask(check) for name, check in checks.items()}
        lines = [f"[-] {name}: {why}" if why else f"[+] {name}" for name, why in troubles.items()]
        status = HTTPStatus.SERVICE_UNAVAILABLE if any(troubles.values()) else HTTPStatus.OK
        return _text("".join(f"{line}\n" for line in (*lines, "not ready" if any(troubles.values()) else "ok")), status)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    @app.get("/decisions")
    def decisions() -> Response:
        since, limit = request.args.get("since", "0"), request.args.get("limit", str(PAGE))
        if not (since.isdecimal() and limit.isdecimal() and len(since) < 19 and len(limit) < 19):
            return _text("since and limit must be whole numbers\n", HTTPStatus.BAD_REQUEST)
        found = orjson.dumps(ring.since(int(since), int(limit)))
        return Response(found, content_type="application/json")

    return app


def _ask(check: Check) -> str:
    try:
        return check()
    except Exception as error:  # a check that fails has not said that all is well
        return f"the check itself failed: {type(error).__name__}: {error}"


def _text(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")
