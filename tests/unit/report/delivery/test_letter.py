"""A letter says what the report says, of a small history."""

import json

import pytest

from auditor.report.compliance import Compliance, Period, Scope, make_report
from auditor.report.delivery.letter import WORDS, write_letter
from auditor.report.history.reader import choose_cluster, open_to_read
from tests.unit.report.compliance.world import DAY, START, World, say

FORMS = ("html", "json", "markdown")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('history')}/history.db"
    world = World.open(url)
    world.play([say(7), say(7, place=("b", "one")), say(59, None)])
    world.move(DAY)
    world.flush()
    world.history.close()
    return url


def report(url: str, scope: Scope | None = None, start: int = 0) -> Compliance:
    database = open_to_read(url)
    try:
        with database.reading() as connection:
            cluster = choose_cluster(connection)
        period = Period(start=START + start * DAY, end=START + (start + 1) * DAY)
        return make_report(database, cluster, period, scope or Scope(), now=START + 3 * DAY)
    finally:
        database.close()


def test_what_it_says(url: str) -> None:
    found = report(url, Scope(namespaces=frozenset({"a", "b"})))
    due = found.period.end
    letter = write_letter(
        found, key="k", schedule="daily", audience="red", due=due, formats=["html", "json", "markdown"]
    )
    assert set(letter.words) == set(WORDS)
    assert letter.series == "daily@red"
    assert "${" not in letter.text
    assert (letter.words["violations"], letter.words["opened"], letter.words["resolved"]) == (1, 2, 1)
    assert letter.words["percent"] == found.percent
    assert letter.subject.startswith("Compliance of red in ")
    assert f"{found.percent:.1f} %" in letter.subject
    assert "Open: 1 violations (0 overdue)" in letter.text
    assert [(sheet.ending, sheet.media) for sheet in letter.sheets] == [
        ("html", "text/html"),
        ("json", "application/json"),
        ("md", "text/markdown"),
    ]
    assert letter.words["digest"] == f"sha256:{json.loads(letter.sheets[1].content)['digest']}"
    assert letter.words["end"] == "2026-03-02T00:00:00Z"


def test_what_is_not_known_is_no_number(url: str) -> None:
    """Before there was a watcher."""
    found = report(url, start=-2)
    letter = write_letter(found, key="k", schedule="daily", audience="", due=found.period.end, formats=["csv"])
    assert letter.series == "daily"
    assert letter.words["percent"] is None
    assert letter.words["complete"] is False
    assert "nothing evaluated" in letter.subject
    assert "Not all of it was evaluated" in letter.text
