"""A watcher through its life, but for the cluster: real followers, ledgers, outlet, chronicle, status and history.

What the cluster has is in `world`; informers tell of it while the watcher runs and may read. The clock is moved by us.
"""

import functools
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

from auditor.audit.chronicle import Chronicle
from auditor.audit.findings import Findings
from auditor.audit.follower import Follower
from auditor.audit.ledger import Diff
from auditor.audit.setting import Setting
from auditor.audit.situation import describe
from auditor.audit.status import render_config, render_policy
from auditor.cluster import Resource
from auditor.cluster.informer import Change
from auditor.engine.engine import Engine
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import State
from auditor.intake.live.view import View
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.finding import Finding
from auditor.model.request import GroupVersionResource
from auditor.model.subject import Subject
from auditor.model.world import World
from auditor.report.history import History, Record, Retention
from tests.sole import Sole
from tests.unit.audit.making import policy, setting, thing, without_checks
from tests.unit.audit.test_follower import FakeInformer, FakeInformers

START: Final = datetime(2026, 3, 1, 10, 7, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
TICK: Final = timedelta(minutes=5)
Held = Callable[[], Iterable[tuple[Subject, Finding]] | None]
KINDS: Final = {
    f"{plural}.example.com": Resource("example.com", "v1", plural, kind, namespaced=True)
    for plural, kind in (("things", "Thing"), ("widgets", "Widget"))
}
_MATCH: Final[JsonObject] = {
    "resourceRules": [{"apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}]
}
_SHAPE: Final[JsonObject] = {
    "properties": {"spec": {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}},
}
_RULES: Final[list[JsonObject]] = [
    {"name": "odd", "cel": "object.spec.n % 2 == 1", "message": "must be odd"},
    {"name": "few", "cel": "object.spec.n < 5", "message": "must be few", "severity": "low"},
]


def _make(name: str, *rules: JsonObject, enforcement: str = "Audit") -> Any:
    exceptions: JsonObject = {"namespaceSelector": {}}
    return policy(
        name,
        match=_MATCH,
        rules=list(rules),
        enforcement=enforcement,
        exceptions=exceptions,
        severity="high",
        controls=["SOC2-1"],
    )


_SHAPED: Final = _make("shape", {"name": "ints", "schema": _SHAPE})
_WARNS: Final = _make(
    "warns", {"name": "three", "cel": "object.spec.n != 3", "message": "is three"}, enforcement="Warn"
)
POLICIES: Final[tuple[tuple[Any, ...], ...]] = (
    (_make("sizes", *_RULES), _SHAPED, _WARNS),
    (_make("sizes", *_RULES, enforcement="Warn"), _SHAPED),  # it was edited, and another one is gone
    (_make("sizes", _RULES[0]), _WARNS),
    (_WARNS,),
    (),
)
"""What may be in force."""
_EXCUSE: Final = PolicyException(
    namespace="default",
    name="e",
    policies=("sizes", "shape"),
    rules=(),
    match=None,
    owner="ana",
    reason="migration",
    expires=START + timedelta(days=100),
)


@functools.cache
def _settings(number: int, plural: str, *, excused: bool, passes: bool) -> Setting:
    return setting(
        *POLICIES[number],
        engine=_engine(number),
        resource=GroupVersionResource("example.com", "v1", plural),
        kind=without_checks(),
        facts=None,
        world=World(exceptions=(_EXCUSE,) if excused else ()),
        passes=passes,
    )


@functools.cache
def _engine(number: int) -> Engine:
    return Engine.compile(POLICIES[number])


@functools.cache
def _view(number: int, *, excused: bool) -> View:
    states: dict[str, State[Any]] = {
        each.policy.name: State(
            {"metadata": {"uid": each.policy.name}}, each, generation=number + 1, in_force=number + 1
        )
        for each in _engine(number).policies
    }
    exceptions: dict[str, Any] = {"default/e": State({"metadata": {"uid": "e"}}, _EXCUSE)} if excused else {}
    return View(schemas=LiveSchemas({}), policies=states, exceptions=exceptions)


@dataclass
class Lifetime:
    url: str
    passes: bool = False
    """Whether reports tell of passes, too."""
    cluster: str = field(default_factory=lambda: uuid.uuid4().hex)
    now: datetime = START
    world: dict[str, dict[str, JsonObject]] = field(default_factory=lambda: {name: {} for name in KINDS})
    """What there is of each kind; a kind that is not here is gone."""
    unreadable: set[str] = field(default_factory=set)
    excluded: set[str] = field(default_factory=set)
    number: int = 0
    excused: bool = False
    status: JsonObject = field(default_factory=dict)
    """Of the AuditConfig; and of policies."""
    totals: dict[str, JsonObject] = field(default_factory=dict)
    running: bool = False

    def __post_init__(self) -> None:
        self.history = History.open(self.url, cluster=self.cluster, now=self.now)
        self._revision = 0
        self.start()

    # -- what may happen -----------------------------------------------------------------------------------------------

    def write(self, name: str, key: str, spec: JsonObject) -> None:
        if name in self.world:
            self._revision += 1
            namespace, _, short = key.partition("/")
            made = thing(short, namespace, **spec)
            made["kind"] = KINDS[name].kind
            made["metadata"] |= {"uid": f"uid-{name}-{key}", "resourceVersion": str(self._revision)}
            self.world[name][key] = made
            self._tell(name)

    def delete(self, name: str, key: str) -> None:
        if self.world.get(name, {}).pop(key, None) is not None:
            self._tell(name)

    def edit(self, number: int) -> None:
        self.number = number
        self._arrange()

    def excuse(self) -> None:
        self.excused = not self.excused
        self._arrange()

    def read(self, name: str, *, may: bool) -> None:
        (self.unreadable.discard if may else self.unreadable.add)(name)
        self._tell(name)

    def install(self, name: str, *, there: bool) -> None:
        if there:
            self.world.setdefault(name, {})
        else:
            self.world.pop(name, None)
        self._arrange()

    def follow(self, name: str, *, wanted: bool) -> None:
        (self.excluded.discard if wanted else self.excluded.add)(name)
        self._arrange()

    def move(self, minutes: int) -> None:
        end = self.now + timedelta(minutes=minutes)
        while (tick := _next_tick(self.now)) <= end:
            self.now = tick
            if self.running:
                self.chronicle.count()
                self.flush()
        self.now = end
        if self.running and minutes > 60:
            self.history.prune(self.now, Retention())

    def stop(self) -> None:
        """Killed: nothing is told any more."""
        self.flush()
        self.running = False

    def start(self) -> None:
        """Anew, with nothing but what the history and the status have."""
        if self.running:
            return
        self.running = True
        self.informers: dict[str, FakeInformer] = {}
        self.waiting: list[Record] = []
        self.outlet = Findings(clock=self._tell_time)
        self.watcher: Any = SimpleNamespace(
            view=None,
            rejudger=SimpleNamespace(troubles={}, waiting=0),
            followers={},
            turf=Sole(),
            live=SimpleNamespace(troubles=list),
            chosen={},
            left=(),
            judged={},
            evaluations={},
        )
        self.watcher.turf.start()
        self.chronicle = Chronicle(
            self,
            followers=lambda: self.watcher.followers,
            situation=lambda: describe(self.watcher),
            gone=lambda: [
                each for each in self.history.open_kinds() if f"{each[1]}.{each[0]}" not in self.watcher.chosen
            ],
            length=HOUR,
            tick=TICK,
            clock=self._tell_time,
        )
        self.outlet.history = self.chronicle
        self._arrange()
        self.chronicle._settle_gone()

    # -- the watcher ---------------------------------------------------------------------------------------------------

    def _tell_time(self) -> datetime:
        return self.now

    def _arrange(self) -> None:
        """As `Watcher._arrange`."""
        self.now += timedelta(seconds=1)
        if not self.running:
            return
        watcher = self.watcher
        watcher.view = _view(self.number, excused=self.excused)
        watcher.left = tuple(
            SimpleNamespace(
                name=name, group="example.com", plural=KINDS[name].plural, trouble="not followed", excluded=True
            )
            for name in sorted(self.excluded & self.world.keys())
        )
        wanted = sorted(self.world.keys() - self.excluded)
        watcher.chosen = {name: SimpleNamespace(resource=KINDS[name], trouble="") for name in wanted}
        for name, follower in list(watcher.followers.items()):
            if name not in wanted:
                follower.close()
                del watcher.followers[name]
                follower.clear()
                self.outlet.gone(follower)
        for name in wanted:
            made = _settings(self.number, KINDS[name].plural, excused=self.excused, passes=self.passes)
            if name in watcher.followers:
                self._change(watcher.followers[name], made)
            else:
                self._follow(name, made)
        self.chronicle.take_over(watcher.view)

    def _follow(self, name: str, made: Setting) -> None:
        follower = self.watcher.followers[name] = Follower(name, KINDS[name], made, self, clock=self._tell_time)
        informers: Any = FakeInformers()
        follower.open(informers, KINDS[name], {})
        self.informers[name] = informers.opened[0]
        self._tell(name)

    def _change(self, follower: Follower, made: Setting) -> None:
        gone = follower.setting.policies.keys() - made.policies.keys()
        follower.set(made, gone)
        if follower.name not in self.unreadable:  # it could not be read to be judged again
            for each in list(self.world[follower.name].values()):
                follower.judge_again(each, "kind")

    def _tell(self, name: str) -> None:
        """What the cluster has and the informer does not know."""
        self.now += timedelta(seconds=1)
        informer = self.informers.get(name) if self.running else None
        follower = self.watcher.followers.get(name)
        if informer is None or follower is None:
            return
        if name in self.unreadable:
            informer.status.last_error = PermissionError("403: may not be listed")
            return
        informer.status.last_error = None
        there = self.world[name]
        for key, each in there.items():
            if informer.known.get(key) is None:
                informer.tell(each, initial=not informer.synced)
            elif informer.known[key] != self._version(each):
                informer.tell(each, change=Change.UPDATED)
        for key in [key for key in informer.known if key not in there]:
            namespace, _, short = key.partition("/")
            informer.tell({"metadata": {"namespace": namespace, "name": short} | _NOBODY}, change=Change.DELETED)
        informer.synced = True
        if follower.settle():
            self.outlet.passed(follower)

    def _version(self, each: JsonObject) -> object:
        probe = FakeInformer(lambda _: None, {})
        probe.tell(each)
        return next(iter(probe.known.values()))

    def tell(self, follower: Follower, diff: Diff, *, initial: bool) -> None:
        self.outlet.tell(follower, diff, initial=initial)

    def recheck(self, *_: object, **__: object) -> None:
        pass

    def count(self, *_: object) -> None:
        pass

    # -- the spool -----------------------------------------------------------------------------------------------------

    def put(self, *records: Record) -> None:
        self.waiting += records

    def reconcile(self, group: str, resource: str, held: Held) -> None:
        self.flush()
        found = held()
        if found is not None:
            self.history.reconcile(group, resource, found, self.now)

    def flush(self) -> None:
        told, self.waiting = self.waiting, []
        if told:
            self.history.write(told)

    # -- a quiet moment ------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """All that is to be told is told."""
        self.start()
        self.now += timedelta(seconds=1)
        self.chronicle.count()
        self.flush()
        situation = describe(self.watcher)
        assert situation is not None
        written = render_config(self.status, situation, lambda _: True, self.now)
        self.status = self.status if written is None else written.status
        for counts in situation.policies:
            before = self.totals.get(counts.policy, {})
            rendered = render_policy(before, counts, situation, lambda _: True)
            self.totals[counts.policy] = before if rendered is None else rendered.status
        self.totals = {each.policy: self.totals[each.policy] for each in situation.policies}
        self.now += timedelta(seconds=1)

    @property
    def followers(self) -> Iterable[Follower]:
        found: dict[str, Follower] = self.watcher.followers
        return found.values()

    def close(self) -> None:
        self.history.close()


_NOBODY: Final = {"uid": "", "resourceVersion": "0"}


def _next_tick(at: datetime) -> datetime:
    seconds = TICK.total_seconds()
    return datetime.fromtimestamp((at.timestamp() // seconds + 1) * seconds, UTC)
