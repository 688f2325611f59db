"""Pages of the dashboard over 100,000 findings with 1,000,000 turns, half of them open, in SQLite. CPU alone is gated.

The history is that of bench_compliance, in PostgreSQL if BENCH_DATABASE names one.
A visitor of one namespace has one finding in ten.
"""

import contextlib
import functools
import tempfile
from collections.abc import Callable, Iterator

from flask import Flask, Request
from flask.testing import FlaskClient

from auditor.dashboard.access import Visitor
from auditor.dashboard.access.origin import Origin
from auditor.dashboard.app import Source, make_app
from auditor.report.compliance import Scope
from auditor.report.history import Database
from auditor.report.history.reader import choose_cluster, open_to_read
from tests.bench.parts.compliance import END, choose_url, make_history

PAGES = {
    "overview (at most 200 ms)": "/",
    "findings (at most 100 ms)": "/findings",
    "findings by object, page in the middle (at most 100 ms)": "/findings?sort=object&namespace=team-6",
    "findings, the newest first (at most 100 ms)": "/findings?sort=newest",
    "findings of one policy (at most 100 ms)": "/findings?policy=policy-8",
    "findings with a text that few have": "/findings?q=orders-4712",
    "findings with a text that none has": "/findings?q=nothing-of-the-sort",
    "policies": "/policies",
    "one policy": "/policies/Policy/policy-8",
    "controls": "/controls",
    "denials": "/denials",
}


class _Door:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def identify(self, request: Request) -> Visitor:
        return Visitor(name="bench", scope=self._scope)

    def mount(self, app: Flask) -> None:
        pass


class Pages:
    """Of one history, asked without a network."""

    def __init__(self, database: Database) -> None:
        with database.reading() as connection:
            self._source = Source(database=database, cluster=choose_cluster(connection), clock=lambda: END)
        self._browsers: dict[Scope, FlaskClient] = {}

    @classmethod
    @contextlib.contextmanager
    def open(cls, url: str) -> "Iterator[Pages]":
        database = open_to_read(url)
        try:
            yield cls(database)
        finally:
            database.close()

    def ask(self, scope: Scope, path: str) -> None:
        if scope not in self._browsers:
            app = make_app(self._source, _Door(scope), Origin("http", frozenset(("localhost",))))
            self._browsers[scope] = app.test_client()
        answer = self._browsers[scope].get(path)
        assert answer.status_code == 200, (path, answer.status_code)


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    folder = tempfile.TemporaryDirectory(prefix="auditor-bench-")

    @functools.cache
    def pages() -> Pages:
        url = choose_url(folder.name)
        make_history(url)
        return Pages(open_to_read(url))

    def ask(scope: Scope, path: str) -> None:
        pages().ask(scope, path)

    team = Scope(namespaces=frozenset({"team-2"}))
    return [
        *((name, functools.partial(ask, Scope(), path)) for name, path in PAGES.items()),
        *((f"of a team: {name}", functools.partial(ask, team, path)) for name, path in list(PAGES.items())[:5]),
    ]
