"""Notifications on a real API server, with a real history and real receivers."""

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from auditor.audit.dispatch import Courier, Dispatcher
from auditor.audit.dispatch.entry import CLAIM
from auditor.audit.notices import NOTIFICATIONS, NoticeOffice
from auditor.audit.notices.newsroom import Newsroom
from auditor.cluster import Client
from auditor.cluster.conditions import find_condition
from auditor.cluster.resource import NAMESPACES, SECRETS
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import History
from tests.cluster.audit.conftest import NAMESPACE, ODD, POLICIES, Stage, Start, policy
from tests.cluster.audit.running import wait
from tests.cluster.audit.sending import Clock, hook
from tests.sole import Sole
from tests.unit.report.delivery.receivers import HOST, MailServer, WebServer

INTERVAL = timedelta(minutes=5)
WAIT = timedelta(seconds=10)
CLUSTER = "0c3f"


@dataclass
class Room:
    """A notification, what it is about, and what sends it."""

    client: Client
    url: str
    history: History
    clock: Clock
    whole: bool = True

    def put(self, name: str = "urgent", **spec: Any) -> None:
        thing = {"apiVersion": "auditor.dev/v1", "kind": "Notification", "metadata": {"name": name}, "spec": spec}
        self.client.apply(NOTIFICATIONS, thing, force=True)

    def hire(self, registry: CollectorRegistry | None = None) -> Dispatcher:
        turf = Sole()
        turf.start()

        def read_secret(name: str) -> JsonObject:
            return self.client.get(SECRETS, name, namespace=NAMESPACE)

        return Dispatcher(
            self.client,
            [NoticeOffice(Newsroom(self.url, lambda: CLUSTER), whole=lambda: self.whole)],
            owns=turf.owns,
            guard=turf.guard,
            courier=Courier(read_secret=read_secret, root=Path("/nowhere")),
            registry=registry,
            now=self.clock,
        )

    def find(self, *names: str, turn: Turn = Turn.OPENED, **changes: Any) -> None:
        """Findings on `namespace/name`, written now; then the wait for others is over."""
        self.history.write([self._turn(name, turn, **changes) for name in names])
        self.clock.move(WAIT)

    def _turn(self, place: str, turn: Turn, severity: Severity = Severity.HIGH, said: str = "") -> FindingTurn:
        namespace, _, name = place.rpartition("/")
        finding = Finding(
            policy="quorum",
            rule="odd",
            result=Result.FAIL,
            severity=severity,
            message=said or f"{name} is wrong",
            fingerprint=f"quorum {place}",
            path="/spec/replicas",
        )
        return FindingTurn(self.clock.now, turn, Subject("a.b/v1", "Thing", "things", namespace, name, place), finding)

    def status(self, name: str = "urgent") -> JsonObject:
        status: JsonObject = self.client.get(NOTIFICATIONS, name).get("status") or {}
        return status

    def entries(self) -> list[JsonObject]:
        entries: list[JsonObject] = self.status().get("deliveries") or []
        return entries

    def condition(self, kind: str, name: str = "urgent") -> tuple[str, str, str]:
        found = find_condition(self.status(name).get("conditions"), kind)
        assert found is not None
        return found["status"], found["reason"], found["message"]


