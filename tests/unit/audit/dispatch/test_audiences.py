from auditor.audit.dispatch.audiences import Namespaces, find_audiences, list_audiences, make_scope
from auditor.audit.schedules.spec import Schedule
from auditor.report.compliance import Scope
from tests.unit.audit.schedules.making import make_schedule

THERE = {
    "shop": {"team": "red", "env": "prod"},
    "till": {"team": "red", "env": "dev"},
    "bank": {"team": "blue", "env": "prod"},
    "lost": {"env": "prod"},
    "void": {"team": "", "env": "prod"},
}
PROD = {"namespaceSelector": {"matchLabels": {"env": "prod"}}}


def there() -> dict[str, dict[str, str]]:
    return THERE


def find(schedule: Schedule, namespaces: Namespaces) -> dict[str, list[str] | None]:
    found = find_audiences(schedule, namespaces)
    return {name: None if own is None else sorted(own) for name, own in found.items()}


def never() -> dict[str, dict[str, str]]:
    raise AssertionError("nobody has to know which namespaces there are")


def test_one_report_of_all() -> None:
    assert find(make_schedule(), never) == {"": None}
    assert make_scope(make_schedule(), "", never) == Scope()


def test_by_name() -> None:
    """Also one that is gone: the history knows it still."""
    assert find(make_schedule(scope={"namespaces": ["shop", "gone"]}), never) == {"": ["gone", "shop"]}


def test_by_selector() -> None:
    assert find(make_schedule(scope=PROD), there) == {"": ["bank", "lost", "shop", "void"]}
    assert find(make_schedule(scope={**PROD, "namespaces": ["shop", "till"]}), there) == {"": ["shop"]}


def test_for_each_namespace() -> None:
    found = find(make_schedule(scope=PROD, routing={"by": "Namespace"}), there)
    assert found == {name: [name] for name in ("bank", "lost", "shop", "void")}


def test_for_each_team() -> None:
    schedule = make_schedule(routing={"by": "Label", "label": "team"})
    assert find(schedule, there) == {"blue": ["bank"], "red": ["shop", "till"]}
    narrow = make_schedule(routing={"by": "Label", "label": "team"}, scope={**PROD, "severity": "high"})
    scope = make_scope(narrow, "red", there)
    assert scope is not None
    assert scope.namespaces == frozenset({"shop"}), "what the schedule leaves out, no team gets"
    assert str(scope.severity) == "high"


def test_nobody() -> None:
    none = make_schedule(scope={"namespaceSelector": {"matchLabels": {"env": "moon"}}})
    assert list_audiences(none, there) == []
    assert make_scope(none, "", there) == Scope(namespaces=frozenset()), "which is nothing, and not everything"
    assert make_scope(make_schedule(routing={"by": "Label", "label": "team"}), "green", there) is None
