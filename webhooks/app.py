"""The Flask app of the admission port, wiring only: /validate, /mutate and /convert, and names behind them.

A name is that of the registered webhook that calls, a group of policies; behind /convert it is for the access log.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import MapAdapter

from auditor.webhooks import decode, journal
from auditor.webhooks.asked import Hook
from auditor.webhooks.decode import MAX_BODY, UnreadableError
from auditor.webhooks.door import Door, NotReadyError
from auditor.webhooks.gate import Gate
from auditor.webhooks.respond import Answer, refuse


class AdmissionApp(Flask):
    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Without host and script name, which matter to apps that build URLs: to read them takes a quarter of all that
        Flask does for a request."""
        if request is None:
            return super().create_url_adapter(request)
        path, method = request.environ.get("PATH_INFO", ""), request.method
        return MapAdapter(self.url_map, "", "/", None, "https", path, method)


def create_app(door: Door, *, gate: Gate | None = None, max_body: int = MAX_BODY) -> Flask:
    app = AdmissionApp("auditor.webhooks", static_folder=None)
    # A body without a length (chunked) is read as far as this and cut in silence: one byte more shows that it was.
    app.config["MAX_CONTENT_LENGTH"] = max_body + 1
    gate = gate or Gate()
    door.meters.watch_in_flight(lambda: gate.inside)

    def handle(hook: Hook, work: Callable[[bytes], Answer]) -> Response:
        environment = request.environ  # what the request makes of it takes 20 us to be parsed
        size = _declared(environment, max_body)
        if not gate.enter(size):
            return _write(door.busy(hook))
        try:
            decode.check_content_type(environment.get("CONTENT_TYPE", ""), environment.get("HTTP_CONTENT_ENCODING", ""))
            return _write(work(_read(max_body)))
        except UnreadableError as error:
            return _write(door.unreadable(hook, error))
        except NotReadyError:
            return _write(door.not_ready(hook))
        finally:
            gate.leave(size)

    def review(hook: Hook, name: str) -> Response:
        timeout = decode.read_timeout(request.environ.get("QUERY_STRING", ""))
        return handle(hook, lambda body: door.review(hook, body, name=name, timeout=timeout))

    @app.post("/validate", defaults={"name": ""})
    @app.post("/validate/<name>")
    def validate(name: str) -> Response:
        return review(Hook.VALIDATE, name)

    @app.post("/mutate", defaults={"name": ""})
    @app.post("/mutate/<name>")
    def mutate(name: str) -> Response:
        return review(Hook.MUTATE, name)

    @app.post("/convert", defaults={"name": ""})
    @app.post("/convert/<name>")
    def convert(name: str) -> Response:  # noqa: ARG001 - it is there for those who read the path
        return handle(Hook.CONVERT, door.convert)

    @app.errorhandler(HTTPException)
    def explain(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        return _write(refuse(status, f"{request.method} {request.path}: {error.description or status.phrase}"))

    @app.errorhandler(Exception)
    def give_up(_: Exception) -> Response:
        """Not even the body came: there is no review, so failurePolicy decides."""
        journal.logger.exception("%s failed", request.path)
        return _write(refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "auditor failed, its log tells more"))

    return app


def _declared(environment: Mapping[str, str], limit: int) -> int:
    """The length of a body before it is read; without one (chunked) it may have any."""
    length = environment.get("CONTENT_LENGTH", "")
    return min(int(length), limit) if length.isdecimal() and len(length) < 19 else limit


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
    response = Response(answer.body, answer.status, content_type="application/json")
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response
