"""Visitors of the dashboard by somebody who means harm, beside what tests/unit/dashboard holds of every answer."""

import csv
import io
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from auditor.dashboard.access import LinkEntrance
from auditor.dashboard.access.origin import Origin
from auditor.dashboard.access.sessions import Sessions
from auditor.dashboard.app import Source, make_app
from tests.security.test_objects import Tags
from tests.unit.dashboard.addresses import all_addresses
from tests.unit.dashboard.visits import ORIGIN, HeaderEntrance, open_source
from tests.unit.dashboard.world import make_url, make_world

SECRET_FILE = "SECRET-OF-A-FILE"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    place = Path(tmp_path_factory.mktemp("dashboard"))
    (place / "secret.txt").write_text(SECRET_FILE)
    url = make_url(place)
    make_world(url, objects=2)
    return open_source(url)


@pytest.fixture(scope="module")
def visitor(source: Source) -> FlaskClient:
    """Of one who came in by a link."""
    told: list[str] = []
    sessions: Sessions[None] = Sessions(lambda: 0.0, secure=False)
    entrance = LinkEntrance(url="http://localhost", tell=told.append, sessions=sessions, clock=lambda: 0.0)
    app = make_app(source, entrance, Origin.read("http://localhost"))
    entrance.offer()
    client = app.test_client()
    assert client.get(told[0].removeprefix("http://localhost")).status_code == 303
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static/..%2f..%2fapp.py",
        "/static//etc/passwd",
        "/static/..\\..\\app.py",
        "/reports/../../etc/passwd",
        "/reports/download?format=../../etc/passwd",
        "/reports/download?period=../../etc/passwd",
        "/reports/download?time_zone=../../../../etc/passwd",
        "/reports/download?time_zone=/etc/passwd",
        "/policies/Policy/..%2f..%2fetc%2fpasswd",
        "/findings/..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_to_a_file(path: str, visitor: FlaskClient) -> None:
    answer = visitor.get(path, follow_redirects=True)  # a doubled slash leads to a single one, of the same host
    assert answer.status_code in (400, 404)
    text = answer.get_data(as_text=True)
    assert SECRET_FILE not in text
    assert "root:" not in text
    assert "def make_app" not in text


