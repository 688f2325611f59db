"""ReportSchedules on a real API server, with real receivers; the clock is moved by hand."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.audit.dispatch import Courier, Dispatcher
from auditor.audit.dispatch.entry import CLAIM
from auditor.audit.schedules import SCHEDULES, ScheduleOffice
from auditor.audit.schedules.press import Press
from auditor.audit.schedules.state import SETTLE
from auditor.cluster import Client
from auditor.cluster.access import dig_time
from auditor.cluster.conditions import find_condition
from auditor.cluster.resource import NAMESPACES, SECRETS
from auditor.errors import LeaseLostError
from auditor.json import JsonObject
from tests.cluster.audit.conftest import NAMESPACE, BadDay, Start, connect_to
from tests.cluster.audit.running import wait
from tests.cluster.audit.sending import Clock, hook
from tests.sole import Sole
from tests.unit.report.compliance.world import World, say
from tests.unit.report.delivery.receivers import HOST, MailServer, Trust, WebServer, make_trust, parts_of

PASSWORD = "s3cret"
DAILY = "0 6 * * *"
DAY = timedelta(days=1)


@dataclass
class Desk:
    """A schedule, and what makes its reports."""

    client: Client
    url: str
    cluster: str
    root: Path
    clock: Clock
    made: list[str] = field(default_factory=list)

    def put(self, name: str = "daily", **spec: Any) -> JsonObject:
        body = {"schedule": DAILY, **spec}
        thing = {"apiVersion": "auditor.dev/v1", "kind": "ReportSchedule", "metadata": {"name": name}, "spec": body}
        made = self.client.apply(SCHEDULES, thing, force=True)
        if name not in self.made:
            self.made.append(name)
            created = dig_time(made, "metadata", "creationTimestamp")
            assert created is not None
            self.clock.now = created
        return made

    def hire(self, client: Client | None = None, *, guard: Callable[..., Any] | None = None) -> Dispatcher:
        turf = Sole()
        turf.start()
        client = client or self.client

        def read_secret(name: str) -> JsonObject:
            return self.client.get(SECRETS, name, namespace=NAMESPACE)

        return Dispatcher(
            client,
            [ScheduleOffice(Press(self.url, lambda: self.cluster))],
            owns=turf.owns,
            guard=guard or turf.guard,
            courier=Courier(read_secret=read_secret, root=self.root),
            now=self.clock,
        )

    def make_due(self, runner: Dispatcher) -> None:
        """Until the reports of the first run are to be made."""
        runner.look()
        upcoming = dig_time(self.status(), "nextScheduleTime")
        assert upcoming is not None
        self.clock.now = upcoming + SETTLE

    def status(self, name: str = "daily") -> JsonObject:
        status: JsonObject = self.client.get(SCHEDULES, name).get("status") or {}
        return status

    def entries(self, name: str = "daily") -> list[JsonObject]:
        entries: list[JsonObject] = self.status(name).get("deliveries") or []
        return entries

    def condition(self, kind: str, name: str = "daily") -> tuple[str, str, str]:
        found = find_condition(self.status(name).get("conditions"), kind)
        assert found is not None
        return found["status"], found["reason"], found["message"]

    def secret(self, name: str, **values: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        metadata = {"name": name, "namespace": NAMESPACE}
        self.client.apply(
            SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}, force=True
        )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Its URL and cluster: some violations in two namespaces, open since then."""
    url = f"sqlite:///{tmp_path_factory.mktemp('history')}/history.db"
    world = World.open(url)
    world.play(
        say(7, place=place, message=message)
        for place, message in ((("a", "one"), "zebra"), (("b", "one"), "okapi"), (("", "wide"), "yak"))
    )
    world.history.close()
    return url, world.cluster


