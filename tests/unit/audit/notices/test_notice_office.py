from datetime import timedelta
from pathlib import Path

from auditor.audit.notices import NoticeOffice
from auditor.audit.notices.newsroom import Newsroom
from auditor.audit.notices.office import NoticeCase
from auditor.cluster.conditions import Condition
from tests.unit.audit.notices.making import CREATED, make_thing

NOW = CREATED + timedelta(days=1)


def never() -> bool:
    raise AssertionError("it is not to be asked")


def test_without_a_history() -> None:
    told = NoticeOffice(None, whole=never).enter(make_thing(), dict)
    assert isinstance(told, Condition)
    assert (told.status, told.reason) == ("False", "NoHistory")


def test_a_history_that_is_away(tmp_path: Path) -> None:
    office = NoticeOffice(Newsroom(f"sqlite:///{tmp_path}/none.db", lambda: "c"), whole=lambda: True)
    case = office.enter(make_thing(), dict)
    assert isinstance(case, NoticeCase)
    standing, (told,) = case.plan(NOW)
    assert standing == case.before
    assert (told.status, told.reason) == ("False", "HistoryAway")
    assert told.message.startswith("News are found in the history: there is no history in sqlite")
    assert told.message.endswith("no such file.")


def test_nothing_is_waited_for_while_it_is_suspended(tmp_path: Path) -> None:
    office = NoticeOffice(Newsroom(f"sqlite:///{tmp_path}/none.db", lambda: "c"), whole=never)
    case = office.enter(make_thing(suspend=True), dict)
    assert isinstance(case, NoticeCase)
    case.plan(NOW)
