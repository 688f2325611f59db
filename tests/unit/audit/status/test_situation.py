"""What is said of one kind that the watcher follows, and what the metrics say of all."""

from datetime import UTC, datetime
from threading import RLock
from types import SimpleNamespace
from typing import Any

from auditor.audit.coverage import KindCoverage
from auditor.audit.follower import State
from auditor.audit.meters import STATES, WatcherCollector, _state_of
from auditor.audit.situation import _cover
from auditor.cluster import Resource
from auditor.errors import ForbiddenError
from auditor.model.settings import AuditSettings
from tests.sole import Sole

THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
CANNOT = 'User "system:serviceaccount:ours:watch" cannot list resource "things"'
FORBIDDEN = str(
    ForbiddenError("list things.example.com", code=403, message=f"things.example.com is forbidden: {CANNOT}")
)


def watcher(*followers: Any) -> Any:
    return SimpleNamespace(
        view=SimpleNamespace(settings=AuditSettings(), policies={}, native={}, config=None),
        rejudger=SimpleNamespace(troubles={}, waiting=0),
        followers={each.resource.name: each for each in followers},
        turf=Sole(),
        live=SimpleNamespace(troubles=list),
        chosen={},
        left=(),
        judged={},
        evaluations={},
    )


def follower(state: State, *policies: str) -> Any:
    setting = SimpleNamespace(policies=dict.fromkeys(policies))
    ledger = SimpleNamespace(shapes=list, tally=dict, found={})
    return SimpleNamespace(
        resource=THINGS, setting=setting, state=state, ledger=ledger, lock=RLock(), settled=state.synced
    )


def cover(state: State, *policies: str) -> Any:
    return _cover(watcher(), THINGS.name, follower(state, *policies), state)


def test_the_command_that_grants_names_the_account_that_lacks_the_right() -> None:
    found = cover(State(False, None, 0, FORBIDDEN, None), "p")
    role = "auditor-read-things.example.com"
    assert found.reason == (
        f"forbidden: {CANNOT}. To grant it: kubectl create clusterrole {role} --verb=get,list,watch "
        f"--resource=things.example.com && kubectl create clusterrolebinding {role} --clusterrole={role} "
        "--serviceaccount=ours:watch"
    )
    assert not found.excluded


def test_only_what_nobody_may_read_is_left_out_on_purpose() -> None:
    assert cover(State(False, None, 0, FORBIDDEN, None)).excluded
    assert not cover(State(False, None, 0, "list things.example.com: the API server answered 500", None)).excluded


def test_only_what_was_known_can_be_stale() -> None:
    assert not cover(State(False, None, 0, FORBIDDEN, None)).stale
    assert cover(State(True, 3, 0, FORBIDDEN, None)).stale


def percent_metric(*followers: Any) -> list[float]:
    collector = WatcherCollector(watcher(*followers), ready=lambda: True)
    families = {family.name: family for family in collector.collect()}
    return [sample.value for sample in families["auditor_audit_coverage_percent"].samples]


def test_coverage_is_a_metric_only_where_something_is_to_be_covered() -> None:
    assert percent_metric() == []
    unread = State(False, None, 0, FORBIDDEN, None)
    assert percent_metric(follower(unread)) == []  # no policy names it: nobody is to read it
    assert percent_metric(follower(State(True, 3, 0, "", None))) == []


def test_each_kind_is_in_one_state() -> None:
    now = datetime.now(UTC)
    assert _state_of(cover(State(True, 3, 0, "", now), "p")) == "judged"
    assert _state_of(KindCoverage(group="", resource="pods", present=3, not_evaluated=1)) == "partly"
    assert _state_of(cover(State(True, 3, 0, FORBIDDEN, now), "p")) == "stale"
    assert _state_of(cover(State(False, None, 0, FORBIDDEN, None), "p")) == "unread"
    assert _state_of(cover(State(False, None, 0, FORBIDDEN, None))) == "left_out"


def test_all_states_have_a_figure_though_nothing_is_there() -> None:
    families = {family.name: family for family in WatcherCollector(watcher(), ready=lambda: True).collect()}
    kinds = {sample.labels["state"]: sample.value for sample in families["auditor_audit_kinds"].samples}
    assert kinds == dict.fromkeys(STATES, 0)
    assert [sample.value for sample in families["auditor_audit_troubles"].samples] == [0]
