"""Whatever happens in whatever order: the store, the indexes and each handler end where the server is."""

from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from auditor.cluster.informer.hub import Hub, View
from auditor.cluster.informer.index import IndexFunction
from auditor.cluster.informer.notice import Member, Notice
from auditor.cluster.listwatch import Change, Event, version_of
from auditor.cluster.stores import DIGESTS, IDENTITY, WHOLE, Keep, content_of
from auditor.json import JsonObject
from tests.unit.cluster.informer.scripted import Script, Server

KEYS = ["x/a", "x/b", "y/a", "y/b"]
VALUES = Keep(fields=frozenset({("spec", "value")}))
KEEPS = [IDENTITY, DIGESTS, VALUES, WHOLE]


def by_team(obj: JsonObject) -> Iterable[str]:
    return (obj["metadata"]["labels"]["team"],)


def by_letters(obj: JsonObject) -> Iterable[str]:
    return str(obj["spec"]["value"]).split()


INDEXES: list[IndexFunction] = [by_team, by_letters]


class User:
    """What one handler has been told, checked as it comes."""

    def __init__(self, keep: Keep, functions: list[IndexFunction]) -> None:
        self.keep, self.functions = keep, functions
        self.member = Member("things", self.handle)
        self.known: dict[str, str] = {}
        self.objects: dict[str, JsonObject | None] = {}

    def handle(self, notice: Notice) -> None:
        try:
            self.check(notice)
        except Exception as error:
            self.wrong = error
            raise

    wrong: Exception | None = None

    def check(self, notice: Notice) -> None:
        key = notice.key
        match notice.change:
            case Change.ADDED:
                assert key not in self.known, "added twice"
                assert notice.before is None
            case Change.UPDATED:
                assert key in self.known, "updated before it was added"
                assert notice.before is not None
                assert notice.before.version == self.known[key], "the old one is what was told last"
                assert notice.resync == (notice.version == self.known[key]), "nothing has changed"
                if notice.before.keep.whole:
                    assert notice.old == self.objects[key] or self.objects[key] is None
                old = self.objects[key]
                if not notice.resync and notice.object is not None and old is not None:
                    assert notice.changed(content_of) or content_of(notice.object) == content_of(old)
            case Change.DELETED:
                assert self.known.pop(key) is not None
                assert notice.version, "even if only that is known"
                self.objects.pop(key)
                return
        self.known[key] = notice.version
        self.objects[key] = notice.object if "metadata" in (notice.object or {}) else None  # chosen fields have none
        if self.keep.whole:
            assert notice.object is not None
            assert notice.object["spec"]
            assert version_of(notice.object) == notice.version


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.hub = Hub("things")
        self.users: list[User] = []
        self.follow()

    def follow(self) -> None:
        generation = self.hub.layers.generation
        self.generation = generation

        def sink(event: Event) -> None:
            self.hub.apply(event, generation)

        self.script = Script(self.server, View(self.hub.layers, generation), sink)

    # -- the server ----------------------------------------------------------------------------------------------------

    @rule(key=st.sampled_from(KEYS), value=st.sampled_from(["", "p", "p q"]), team=st.sampled_from(["a", "b"]))
    def change(self, key: str, value: str, team: str) -> None:
        self.server.put(key, value, team=team)

    @rule(key=st.sampled_from(KEYS), value=st.sampled_from(["p", "q r"]))
    def replace(self, key: str, value: str) -> None:
        self.server.put(key, value, again=True)

    @precondition(lambda self: self.server.objects)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.server.delete(data.draw(st.sampled_from(sorted(self.server.objects))))

    # -- the list-watch ------------------------------------------------------------------------------------------------

    @rule(steps=st.integers(1, 3))
    def hear(self, steps: int) -> None:
        for _ in range(steps):
            self.script.step()

    @rule()
    def list_anew(self) -> None:
        self.script.list_anew()

    # -- users ---------------------------------------------------------------------------------------------------------

    @rule(
        keep=st.sampled_from(KEEPS),
        functions=st.lists(st.sampled_from(INDEXES), unique=True),
        fresh=st.booleans(),
        late=st.booleans(),
    )
    def join(self, keep: Keep, functions: list[IndexFunction], fresh: bool, late: bool) -> None:
        user = User(keep, functions)
        self.hub.join(user.member, keep, functions, fresh=fresh)
        self.users.append(user)
        if late:
            self.script.step()  # the old one has one more event in its hands
        if self.generation < self.hub.layers.generation:
            self.follow()

    @precondition(lambda self: self.users)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        user = data.draw(st.sampled_from(self.users))
        self.users.remove(user)
        self.hub.leave(user.member, user.functions)

    @precondition(lambda self: self.users)
    @rule(data=st.data(), key=st.sampled_from(KEYS))
    def tell_again(self, data: st.DataObject, key: str) -> None:
        user = data.draw(st.sampled_from(self.users))
        told = user.member.told
        known = key in user.known
        self.hub.tell_again(user.member, key)
        assert user.member.told - told == known

    @rule()
    def settle(self) -> None:
        self.script.finish()
        versions = {key: version_of(obj) for key, obj in self.server.objects.items()}
        layers = self.hub.layers
        assert sorted(layers.keys()) == sorted(versions)
        assert len(layers) == len(versions)
        for user in self.users:
            assert user.known == versions
            assert user.wrong is None
            assert self.hub.has_synced(user.member)
            for function in user.functions:
                index = self.hub.indexes[function]
                for value in ["a", "b", "p", "q", "r", "none"]:
                    expected = [key for key, obj in self.server.objects.items() if value in function(obj)]
                    assert sorted(index.keys(value)) == sorted(expected)
            for key, obj in self.server.objects.items():
                found = layers.find(key)
                assert found is not None
                entry = found[1]
                assert entry.keep.covers(user.keep)
                assert entry.object() == obj or not user.keep.whole
                if user.keep is VALUES:
                    assert (entry.object() or {})["spec"] == obj["spec"]
        if self.users:
            needed = IDENTITY
            for user in self.users:
                needed |= user.keep
            assert layers.newest.keep == needed, "what was kept for those who have left is gone"
        assert set(self.hub.indexes) == {function for user in self.users for function in user.functions}

    def teardown(self) -> None:
        self.settle()


Machine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestHub = Machine.TestCase
