"""The dashboard over PostgreSQL says what it says over SQLite, to the byte: in a database of another locale, and where
another cluster has its history, too."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from auditor.dashboard.app import Source, make_app
from auditor.dashboard.routes import API
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Severity
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import History, Retention
from auditor.report.history.reader import choose_cluster, open_to_read
from tests.cluster.history.conftest import create_database
from tests.cluster.history.server import Server
from tests.unit.audit.lifetime import Lifetime
from tests.unit.dashboard.addresses import all_addresses
from tests.unit.dashboard.visits import ORIGIN, HeaderEntrance
from tests.unit.dashboard.world import DAY, GROUP, NOW, START, TEAMS, UID, make_url, make_world

NAMES = ("apple", "Zebra", "Äpfel", "äpfel", "b%_c", "B-c", "b.c", "b\\c", "a b", "_", "é", "e", "日本")
"""Which comes first is another question in each locale."""
ASKED = (
    *({"sort": each, "limit": "7", "state": "all"} for each in ("severity", "object", "policy", "kind", "newest")),
    *({"q": each} for each in ("äpfel", "ÄPFEL", "zebra", "ZEBRA", "%", "_", "b%_c", "\\", "B\\C", "日", "nothing")),
    *({"result": each} for each in ("violation", "error", "excused")),
    {"overdue": "yes"},
    {"state": "resolved", "sort": "oldest"},
    {"namespace": "(cluster)"},
    {"kind": "databases"},
    {"policy": "Äpfel", "rule": "b%_c"},
)


def make_all(url: str) -> list[str]:
    fingerprints = make_world(url)
    history = History.open(url, cluster=UID)
    turns = []
    for number, name in enumerate((*NAMES, *reversed(NAMES))):
        resource = ("databases", "queues")[number % 2]
        finding = Finding(
            policy=NAMES[number % 5],
            rule=NAMES[number % 7],
            result=Result.WARN if number % 3 else Result.FAIL,
            severity=tuple(Severity)[number % 5],
            message=f"{name} is wrong",
            fingerprint=make_fingerprint(name, str(number)),
            path=f"/spec/{name}",
        )
        subject = Subject(f"{GROUP}/v1", "Database", resource, TEAMS[number % 2], name, f"uid-{number}")
        turns.append(FindingTurn(START + number % 4 * DAY, Turn.OPENED, subject, finding))
        if number % 6 == 5:
            turns.append(FindingTurn(START + 9 * DAY, Turn.RESOLVED, subject, finding))
    history.write(turns)
    history.prune(NOW, Retention())
    history.close()
    return fingerprints


def open_source(url: str, uid: str) -> Source:
    database = open_to_read(url)
    with database.reading() as connection:
        return Source(database=database, cluster=choose_cluster(connection, uid), clock=lambda: NOW)


@pytest.fixture(scope="module")
def worlds(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Source], list[str]]]:
    locale = ("TEMPLATE template0", "LOCALE_PROVIDER icu", "ICU_LOCALE 'de-DE'")
    urls = [make_url(Path(tmp_path_factory.mktemp("dashboard"))), create_database(postgresql, *locale)]
    other = Lifetime(urls[1])
    other.write("things.example.com", "zebra/orders", {"n": 6, "a": "x"})
    other.move(20)
    other.rest()
    other.close()
    fingerprints, _ = (make_all(url) for url in urls)
    sources = [open_source(url, UID) for url in urls]
    yield sources, fingerprints
    for source in sources:
        source.database.close()


@pytest.mark.parametrize("visitor", ["admin", TEAMS[0]])
def test_each_page_and_call_is_the_same(visitor: str, worlds: tuple[list[Source], list[str]]) -> None:
    sources, fingerprints = worlds
    clients: list[FlaskClient] = []
    for source in sources:
        clients.append(make_app(source, HeaderEntrance(), ORIGIN).test_client())
        clients[-1].environ_base["HTTP_X_TEST"] = visitor
    for address in all_addresses(clients[0].application, fingerprints[:3]):
        answers = [client.get(address) for client in clients]
        assert [each.status_code for each in answers] == [answers[0].status_code] * 2, address
        assert answers[0].get_data(as_text=True) == answers[1].get_data(as_text=True), address
    found = 0
    for asked in ASKED:
        address, pages = f"{API}/findings?{urlencode(asked)}", 0
        after = ""
        while pages == 0 or after:
            first, second = (client.get(f"{address}&{urlencode({'after': after})}").get_json() for client in clients)
            assert first == second, (asked, after)
            after, pages, found = first["next"], pages + 1, found + len(first["findings"])
    assert found > 100
