"""The Flask app: every request is for our host, from a visitor who is known, and answered within their scope."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import orjson
from flask import Flask, Request, Response, current_app, g, render_template, request
from werkzeug.exceptions import HTTPException

from auditor.dashboard.access import Entrance, Refused, Visitor
from auditor.dashboard.access.origin import Origin
from auditor.dashboard.answers import reports
from auditor.dashboard.answers.asked import Asked, Parameter
from auditor.dashboard.answers.desk import Desk, make_versions
from auditor.dashboard.answers.now import look_at_nothing
from auditor.dashboard.api.openapi import make_openapi
from auditor.dashboard.looks import install, keep
from auditor.dashboard.now import Objects
from auditor.dashboard.protection import protect
from auditor.dashboard.routes import API, ROUTES, Route
from auditor.errors import AuditorError, UsageError
from auditor.report.compliance.standing import ALLOWED, Allowed
from auditor.report.history import Database
from auditor.report.history.reader import KnownCluster

log = logging.getLogger(__name__)

OPEN: Final = frozenset(("static", "health", "login", "log_in", "log_out", "enter", "offer"))
"""Endpoints that need no visitor; none of them shows anything of the cluster."""
BIGGEST: Final = 64 * 1024
"""Bytes of a request: forms hold a token of at most 16 KB."""
LOGINS: Final = ("login", "enter")
"""Where the entrance has one of them, it is shown to those who are not known."""

View = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is shown."""

    database: Database
    cluster: KnownCluster
    allowed: Allowed = field(default_factory=lambda: ALLOWED)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    objects: Objects | None = None
    """Of the cluster; None: it is not asked."""


def make_app(source: Source, entrance: Entrance, origin: Origin) -> Flask:
    app = Flask("auditor.dashboard")
    app.config["MAX_CONTENT_LENGTH"] = BIGGEST
    install(app)
    entrance.mount(app)
    app.add_url_rule("/healthz", "health", lambda: Response("ok\n", mimetype="text/plain"))

    @app.before_request
    def check() -> None:
        if request.endpoint == "health":
            return
        if not origin.is_asked(request):
            raise _RefusedHost
        if not origin.is_own(request):
            raise _Foreign
        if request.endpoint not in OPEN:
            g.visitor = entrance.identify(request)
            if g.visitor.scope.namespaces == frozenset():
                raise _Nothing

    @app.after_request
    def finish(response: Response) -> Response:
        static = request.endpoint == "static" and response.status_code == 200
        if request.method in ("GET", "HEAD") and response.status_code == 200 and not static:
            response.add_etag()
            response.make_conditional(request)
        return protect(response, static=static, lasting=origin.lasting)

    @app.context_processor
    def tell() -> dict[str, object]:
        return {
            "visitor": g.get("visitor"),
            "navigation": [route for route in ROUTES if route.path and not route.within],
            "cluster": source.cluster if "visitor" in g else None,
        }

    versions = make_versions(time.monotonic)

    def sit_down() -> Desk:
        visitor: Visitor = g.visitor
        return Desk(
            database=source.database,
            cluster=source.cluster,
            scope=visitor.scope,
            now=source.clock(),
            allowed=source.allowed,
            look=partial(source.objects.look, visitor.may_get) if source.objects is not None else look_at_nothing,
            versions=versions,
        )

    for route in ROUTES:
        if route.path:
            app.add_url_rule(route.path, route.name, _make_page(route, sit_down))
        app.add_url_rule(f"{API}{route.api}", f"api_{route.name}", _make_call(route, sit_down))
    app.add_url_rule("/reports", "reports", _show_reports)
    app.add_url_rule("/reports/download", "download", _make_download(sit_down))
    description = orjson.dumps(make_openapi(ROUTES))
    app.add_url_rule("/api/openapi.json", "openapi", lambda: Response(description, mimetype="application/json"))
    for error, handle in _HANDLERS.items():
        app.register_error_handler(error, handle)
    return app


def _read(parameters: tuple[Parameter, ...], asked: Request, inside: dict[str, str]) -> Asked:
    return {**{each.name: each.read(asked.args.getlist(each.name)) for each in parameters}, **inside}


