"""When the server is asked, and what one that fails does to the answers."""

import logging
import threading
from dataclasses import asdict, dataclass

import pytest

from auditor.cluster.discovery import Discovery
from auditor.cluster.discovery.discovery import BROKEN_AGE, MAX_AGE, PAUSE, SETTLING
from auditor.errors import ClusterError, ServerTroubleError, UnknownKindError, UnreachableError
from tests.unit.cluster.discovery.making import Server, aggregated, make_resource, resource_list

POD = make_resource("pods", "Pod", short="po")
DATABASE = make_resource("databases.db.example.com", "Database")
CORE = aggregated(("", [("v1", [POD])]))
DOWN = ServerTroubleError("discover /apis/down.io/v1", code=503, message="service unavailable")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Server:
    return Server({"/api": CORE, "/apis": aggregated()})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def discovery(server: Server, clock: Clock) -> Discovery:
    return Discovery(server.client, clock=clock)


def add_database(server: Server) -> None:
    server.answers["/apis"] = aggregated(("db.example.com", [("v1", [DATABASE])]))


def test_nothing_is_asked_before_it_is_needed_and_then_once(server: Server, discovery: Discovery) -> None:
    assert server.asked == []
    assert discovery.find("po") == POD
    assert discovery.find("pods") == POD
    assert discovery.find_exact("v1", "Pod") == POD
    assert discovery.versions(POD) == (POD,)
    assert server.asked == ["/api", "/apis"]


def test_a_name_that_is_missing_is_looked_up_again(server: Server, clock: Clock, discovery: Discovery) -> None:
    discovery.catalog()
    add_database(server)
    with pytest.raises(UnknownKindError):  # it was asked just now
        discovery.find("database")
    clock.now += PAUSE
    assert discovery.find("database") == DATABASE
    assert len(server.asked) == 4


@pytest.mark.parametrize("question", ["versions", "find_all", "find_exact"])
def test_so_it_is_for_every_question(server: Server, clock: Clock, discovery: Discovery, question: str) -> None:
    discovery.catalog()
    add_database(server)
    clock.now += PAUSE
    match question:
        case "versions":
            assert discovery.versions(DATABASE) == (DATABASE,)
        case "find_all":
            assert discovery.find_all("database") == (DATABASE,)
        case _:
            assert discovery.find_exact("db.example.com/v1", "Database") == DATABASE


def test_wrong_names_are_no_load(server: Server, clock: Clock, discovery: Discovery) -> None:
    for _ in range(100):
        clock.now += PAUSE / 50
        with pytest.raises(UnknownKindError, match="no kind nothing"):
            discovery.find("nothing")
    assert len(server.asked) == 2 * 2


def test_what_is_old_is_asked_again(server: Server, clock: Clock, discovery: Discovery) -> None:
    discovery.find("pods")
    clock.now += MAX_AGE
    discovery.find("pods")
    assert len(server.asked) == 2
    clock.now += 0.1
    discovery.find("pods")
    assert len(server.asked) == 4


def test_an_old_answer_is_better_than_none(server: Server, clock: Clock, discovery: Discovery) -> None:
    discovery.find("pods")
    clock.now += MAX_AGE + 1
    server.answers["/apis"] = UnreachableError("no route")
    assert discovery.find("pods") == POD
    assert discovery.find("pods") == POD
    assert server.asked == ["/api", "/apis"] * 2


def test_without_an_answer_nobody_knows_that_a_kind_is_unknown(
    server: Server, clock: Clock, discovery: Discovery
) -> None:
    discovery.find("pods")
    clock.now += PAUSE
    server.answers["/apis"] = UnreachableError("no route")
    for _ in range(2):  # asked, and within the pause
        with pytest.raises(UnreachableError, match="no route"):
            discovery.find("database")
    clock.now += PAUSE
    add_database(server)
    assert discovery.find("database") == DATABASE


def test_a_first_answer_that_fails_is_told_and_tried_again(server: Server, discovery: Discovery) -> None:
    server.answers["/apis"] = UnreachableError("no route")
    with pytest.raises(UnreachableError):
        discovery.find("pods")
    add_database(server)
    assert discovery.find("pods") == POD


def test_after_a_change_it_is_asked_until_the_server_must_show_it(
    server: Server, clock: Clock, discovery: Discovery
) -> None:
    discovery.find("pods")
    clock.now += PAUSE
    discovery.invalidate()
    for _ in range(40):
        discovery.find("pods")
        clock.now += SETTLING / 8
    assert len(server.asked) == 2 * (1 + SETTLING / PAUSE + 1)


