"""Who visits, said by a header that only tests know; and the history that they look at."""

from collections.abc import Callable
from datetime import datetime

from flask import Flask, Request
from flask.testing import FlaskClient

from auditor.dashboard.access import Refused, Visitor
from auditor.dashboard.access.origin import Origin
from auditor.dashboard.app import Source
from auditor.report.compliance import Scope
from auditor.report.history.reader import choose_cluster, open_to_read
from tests.unit.dashboard.world import NOW, TEAMS

ORIGIN = Origin("http", frozenset(("localhost",)))
SCOPES = {
    "admin": Scope(),
    "nobody": Scope(namespaces=frozenset()),
    **{team: Scope(namespaces=frozenset((team,))) for team in TEAMS},
}
Visit = Callable[[str], FlaskClient]


class HeaderEntrance:
    def identify(self, request: Request) -> Visitor:
        name = request.headers.get("X-Test", "")
        if name not in SCOPES:
            raise Refused("Say who you are.")
        return Visitor(name=name, scope=SCOPES[name])

    def mount(self, app: Flask) -> None:
        pass


def open_source(url: str, now: datetime = NOW) -> Source:
    database = open_to_read(url)
    with database.reading() as connection:
        cluster = choose_cluster(connection)
    return Source(database=database, cluster=cluster, clock=lambda: now)
