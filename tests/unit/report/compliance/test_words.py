"""Words that the watcher writes and a report knows again."""

import inspect

from auditor.audit import situation
from auditor.report.history.records import DOOR_ONLY


def test_what_only_the_door_judges_is_named_as_the_watcher_does() -> None:
    assert DOOR_ONLY in inspect.getsource(situation) or "DOOR_ONLY" in inspect.getsource(situation)