def _make_page(route: Route, sit_down: Callable[[], Desk]) -> View:
    defaults = {each.name: each.default for each in route.parameters}

    def show(**inside: str) -> str:
        asked = _read(route.parameters, request, inside)
        answer = route.ask(sit_down(), asked)
        return render_template(
            route.template,
            answer=answer,
            asked=asked,
            route=route,
            here=route.within or route.name,
            keep=lambda **changes: keep({name: asked[name] for name in defaults}, defaults, **changes),
            choices={each.name: each.choices for each in route.parameters},
        )

    return show


def _make_call(route: Route, sit_down: Callable[[], Desk]) -> View:
    names = frozenset(each.name for each in route.parameters)

    def call(**inside: str) -> Response:
        # A filter that is misspelt would give more than was asked for, to a program that does not look.
        if unknown := sorted(set(request.args) - names):
            raise UsageError(f"there is no parameter {unknown[0]!r}. There are {', '.join(sorted(names)) or 'none'}")
        answer = route.ask(sit_down(), _read(route.parameters, request, inside))
        return Response(orjson.dumps(route.dump(answer)), mimetype="application/json")

    return call


_FORMAT: Final = Parameter(name="format", what="How.", choices=tuple(reports.SUFFIXES), default="html")


def _show_reports() -> str:
    return render_template("reports.html", here="reports", periods=reports.PERIODS, formats=reports.SUFFIXES)


def _make_download(sit_down: Callable[[], Desk]) -> View:
    def download() -> Response:
        asked = _read((*reports.PARAMETERS, _FORMAT), request, {})
        form, report = asked["format"], reports.ask_report(sit_down(), asked)
        name = f"compliance-{report.period.start:%Y-%m-%d}-to-{report.period.end:%Y-%m-%d}.{reports.SUFFIXES[form]}"
        return Response(
            reports.write(report, form),
            content_type=f"{reports.TYPES[form]}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return download


class _RefusedHost(Exception):  # noqa: N818
    pass


class _Foreign(Exception):  # noqa: N818
    pass


class _Nothing(Exception):  # noqa: N818
    pass


def _answer(code: int, title: str, said: str) -> Response:
    if request.path.startswith("/api/"):
        response = Response(orjson.dumps({"error": said}), status=code, mimetype="application/json")
    else:
        response = Response(render_template("error.html", title=title, said=said, here=""), status=code)
    if code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="auditor"'
    return response


def _refuse(error: Refused) -> Response:
    login = next((name for name in LOGINS if name in current_app.view_functions), "")
    if not login or request.path.startswith("/api/"):
        return _answer(401, "Who are you?", str(error))
    page = render_template(f"{login}.html", wrong=False, told=False, spent=False)
    return Response(page, status=401)


def _tell_trouble(error: AuditorError) -> Response:
    if error.http_code == 404:
        return _answer(404, "Not found", str(error))
    if error.http_code < 500:
        return _answer(error.http_code, "That cannot be asked", str(error))
    # It may name hosts and files; who runs the dashboard finds it in the log.
    log.warning("dashboard: %s: %s", request.path, error)
    return _answer(503, "Not available", "The history or the cluster cannot be asked now. Nothing is shown meanwhile.")


def _tell_http(error: HTTPException) -> Response:
    code = error.code or 500
    said = "There is nothing here that you may see." if code == 404 else (error.name or "It failed.")
    return _answer(code, "Not found" if code == 404 else (error.name or "Error"), said)


def _tell_defect(error: Exception) -> Response:
    log.error("dashboard: %s: a defect of auditor", request.path, exc_info=error)
    return _answer(500, "It failed", "This is a defect of auditor. Its log tells more.")


_HANDLERS: Final[dict[type[Exception], Callable[[Any], Response]]] = {
    Refused: _refuse,
    AuditorError: _tell_trouble,
    HTTPException: _tell_http,
    Exception: _tell_defect,
    _RefusedHost: lambda _: _answer(421, "Not here", "This is not the name of this dashboard."),
    _Foreign: lambda _: _answer(403, "Refused", "That did not come from a page of this dashboard."),
    _Nothing: lambda _: _answer(
        403,
        "Nothing to see",
        "You may see what you may list reports of. You have that right in no namespace: ask for a RoleBinding.",
    ),
}
