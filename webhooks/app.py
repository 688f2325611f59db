"""The Flask app of the admission port, wiring only: /validate, /mutate and /convert, and names behind them.

A name is that of the registered webhook that calls, a group of policies; behind /convert it is for the access log.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import MapAdapter

from auditor.webhooks.asked import Hook
from auditor.webhooks.decode import MAX_BODY, UnreadableError
from auditor.webhooks.door import Door
from auditor.webhooks.gate import Gate
from auditor.webhooks.reception import Environ, Reception, give_up
from auditor.webhooks.respond import Answer, refuse

JSON = "application/json"


class AdmissionApp(Flask):
    def __init__(self, reception: Reception) -> None:
        super().__init__("auditor.webhooks", static_folder=None)
        self._reception = reception

    def wsgi_app(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = self._reception.answer_usual(environ)
        if answer is None:
            return super().wsgi_app(environ, start_response)
        headers = [("Content-Type", JSON), ("Content-Length", str(len(answer.body))), *_more_headers(answer)]
        start_response(f"{answer.status:d} {HTTP_STATUS_CODES[answer.status].upper()}", headers)
        return [answer.body]

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Without host and script name, which matter to apps that build URLs: to read them takes a quarter of all that
        Flask does for a request."""
        if request is None:
            return super().create_url_adapter(request)
        path, method = request.environ.get("PATH_INFO", ""), request.method
        return MapAdapter(self.url_map, "", "/", None, "https", path, method)


def create_app(door: Door, *, gate: Gate | None = None, max_body: int = MAX_BODY) -> Flask:
    gate = gate or Gate()
    reception = Reception(door, gate, max_body=max_body)
    app = AdmissionApp(reception)
    # A body without a length (chunked) is read as far as this and cut in silence: one byte more shows that it was.
    app.config["MAX_CONTENT_LENGTH"] = max_body + 1
    door.meters.watch_in_flight(lambda: gate.inside)

    def read() -> bytes:
        return _read(max_body)

    @app.post("/validate", defaults={"name": ""})
    @app.post("/validate/<name>")
    def validate(name: str) -> Response:
        return _write(reception.review(Hook.VALIDATE, name, request.environ, read))

    @app.post("/mutate", defaults={"name": ""})
    @app.post("/mutate/<name>")
    def mutate(name: str) -> Response:
        return _write(reception.review(Hook.MUTATE, name, request.environ, read))

    @app.post("/convert", defaults={"name": ""})
    @app.post("/convert/<name>")
    def convert(name: str) -> Response:  # noqa: ARG001 - it is there for those who read the path
        return _write(reception.convert(request.environ, read))

    @app.errorhandler(HTTPException)
    def explain(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        return _write(refuse(status, f"{request.method} {request.path}: {error.description or status.phrase}"))

    @app.errorhandler(Exception)
    def fail(_: Exception) -> Response:
        return _write(give_up(request.path))

    return app


def _read(limit: int) -> bytes:
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        body = None
    if body is None or len(body) > limit:
        message = f"the body is larger than {limit:,} bytes, which no review of an object needs"
        raise UnreadableError(message, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return body


def _write(answer: Answer) -> Response:
    response = Response(answer.body, answer.status, content_type=JSON)
    response.headers.extend(_more_headers(answer))
    return response


def _more_headers(answer: Answer) -> list[tuple[str, str]]:
    return [] if answer.retry_after is None else [("Retry-After", str(answer.retry_after))]