@pytest.fixture
def room(client: Client, tmp_path: Path) -> Iterator[Room]:
    client.apply(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    url = f"sqlite:///{tmp_path}/history.db"
    now = datetime.now(UTC) + timedelta(seconds=2)  # after whatever is made in this test, as seconds are counted
    history = History.open(url, cluster=CLUSTER, name="prod", now=now - timedelta(days=1))
    yield Room(client, url, history, Clock(now))
    history.close()
    client.delete_collection(NOTIFICATIONS)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def told(posts: Iterable[Any]) -> list[list[str]]:
    """The objects that each message names."""
    return [[each["name"] for each in json.loads(post.body)["findings"]] for post in posts]


def test_each_way_gets_it_once(room: Room, web: WebServer) -> None:
    registry = CollectorRegistry()
    room.clock.move(-timedelta(hours=1))
    room.find("shop/old")
    room.clock.move(timedelta(hours=1))
    with MailServer() as mail:
        email = {"host": HOST, "port": mail.port, "security": "None", "from": "a@example.com", "to": ["b@example.com"]}
        room.put(deliveries=[hook(web), {"name": "mail", "email": email}])
        runner = room.hire(registry)
        runner.look()
        assert room.condition("Ready")[:2] == ("True", "Listening")
        assert room.condition("Delivered")[:2] == ("Unknown", "NothingDue")
        room.find("shop/one")
        room.find("shop/two", severity=Severity.LOW)
        room.find("three", severity=Severity.CRITICAL)
        for _ in range(3):
            runner.look()
            room.clock.move(INTERVAL)
        (letter,) = mail.letters
        text = letter.message.get_payload()
    (post,) = web.posts
    body = json.loads(post.body)
    assert (body["total"], body["new"], body["critical"], body["high"], body["low"]) == (2, 2, 1, 1, 0)
    assert [each["name"] for each in body["findings"]] == ["three", "one"], "the worst first, and not what was there"
    assert body["subject"] == letter.message["Subject"] == "2 new findings in prod: 1 critical, 1 high"
    assert isinstance(text, str)
    assert "new, high: Thing shop/one at /spec/replicas: quorum/odd: one is wrong" in text.replace("\r\n", "\n")
    assert runner.error == ""
    assert {(each["name"], each["state"], each["subject"]) for each in room.entries()} == {
        (name, "Delivered", body["subject"]) for name in ("chat", "mail")
    }
    assert room.condition("Delivered")[:2] == ("True", "Delivered")
    labels = {"kind": "Notification", "way": "webhook", "outcome": "delivered"}
    assert registry.get_sample_value("auditor_deliveries_total", labels) == 1
    assert registry.get_sample_value("auditor_deliveries_waiting", {"kind": "Notification"}) == 0


def test_one_message_in_an_interval(room: Room, web: WebServer) -> None:
    room.put(changes=["New", "Reopened", "Resolved"], deliveries=[hook(web)])
    runner = room.hire()
    runner.look()
    room.find("a/one", "a/two")
    room.clock.move(-WAIT / 2)
    runner.look()
    assert not web.posts, "others may follow"
    room.clock.move(WAIT / 2)
    runner.look()
    assert [sorted(each) for each in told(web.posts)] == [["one", "two"]]
    for name in ("three", "four", "brief"):
        room.find(f"a/{name}")
        runner.look()
    room.find("a/one", "a/brief", turn=Turn.RESOLVED)
    runner.look()
    assert len(web.posts) == 1
    before = room.client.get(NOTIFICATIONS, "urgent")["metadata"]["resourceVersion"]
    runner.look()
    assert room.client.get(NOTIFICATIONS, "urgent")["metadata"]["resourceVersion"] == before, "nothing is written"
    room.clock.move(INTERVAL)
    runner.look()
    assert told(web.posts)[1:] == [["four", "three", "one"]], "by their names, and not what came and went"
    assert json.loads(web.posts[1].body)["subject"] == "2 new, 1 resolved findings in prod: 2 high"
    room.clock.move(INTERVAL)
    room.find("a/one")
    runner.look()
    assert json.loads(web.posts[2].body)["reopened"] == 1


def test_a_team_is_told_of_its_own_namespaces_only(room: Room, web: WebServer) -> None:
    for name, team in (("a", "red"), ("b", "blue")):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": team}}}
        room.client.apply(NAMESPACES, body, force=True)
    room.put(routing={"by": "Label", "label": "team"}, deliveries=[hook(web)])
    runner = room.hire()
    runner.look()
    room.find("a/zebra", "b/okapi", "yak", "lost/gnu")
    runner.look()
    said = {json.loads(post.body)["audience"]: post.body.decode() for post in web.posts}
    assert set(said) == {"red", "blue"}
    assert "zebra" in said["red"]
    assert "okapi" in said["blue"]
    for text, foreign in ((said["red"], "okapi"), (said["blue"], "zebra")):
        assert not [word for word in (foreign, "yak", "gnu") if word in text]
        assert json.loads(text)["total"] == 1


def test_down_for_a_while(room: Room, web: WebServer) -> None:
    """Nothing is lost, and what came meanwhile is one message."""
    room.put(deliveries=[hook(web)])
    runner = room.hire()
    runner.look()
    web.day.status = 500
    room.find("a/one")
    runner.look()
    assert room.condition("Delivered")[:2] == ("False", "Retrying")
    assert "answers 500" in room.condition("Delivered")[2]
    web.day.hang_up = True
    for number in range(5):
        room.clock.move(INTERVAL)
        room.find(f"a/more-{number}")
        runner = room.hire()  # the watcher is started again
        runner.look()
    assert len(web.known) == 1, "the same message, whatever comes"
    assert room.entries()[0]["uncertain"] is True
    assert [each["state"] for each in room.entries()] == ["Pending", "Pending"]
    web.day.status, web.day.hang_up = 200, False
    for _ in range(4):
        room.clock.move(timedelta(hours=1))
        runner.look()
    assert [sorted(each) for each in told(web.known)] == [["one"], [f"more-{number}" for number in range(5)]]
    assert room.condition("Delivered")[0] == "True"


def test_a_receiver_asks_for_more_time_than_there_is(room: Room, web: WebServer) -> None:
    room.put(deliveries=[hook(web)])
    runner = room.hire()
    runner.look()
    web.day.status, web.day.headers = 429, {"Retry-After": "9" * 20}
    room.find("a/one")
    runner.look()
    assert runner.error == ""
    (entry,) = room.entries()
    assert entry["state"] == "Pending"
    assert datetime.fromisoformat(entry["nextAttempt"]) == room.clock.now + timedelta(hours=1)


def test_a_defect_in_one_does_not_keep_the_others(room: Room, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    real = NoticeOffice.enter

    def enter(office: NoticeOffice, thing: JsonObject, namespaces: Any) -> Any:
        if thing["metadata"]["name"] == "broken":
            raise RuntimeError
        return real(office, thing, namespaces)

    monkeypatch.setattr(NoticeOffice, "enter", enter)
    for name in ("broken", "urgent"):
        room.put(name, deliveries=[hook(web)])
    runner = room.hire()
    runner.look()
    room.find("a/one")
    runner.look()
    assert told(web.posts) == [["one"]]
    assert runner.error == "notifications: a defect of auditor: RuntimeError"


def test_what_was_given_up_is_in_the_next(room: Room, web: WebServer) -> None:
    room.put(retryFor="1h", deliveries=[hook(web)])
    runner = room.hire()
    runner.look()
    web.day.status = 400
    room.find("a/one")
    for _ in range(8):
        runner.look()
        room.clock.move(timedelta(hours=1))
    assert room.condition("Delivered")[:2] == ("False", "GivenUp")
    web.posts.clear()
    web.day.status = 200
    room.find("a/two")
    runner.look()
    assert [sorted(each) for each in told(web.posts)] == [["one", "two"]]
    assert room.condition("Delivered")[:2] == ("True", "Delivered")


def test_of_two_watchers_one_sends(room: Room, web: WebServer) -> None:
    room.put(deliveries=[hook(web, f"chat-{number}") for number in range(4)])
    first, second = room.hire(), room.hire()
    first.look()
    room.find("a/one")
    threads = [threading.Thread(target=each.look) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for _ in range(3):
        first.look()
        second.look()
    assert len(web.posts) == len(web.known) == 4
    assert {each["state"] for each in room.entries()} == {"Delivered"}


def test_one_that_is_gone_in_the_middle(room: Room, web: WebServer) -> None:
    room.put(deliveries=[hook(web)])
    first, second = room.hire(), room.hire()
    first.look()
    room.find("a/one")
    held = web.day.hold = threading.Event()
    thread = threading.Thread(target=first.look)
    thread.start()
    assert web.came.wait(20)
    web.day.hold = None
    room.find("a/two")
    second.look()
    assert len(web.posts) == 1, "the claim of the first holds"
    room.clock.move(CLAIM)
    second.look()
    assert told(web.posts) == [["one"], ["one"]]
    assert len(web.known) == 1, "with the same key"
    assert web.posts[0].body == web.posts[1].body
    room.clock.move(INTERVAL)
    second.look()
    assert told(web.posts)[2:] == [["two"]]
    held.set()
    thread.join(20)


def test_a_flood_is_a_few_messages(room: Room, web: WebServer) -> None:
    room.put(deliveries=[hook(web)])
    runner = room.hire()
    runner.look()
    for batch in range(10):
        room.find(*(f"a/flood-{batch * 1000 + number}" for number in range(1000)), said="x" * 9_000)
        runner.look()
    room.clock.move(INTERVAL)
    runner.look()
    bodies = [json.loads(post.body) for post in web.posts]
    assert sum(body["total"] for body in bodies) == 10_000
    assert len(bodies) == 2
    assert all(len(body["findings"]) == 20 for body in bodies)
    assert all(len(body["text"]) < 10_000 for body in bodies)
    assert "And 8,980 more: 8,980 of quorum." in bodies[1]["text"]
    assert all(len(post.body) < 300_000 for post in web.posts)


def test_another_history(room: Room, web: WebServer, tmp_path: Path) -> None:
    """What a first pass finds in it is not new."""
    room.put(deliveries=[hook(web)])
    room.hire().look()
    room.find("a/one")
    room.hire().look()
    assert len(web.posts) == 1
    room.history.close()
    room.url = f"sqlite:///{tmp_path}/other.db"
    room.history, room.whole = History.open(room.url, cluster=CLUSTER, now=room.clock.now), False
    runner = room.hire()
    room.find("a/one", "a/two")
    runner.look()
    assert room.condition("Ready")[:2] == ("False", "FirstPass")
    room.find("a/three")
    room.whole = True
    runner.look()
    room.find("a/four")
    room.clock.move(INTERVAL)
    runner.look()
    assert told(web.posts) == [["one"], ["four"]]


def test_what_comes_back(room: Room, web: WebServer) -> None:
    """Also where nobody asked for what is resolved, and though the watcher was started again in between."""
    room.put(deliveries=[hook(web)])
    for turn in (Turn.OPENED, Turn.RESOLVED, Turn.OPENED):
        room.hire().look()
        room.find("a/one", turn=turn)
        room.hire().look()
        room.clock.move(INTERVAL)
    assert [json.loads(post.body)["subject"] for post in web.posts] == [
        "1 new finding in prod: 1 high",
        "1 reopened finding in prod: 1 high",
    ]


def test_suspended_and_wrong_ones(room: Room, web: WebServer) -> None:
    room.put(suspend=True, deliveries=[hook(web)])
    room.put("awry", deliveries=[hook(web, body='{"text": "${frog}"}')])
    runner = room.hire()
    runner.look()
    assert room.condition("Ready")[:2] == ("False", "Suspended")
    assert room.condition("Ready", "awry")[:2] == ("False", "Invalid")
    assert "no word ${frog}" in room.condition("Ready", "awry")[2]
    room.find("a/one")
    room.put(suspend=False, deliveries=[hook(web)])
    runner.look()
    room.find("a/two")
    runner.look()
    assert told(web.posts) == [["two"]]


@pytest.mark.timeout(120)
def test_a_watcher_tells_within_seconds(room: Room, web: WebServer, stage: Stage, start: Start, tmp_path: Path) -> None:
    """As it is run: what was there before is not told, what comes while it is dead is."""
    options = ("--database-url", f"sqlite:///{tmp_path}/watched.db", "--cluster-name", "prod")
    stage.put(POLICIES, policy("one", ODD, severity="high"))
    stage.write("before", replicas=2)
    room.put(groupWait="1s", interval="1s", deliveries=[hook(web)])
    program = start(*options, quick=True)
    wait(lambda: room.condition("Ready")[0] == "True" if "conditions" in room.status() else False)
    stage.write("one", replicas=4)
    seconds = wait(lambda: len(web.posts) == 1, why=lambda: program.text)
    assert seconds < 15
    wait(lambda: room.entries()[0]["state"] == "Delivered")
    program.kill()
    stage.write("two", replicas=6)
    program = start(*options, quick=True)
    wait(lambda: len(web.posts) == 2, why=lambda: f"{room.status()}\n{program.text}")
    assert told(web.posts) == [["one"], ["two"]]
    wait(lambda: program.count("auditor_deliveries_total", kind="Notification", outcome="delivered") == 1)
    assert program.stop() < 10
