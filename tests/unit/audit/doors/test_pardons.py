from datetime import datetime, timedelta

import pytest

from auditor.audit.doors import pardons
from auditor.audit.doors.pardons import Pardons
from auditor.json import JsonObject
from tests.unit.audit.doors.standing import NOW, decide

KIND = ("db.example.com", "Database")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def broken(name: str, *, minutes: int = 0, **changes: object) -> JsonObject:
    at = NOW + timedelta(minutes=minutes)
    return decide(name, broke_glass=True, time=at, id=f"{name}-{minutes}", **changes).describe()


def test_each_write_is_known_for_an_hour() -> None:
    clock = Clock()
    found = Pardons(now=clock)
    assert found.note([broken("a"), broken("a", minutes=2), decide("b").describe()]) == [(*KIND, "shop/a")]
    assert found.times(*KIND, "shop/a") == (NOW, NOW + timedelta(minutes=2))
    assert found.times(*KIND, "shop/b") == ()
    clock.now = NOW + timedelta(minutes=61)
    assert found.times(*KIND, "shop/a") == (NOW + timedelta(minutes=2),)
    clock.now = NOW + timedelta(minutes=63)
    assert found.times(*KIND, "shop/a") == ()
    assert len(found) == 0


def test_the_same_again_is_no_news() -> None:
    found = Pardons(now=Clock())
    assert found.note([broken("a")])
    assert found.note([broken("a")]) == []
    assert found.times(*KIND, "shop/a") == (NOW,)


@pytest.mark.parametrize(
    "decision",
    [
        broken("a", dry_run=True),
        broken(""),
        broken("a") | {"time": "yesterday"},
        broken("a") | {"breakGlass": 1},
        broken("a", minutes=-61),
    ],
)
def test_what_pardons_nothing(decision: JsonObject) -> None:
    found = Pardons(now=Clock())
    assert found.note([decision]) == []
    assert len(found) == 0


def test_there_are_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pardons, "MOST", 3)
    found = Pardons(now=Clock())
    found.note([broken(str(number)) for number in range(5)])
    assert [name for name in "01234" if found.times(*KIND, f"shop/{name}")] == ["2", "3", "4"]