@pytest.fixture
def desk(client: Client, history: tuple[str, str], tmp_path: Path) -> Iterator[Desk]:
    client.apply(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    found = Desk(client, *history, tmp_path / "reports", Clock(datetime.min))
    yield found
    client.delete_collection(SCHEDULES)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return make_trust(Path(tmp_path_factory.mktemp("trust")))


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def test_each_way_gets_it_once(desk: Desk, web: WebServer, trust: Trust) -> None:
    desk.secret("mail", username="auditor", password=PASSWORD)
    desk.secret("chat", url=f"{web.url}/t0ken\n", key="k3y")
    runner = desk.hire()
    with MailServer(trust, user="auditor", password=PASSWORD) as mail:
        email = {
            "host": HOST,
            "port": mail.port,
            "from": "a@example.com",
            "to": ["b@example.com"],
            "caBundle": trust.ca,
        }
        chat = {"urlFrom": {"secret": "chat", "key": "url"}, "signing": {"secret": "chat", "key": "key"}}
        desk.put(
            formats=["html", "json"],
            deliveries=[
                {"name": "archive", "file": {"directory": "daily"}},
                {"name": "mail", "email": {**email, "caBundle": trust.ca, "credentials": {"secret": "mail"}}},
                {"name": "chat", "webhook": chat},
            ],
        )
        desk.make_due(runner)
        for _ in range(3):
            runner.look()
            desk.clock.move(CLAIM)
        assert len(mail.letters) == 1
        letter = mail.letters[0]
    assert runner.error == ""
    (post,) = web.posts
    assert post.path == "/t0ken"
    assert "Auditor-Signature" in post.headers
    files = sorted((desk.root / "daily").iterdir())
    assert [path.suffix for path in files] == [".html", ".json"]
    reports = [json.loads(files[1].read_text()), json.loads(post.body)["report"]["json"]]
    reports.append(json.loads(next(content for name, content in parts_of(letter).items() if name.endswith("json"))))
    digests = {f"sha256:{report['digest']}" for report in reports}
    entries = desk.entries()
    assert {(each["name"], each["state"], each["attempts"]) for each in entries} == {
        (name, "Delivered", 1) for name in ("archive", "mail", "chat")
    }
    assert {each["digest"] for each in entries} == digests, "the same report for all"
    assert desk.condition("Delivered")[:2] == ("True", "Delivered")
    assert desk.condition("Ready")[:2] == ("True", "Scheduled")
    assert desk.condition("Complete")[0] == "True"
    assert PASSWORD not in str(desk.status())
    assert "t0ken" not in str(desk.status())


def test_nothing_is_written_where_nothing_changes(desk: Desk, web: WebServer) -> None:
    desk.put(deliveries=[hook(web)])
    runner = desk.hire()
    desk.make_due(runner)
    runner.look()
    before = desk.client.get(SCHEDULES, "daily")["metadata"]["resourceVersion"]
    runner.look()
    desk.clock.move(timedelta(hours=1))
    runner.look()
    assert desk.client.get(SCHEDULES, "daily")["metadata"]["resourceVersion"] == before


def test_a_team_gets_its_own_namespaces_only(desk: Desk, web: WebServer) -> None:
    for name, team in (("a", "red"), ("b", "blue")):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": team}}}
        desk.client.apply(NAMESPACES, body, force=True)
    desk.put(
        routing={"by": "Label", "label": "team"},
        formats=["json", "html", "csv", "markdown"],
        deliveries=[hook(web), {"name": "archive", "file": {"directory": "${audience}"}}],
    )
    runner = desk.hire()
    desk.make_due(runner)
    runner.look()
    said = {json.loads(post.body)["audience"]: post.body.decode() for post in web.posts}
    assert set(said) == {"red", "blue"}
    assert json.loads(said["red"])["violations"] == 1
    assert "zebra" in said["red"]
    assert "okapi" in said["blue"]
    for text, foreign in ((said["red"], "okapi"), (said["blue"], "zebra")):
        assert foreign not in text
        assert "yak" not in text
    assert sorted(path.name for path in desk.root.iterdir()) == ["blue", "red"]
    assert [(each["name"], each["audience"]) for each in desk.entries()] == [
        *(("chat", "blue"), ("archive", "blue"), ("chat", "red"), ("archive", "red"))
    ]


def test_down_for_a_while(desk: Desk, web: WebServer) -> None:
    """Nothing is lost, also not of a second run that becomes due meanwhile."""
    desk.put(deliveries=[hook(web)])
    runner = desk.hire()
    desk.make_due(runner)
    web.day.status = 500
    runner.look()
    assert desk.condition("Delivered")[:2] == ("False", "Retrying")
    assert "answers 500" in desk.condition("Delivered")[2]
    assert desk.entries()[0]["state"] == "Pending"
    web.day.hang_up = True
    desk.clock.move(timedelta(minutes=1))
    runner.look()
    assert desk.entries()[0]["uncertain"] is True
    desk.clock.move(DAY)
    runner = desk.hire()  # the watcher was started again
    runner.look()
    assert [each["state"] for each in desk.entries()] == ["Pending", "Pending"]
    web.day.status, web.day.hang_up = 200, False
    for _ in range(4):
        desk.clock.move(timedelta(hours=1))
        runner.look()
    assert {each["state"] for each in desk.entries()} == {"Delivered"}
    assert len(web.known) == 2
    assert len({json.loads(post.body)["due"] for post in web.known}) == 2
    count = len(web.posts)
    desk.clock.move(timedelta(hours=1))
    runner.look()
    assert len(web.posts) == count
    assert desk.condition("Delivered")[0] == "True"


def test_a_secret_that_comes_later(desk: Desk, web: WebServer) -> None:
    desk.put(deliveries=[{"name": "chat", "webhook": {"urlFrom": {"secret": "later", "key": "url"}}}])
    runner = desk.hire()
    desk.make_due(runner)
    runner.look()
    assert "there is no Secret later" in desk.condition("Delivered")[2]
    desk.secret("later", url=web.url)
    desk.clock.move(timedelta(hours=1))
    runner.look()
    assert len(web.posts) == 1
    assert desk.condition("Delivered")[0] == "True"


def test_of_two_watchers_one_sends(desk: Desk, web: WebServer) -> None:
    """Even if both think that they lead."""
    desk.put(deliveries=[hook(web, f"chat-{number}") for number in range(4)])
    first, second = desk.hire(), desk.hire()
    desk.make_due(first)
    threads = [threading.Thread(target=each.look) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for _ in range(3):
        first.look()
        second.look()
    assert len(web.posts) == len(web.known) == 4
    assert {each["state"] for each in desk.entries()} == {"Delivered"}


def test_one_that_is_gone_in_the_middle(desk: Desk, web: WebServer) -> None:
    desk.put(deliveries=[hook(web)])
    first, second = desk.hire(), desk.hire()
    desk.make_due(first)
    held = web.day.hold = threading.Event()
    thread = threading.Thread(target=first.look)
    thread.start()
    assert web.came.wait(20)
    web.day.hold = None
    second.look()
    assert len(web.posts) == 1, "the claim of the first holds"
    assert desk.entries()[0]["state"] == "Sending"
    desk.clock.move(CLAIM)
    second.look()
    assert len(web.posts) == 2
    assert len(web.known) == 1, "with the same key"
    (entry,) = desk.entries()
    assert (entry["state"], entry["attempts"], entry["uncertain"]) == ("Delivered", 2, True)
    held.set()
    thread.join(20)
    assert desk.entries() == [entry], "the first was not gone after all, and changes nothing"


def test_the_api_server_is_away_when_it_has_arrived(desk: Desk, web: WebServer, bad_day: BadDay) -> None:
    """Who knows that it has arrived remembers it until it can be told."""
    desk.put(deliveries=[hook(web)])
    desk.make_due(desk.hire())
    with (client := connect_to(bad_day.kubeconfig)).transport:
        runner = desk.hire(client)
        held = web.day.hold = threading.Event()
        thread = threading.Thread(target=runner.look)
        thread.start()
        assert web.came.wait(20)
        bad_day.network.refuse()
        bad_day.network.cut()
        held.set()
        thread.join(60)
        assert not thread.is_alive()
        assert runner.error
        assert desk.entries()[0]["state"] == "Sending"
        bad_day.let_pass()
        desk.clock.move(2 * CLAIM)
        runner.look()
        assert len(web.posts) == 1
        (entry,) = desk.entries()
        assert (entry["state"], entry["attempts"]) == ("Delivered", 1)
        assert "uncertain" not in entry


def test_nothing_is_sent_without_the_lease(desk: Desk, web: WebServer) -> None:
    desk.put(deliveries=[hook(web)])
    desk.make_due(desk.hire())

    def refuse(_: str) -> Any:
        raise LeaseLostError("somebody else leads")

    desk.hire(guard=refuse).look()
    assert not web.posts
    assert desk.entries() == []


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"timeZone": "Mars/Base"}, "spec.timeZone: there is no time zone 'Mars/Base'"),
        ({"schedule": "0 0 30 2 *"}, "never comes"),
    ],
)
def test_what_the_schema_cannot_know_is_told(desk: Desk, web: WebServer, spec: JsonObject, says: str) -> None:
    desk.put(deliveries=[hook(web)], **spec)
    runner = desk.hire()
    runner.look()
    status, reason, message = desk.condition("Ready")
    assert (status, reason) == ("False", "Invalid")
    assert says in message
    assert runner.error == ""
    desk.put(deliveries=[hook(web)])
    runner.look()
    assert desk.condition("Ready")[0] == "True"