def test_a_broken_group_does_not_hide_the_others(
    server: Server, clock: Clock, discovery: Discovery, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["/apis"] = aggregated(("down.io", [("v1", None)]), ("db.example.com", [("v1", [DATABASE])]))
    server.answers["/apis/down.io/v1"] = DOWN
    with caplog.at_level(logging.WARNING):
        assert discovery.find("database") == DATABASE
        assert set(discovery.broken) == {"down.io/v1"}
        assert "service unavailable" in discovery.broken["down.io/v1"]
        with pytest.raises(UnknownKindError, match=r"down\.io/v1 .*service unavailable"):
            discovery.find("thing")
        asked = len(server.asked)
        clock.now += BROKEN_AGE + 1
        discovery.find("database")
        assert len(server.asked) == asked + 3, "a broken group is asked again soon"
    assert len([r for r in caplog.records if "down.io/v1" in r.getMessage()]) == 1  # told once
    thing = make_resource("things.down.io", "Thing")
    server.answers["/apis/down.io/v1"] = resource_list(thing)
    clock.now += BROKEN_AGE + 1
    assert discovery.find("thing") == thing
    assert discovery.broken == {}


@pytest.mark.parametrize("answer", [None, b"<html>", {"kind": "Status"}, UnreachableError("too slow")])
def test_a_group_is_broken_however_it_fails(server: Server, discovery: Discovery, answer: object) -> None:
    server.answers["/apis"] = aggregated(("down.io", [("v1", None)]))
    server.answers["/apis/down.io/v1"] = answer
    assert discovery.find("pods") == POD
    assert set(discovery.broken) == {"down.io/v1"}


def test_a_server_without_aggregated_discovery_is_asked_for_each_group(server: Server, discovery: Discovery) -> None:
    server.answers = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": resource_list(POD),
        "/apis": {
            "kind": "APIGroupList",
            "groups": [
                {"name": "down.io", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
                {"name": "db.example.com", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
            ],
        },
        "/apis/down.io/v1": DOWN,
        "/apis/db.example.com/v1": resource_list(DATABASE),
    }
    assert [asdict(r) for r in discovery.resources()] == [asdict(POD), asdict(DATABASE)]
    assert set(discovery.broken) == {"down.io/v1"}
    assert sorted(server.asked) == sorted(server.answers)


def test_a_server_that_fails_for_all_groups_is_broken_itself(server: Server, discovery: Discovery) -> None:
    server.answers = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": UnreachableError("cut"),
        "/apis": {"kind": "APIGroupList", "groups": []},
    }
    with pytest.raises(UnreachableError, match="cut"):
        discovery.resources()


def test_a_server_of_something_else(server: Server, discovery: Discovery) -> None:
    server.answers["/apis"] = b"<html>Welcome to nginx!</html>"
    with pytest.raises(ClusterError, match="no list of API groups"):
        discovery.resources()


def test_a_server_with_crds_alone_has_no_core_group(server: Server, discovery: Discovery) -> None:
    del server.answers["/api"]
    add_database(server)
    assert discovery.resources() == (DATABASE,)


def test_what_a_name_means_is_said_once(server: Server, discovery: Discovery, caplog: pytest.LogCaptureFixture) -> None:
    other = make_resource("databases.other.io", "Database")
    server.answers["/apis"] = aggregated(("db.example.com", [("v1", [DATABASE])]), ("other.io", [("v1", [other])]))
    with caplog.at_level(logging.WARNING):
        assert discovery.find("database") == discovery.find("database") == DATABASE
    (record,) = caplog.records
    assert "databases.other.io" in record.getMessage()


class SlowServer(Server):
    """Answers when it may."""

    __slots__ = ("begun", "go_on")

    def __init__(self, server: Server) -> None:
        Server.__init__(self, server.answers)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def answer(self, path: str) -> bytes:
        self.begun.set()
        assert self.go_on.wait(10)
        return Server.answer(self, path)


def test_threads_that_need_it_at_once_ask_once(server: Server) -> None:
    slow = SlowServer(server)
    discovery = Discovery(slow.client)
    barrier, found = threading.Barrier(9), []

    def look() -> None:
        barrier.wait(10)
        found.append(discovery.find("pods"))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    barrier.wait(10)
    assert slow.begun.wait(10)
    slow.go_on.set()
    for thread in threads:
        thread.join(10)
    assert found == [POD] * 8
    assert len(slow.asked) == 2


def test_while_one_asks_again_the_others_go_on(server: Server, clock: Clock) -> None:
    slow = SlowServer(server)
    slow.go_on.set()
    discovery = Discovery(slow.client, clock=clock)
    discovery.find("pods")
    clock.now += MAX_AGE + 1
    slow.begun.clear()
    slow.go_on.clear()
    first = threading.Thread(target=discovery.find, args=["pods"])
    first.start()
    assert slow.begun.wait(10)
    assert discovery.find("pods") == POD
    slow.go_on.set()
    first.join(10)
    assert not first.is_alive()
    assert len(slow.asked) == 4
