"""Pages that are open ask whether something has changed: they hear of it, and nobody hears what others do."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.dashboard.app import Source, make_app
from auditor.dashboard.routes import API
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import Batch, History
from tests.unit.dashboard.visits import ORIGIN, HeaderEntrance, open_source
from tests.unit.dashboard.world import NOW, TEAMS, UID, make_url, make_world

MINE, THEIRS = TEAMS


class Watched:
    """A history that goes on, and who looks at it."""

    def __init__(self, url: str) -> None:
        make_world(url)
        self.source: Source = open_source(url)
        self._history = History.open(url, cluster=UID)
        self._client = make_app(self.source, HeaderEntrance(), ORIGIN).test_client()
        self._number = 0

    def version(self, who: str) -> str:
        answer = self._client.get(f"{API}/version", headers={"X-Test": who})
        assert answer.status_code == 200
        return str(answer.get_json()["version"])

    def tell(self, namespace: str, *, minutes: int) -> None:
        self._number += 1
        finding = Finding(
            policy="quorum",
            rule="odd-replicas",
            result=Result.FAIL,
            severity=Severity.HIGH,
            message="",
            fingerprint=f"new-{self._number}",
        )
        subject = Subject("db.example.com/v1", "Database", "databases", namespace, "new", "uid")
        turn = FindingTurn(NOW + timedelta(minutes=minutes), Turn.OPENED, subject, finding)
        self._history.write([turn], batch=Batch(instance="a", number=self._number, at=NOW))

    def close(self) -> None:
        self._history.close()
        self.source.database.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(make_url(tmp_path))
    yield watched
    watched.close()


def test_a_change_is_told_to_those_whom_it_concerns(watched: Watched) -> None:
    who = ("admin", MINE, THEIRS)
    before = {each: watched.version(each) for each in who}
    assert before == {each: watched.version(each) for each in who}
    watched.tell(MINE, minutes=-30)
    after = {each: watched.version(each) for each in who}
    assert [each for each in who if after[each] != before[each]] == ["admin", MINE]
    watched.tell(THEIRS, minutes=-20)
    assert [each for each in who if watched.version(each) != after[each]] == ["admin", THEIRS]


def test_pages_look_again_when_time_has_passed(tmp_path: Path) -> None:
    url = make_url(tmp_path)
    make_world(url, objects=2)
    found = []
    for minutes in (0, 1, 6):
        source = open_source(url, NOW + timedelta(minutes=minutes))
        client = make_app(source, HeaderEntrance(), ORIGIN).test_client()
        found.append(client.get(f"{API}/version", headers={"X-Test": MINE}).get_json())
        source.database.close()
    assert found[0] == found[1] != found[2]