def test_a_period_that_is_empty_is_told(desk: Desk, web: WebServer) -> None:
    desk.put(schedule="0 0 * * *", period="today", deliveries=[hook(web)])
    runner = desk.hire()
    desk.make_due(runner)
    runner.look()
    assert desk.condition("Ready")[:2] == ("False", "NoPeriod")
    assert runner.error == ""


def test_a_wrong_one_does_not_keep_the_others(desk: Desk, web: WebServer) -> None:
    desk.put("awry", deliveries=[hook(web)], timeZone="Mars/Base")
    desk.put(deliveries=[hook(web)])
    runner = desk.hire()
    desk.make_due(runner)
    runner.look()
    assert len(web.posts) == 1


def test_a_watcher_without_history_says_so(desk: Desk, web: WebServer, start: Start) -> None:
    desk.put(deliveries=[hook(web)])
    program = start("--no-history", quick=True)
    wait(lambda: "conditions" in desk.status(), why=lambda: program.text)
    assert desk.condition("Ready")[:2] == ("False", "NoHistory")


def test_a_watcher_delivers_what_was_left_behind(desk: Desk, web: WebServer, start: Start, tmp_path: Path) -> None:
    """By the real clock: what an earlier one has left in the status."""
    thing = desk.put(deliveries=[hook(web)])
    due = thing["metadata"]["creationTimestamp"]
    entry = {"name": "chat", "due": due, "start": due, "end": due, "state": "Pending", "attempts": 1}
    status = {"observedSchedule": f"{DAILY} UTC", "observedSince": due, "deliveries": [entry]}
    desk.client.update(SCHEDULES, {**thing, "status": status}, subresource="status")
    program = start("--database-url", f"sqlite:///{tmp_path}/history.db", quick=True)
    assert wait(lambda: bool(web.posts), why=lambda: program.text)
    wait(lambda: desk.entries()[0]["state"] == "Delivered", why=lambda: str(desk.status()))
    assert program.stop() < 10
    assert len(web.posts) == 1
