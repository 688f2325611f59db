from datetime import datetime, timedelta

import pytest

from auditor.audit.doors import pardons
from auditor.audit.doors.pardons import Pardon, Pardons, make_key
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


def test_kept_as_long_as_somebody_knows_of_them() -> None:
    clock = Clock()
    found = Pardons(now=clock, kept=timedelta(days=90))
    found.note([broken("a")])
    clock.now = NOW + timedelta(days=89)
    assert found.times(*KIND, "shop/a") == (NOW,)
    clock.now = NOW + timedelta(days=91)
    assert found.times(*KIND, "shop/a") == ()


def remembered(name: str, *, minutes: int = 0) -> Pardon:
    """As the history has it."""
    return Pardon(NOW + timedelta(minutes=minutes), make_key(*KIND, "shop", name), f"{name}-{minutes}")


def test_what_the_history_knows_is_what_the_door_told() -> None:
    found = Pardons(now=Clock(), kept=timedelta(days=1))
    assert found.note([broken("a")]) == [(*KIND, "shop/a")]
    assert found.remember([remembered("a"), remembered("b", minutes=-70), remembered("c", minutes=-1500)]) == [
        (*KIND, "shop/b")
    ]
    assert found.times(*KIND, "shop/a") == (NOW,)
    assert found.times(*KIND, "shop/b") == (NOW - timedelta(minutes=70),)
    assert len(found) == 2


def test_where_there_is_no_room_the_oldest_go_whenever_they_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pardons, "MOST", 2)
    found = Pardons(now=Clock(), kept=timedelta(days=1))
    found.note([broken("a"), broken("b", minutes=-1)])
    assert found.remember([remembered("c", minutes=-2)]) == []
    assert found.remember([remembered("d", minutes=-1), remembered("e")]) == [(*KIND, "shop/e")]
    assert [name for name in "abcde" if found.times(*KIND, f"shop/{name}")] == ["a", "e"]