@pytest.mark.parametrize("word", ["%0d%0aSet-Cookie:%20a=b", '";filename="x.exe', "%00", "<script>", "%F0%9F%92%A9"])
def test_no_word_becomes_a_header(word: str, visitor: FlaskClient) -> None:
    for path in (
        f"/reports/download?namespace={word}",
        f"/findings?q={word}&sort={word}",
        f"/{word}",
        f"/enter?link={word}",
    ):
        answer = visitor.get(path)
        assert answer.status_code < 500
        assert "Set-Cookie" not in answer.headers
        assert "x.exe" not in answer.headers.get("Content-Disposition", "")
        assert "<script>alert" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path",
    [
        "/?next=//evil.example.com",
        "//evil.example.com/",
        "/enter?next=https://evil.example.com",
        "/%5cevil.example.com",
    ],
)
def test_nobody_is_led_elsewhere(path: str, visitor: FlaskClient) -> None:
    answer = visitor.get(path, headers={"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "https"})
    assert "evil.example.com" not in answer.headers.get("Location", "")
    assert "evil.example.com" not in answer.get_data(as_text=True).replace("next=", "")


@pytest.mark.parametrize("cookie", ["chosen", "", "a" * 10_000, "é", "None"])
def test_a_session_that_somebody_chose_is_none(cookie: str, visitor: FlaskClient) -> None:
    """Fixation: what was there before the link is not what is there after it."""
    other = visitor.application.test_client()
    assert other.get("/", headers={"Cookie": f"auditor={cookie}"}).status_code == 401


def test_who_posts_from_elsewhere_is_refused(visitor: FlaskClient) -> None:
    for origin in ("https://evil.example.com", "null", "http://localhost.evil.example.com", "http://localhost:81"):
        for path in ("/enter", "/", "/findings", "/api/v1/findings"):
            assert visitor.post(path, headers={"Origin": origin}).status_code == 403
    assert visitor.post("/enter").status_code == 403  # a browser says where it comes from


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND"])
def test_there_is_nothing_to_write(method: str, visitor: FlaskClient) -> None:
    for path in ("/", "/findings", "/api/v1/findings", "/reports/download"):
        answer = visitor.open(path, method=method, headers={"Origin": "http://localhost"})
        assert answer.status_code == 405


def test_no_link_is_logged(source: Source, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    sessions: Sessions[None] = Sessions(lambda: 0.0, secure=False)
    entrance = LinkEntrance(url="http://localhost", tell=told.append, sessions=sessions, clock=lambda: 0.0)
    client = make_app(source, entrance, Origin.read("http://localhost")).test_client()
    with caplog.at_level(logging.DEBUG):
        entrance.offer()
        path = told[0].removeprefix("http://localhost")
        for _ in range(2):
            answer = client.get(path)
    secret = path.partition("=")[2]
    assert secret not in caplog.text
    assert secret not in answer.get_data(as_text=True)
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "private, no-store"


ATTACK = "=1+1|\"'><script>alert(1)</script><img src=x onerror=alert(1)> javascript:alert(1) {{7*7}} \x1b[2J\u202e"
"""In front of all that somebody else has a say in."""
WORDS = {
    *("name", "namespace", "message", "message_before", "path", "remediation", "writer", "owner", "reason", "title"),
    *("user", "exception", "rule", "policy", "api_version", "resource", "what_it_said", "instance"),
}


def spoil(file: Path) -> set[str]:
    """Every text of the history that comes from others; the columns that hold one."""
    found = set()
    with sqlite3.connect(file) as history:
        tables = [name for (name,) in history.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for _, column, kind, *_ in history.execute(f"pragma table_info({table})").fetchall():
                if column in WORDS and ("CHAR" in kind or kind == "TEXT"):
                    change = f"update {table} set {column} = ? || {column} where {column} <> ''"  # noqa: S608 - of ours
                    changed = history.execute(change, [ATTACK])
                    found |= {column} if changed.rowcount > 0 else set()
    history.close()
    return found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """All that the dashboard shows of such a history, by address."""
    place = Path(tmp_path_factory.mktemp("hostile"))
    url = make_url(place)
    fingerprints = make_world(url, objects=3)
    assert spoil(place / "history.db") >= {"name", "namespace", "message", "path", "writer", "owner", "title", "user"}
    source = open_source(url)
    app = make_app(source, HeaderEntrance(), ORIGIN)
    client = app.test_client()
    shown = {}
    for address in all_addresses(app, fingerprints):
        answer = client.get(address, headers={"X-Test": "admin"})
        assert answer.status_code < 500, address
        shown[address] = answer.get_data(as_text=True)
    yield shown
    source.database.close()


def test_no_text_of_others_is_markup(hostile: dict[str, str]) -> None:
    pages = {address: text for address, text in hostile.items() if text.startswith("<!doctype html>")}
    assert sum("alert(1)" in text for text in pages.values()) > 8
    for address, text in pages.items():
        tags = Tags()
        tags.feed(text)
        tags.close()
        assert not tags.found & {"img", "iframe", "object", "base"}, address
        assert not [name for name in tags.attributes if name.startswith("on") or name == "style"], address
        assert text.count("<script") == text.count('<script src="/static/'), address
        assert 'href="javascript:' not in text, address


def test_no_cell_of_others_is_a_formula(hostile: dict[str, str]) -> None:
    (text,) = {text for address, text in hostile.items() if "format=csv&period=7d" in address}
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert any("1+1" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))]


def test_no_line_of_others_is_markdown(hostile: dict[str, str]) -> None:
    (text,) = {text for address, text in hostile.items() if "format=markdown&period=7d" in address}
    assert "alert" in text
    assert "<script" not in text
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
