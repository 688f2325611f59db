"""What was missed while a watch was broken and a list of later brings; what cannot be looked up; who owns what."""

import threading

import pytest

from auditor.audit import watcher as module
from auditor.audit.inforce import InForce
from auditor.audit.kinds import Chosen
from auditor.audit.setting import Setting
from auditor.audit.watcher import Watcher
from auditor.cluster import Resource
from auditor.json import JsonObject
from auditor.model.finding import Result
from tests.cluster.audit.conftest import BadDay
from tests.cluster.audit.watching.conftest import World, until
from tests.cluster.audit.watching.test_kinds import bind, limited, state
from tests.sole import Sole

__all__ = ["limited"]

ODD = "object.spec.n % 2 == 1"


def taken(world: World) -> JsonObject:
    """Hosts may be named by one object of that other kind only."""
    lookups = [{"name": "hosts", "resource": {"group": world.group, "resource": "hosts"}, "indexedBy": "/spec/host"}]
    return world.policy("taken", "size(lookups.hosts) == 0", lookups=lookups)


def results(world: World, key: str = "default/t") -> set[Result]:
    with world.heard.changed:
        return {each.result for each in world.heard.open.get((world.kind_name, key), {}).values()}


def test_what_came_while_the_watch_was_broken_touches_who_looks_it_up(world: World, bad_day: BadDay) -> None:
    world.install()
    world.install(world.crd(plural="hosts"))
    world.put(taken(world), world.thing("t", host="h"))
    world.watch(kubeconfig=str(bad_day.kubeconfig))
    world.wait_settled()
    world.wait_settled(f"hosts.{world.group}")
    world.wait_quiet()
    assert world.found() == {}
    bad_day.gate.fail(500, 100, path="/hosts")
    bad_day.gate.expire()
    world.put(world.thing("rival", kind="Host", host="h"))
    until(lambda: any("/hosts" in path for _, path in bad_day.gate.requests[-20:]))
    bad_day.let_pass()
    world.wait_found({"default/t": {"taken/r"}})


def test_a_namespace_that_came_while_the_watch_was_broken(world: World, bad_day: BadDay) -> None:
    world.install()
    matched = world.policy("production", "false")
    matched["spec"]["match"]["namespaceSelector"] = {"matchLabels": {"env": "production"}}
    world.put(matched)
    world.watch(kubeconfig=str(bad_day.kubeconfig))
    world.wait_settled()
    bad_day.gate.fail(500, 100, path="/api/v1/namespaces")
    bad_day.gate.expire()
    name = f"n{world.group[:8]}"
    metadata = {"name": name, "labels": {"env": "production"}}
    world.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, world.thing("t", name, n=1))
    until(lambda: world.judged().get("watch", 0) > 0)
    bad_day.let_pass()
    world.wait_found({f"{name}/t": {"production/r"}})
    assert results(world, f"{name}/t") == {Result.FAIL}


def test_annotations_of_a_namespace_touch_those_who_read_them(world: World) -> None:
    world.install()
    name = f"n{world.group[:8]}"
    namespace: JsonObject = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    read = "namespaceObject.metadata.?annotations['open'].orValue('') == 'yes'"
    world.put(namespace, world.policy("open", read), world.policy("odd", ODD), world.thing("t", name, n=1))
    world.watch()
    world.wait_found({f"{name}/t": {"open/r"}})
    namespace["metadata"]["annotations"] = {"open": "yes"}
    world.put(namespace)
    world.wait_found({})
    assert world.evaluated("namespace") == 1, "the policy that reads nothing of it was not asked"


def test_what_cannot_be_looked_up_holds_up_nobody_else(world: World, limited: str) -> None:
    """Its rules are errors till the rights are granted, then they are asked again by themselves."""
    world.install()
    world.install(world.crd(plural="hosts"))
    read: list[JsonObject] = [{"apiGroups": [world.group], "resources": ["things"], "verbs": ["get", "list", "watch"]}]
    bind(world, limited, "things", read)
    world.put(taken(world), world.policy("odd", ODD), world.thing("t", host="h", n=2))
    world.watch(kubeconfig=str(world.cluster.user_kubeconfig(limited)))
    world.wait_found({"default/t": {"taken/", "odd/r"}})
    assert results(world) == {Result.ERROR, Result.FAIL}
    assert world.watcher.unready() == ""
    world.put(world.policy("odd", "object.spec.n < 9"))
    world.wait_found({"default/t": {"taken/"}})
    bind(world, limited, "hosts", [{"apiGroups": [world.group], "resources": ["hosts"], "verbs": ["list", "watch"]}])
    world.heard.wait(lambda: world.found() == {}, world.found)


def test_a_kind_that_is_looked_up_and_goes_makes_errors_of_who_looked(world: World) -> None:
    """As it would for a watcher that starts now."""
    world.install()
    hosts = world.crd(plural="hosts")
    world.install(hosts)
    world.put(taken(world), world.thing("t", host="h"))
    world.watch()
    world.wait_settled()
    world.wait_quiet()
    assert world.found() == {}
    world.delete("crd", hosts["metadata"]["name"])
    world.heard.wait(lambda: results(world) == {Result.ERROR}, world.found)
    world.install(hosts)
    world.heard.wait(lambda: results(world) == set(), world.found)


def test_params_whose_kind_comes_later(world: World) -> None:
    world.install()
    limits = world.crd(plural="limits")
    limited = world.policy(
        "limited",
        "object.spec.n <= params.spec.max",
        paramKind={"apiVersion": f"{world.group}/v1", "kind": "Limit"},
        paramRef={"name": "max", "namespace": "default", "parameterNotFoundAction": "Deny"},
    )
    world.put(limited, world.thing("t", n=7))
    world.watch()
    world.heard.wait(lambda: results(world) == {Result.ERROR}, world.found)
    world.install(limits)
    world.put(world.thing("max", kind="Limit", max=5))
    world.heard.wait(lambda: results(world) == {Result.FAIL}, world.found)
    world.put(world.thing("max", kind="Limit", max=9))
    world.wait_found({})


class Moody(Sole):
    """Owned or not as the test says, and nobody is told."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = True

    def owns(self, kind_name: str) -> bool:
        return self.ours and super().owns(kind_name)


def test_what_time_alone_takes_and_gives_is_noticed(world: World) -> None:
    turf = Moody()
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch(turf=turf)
    world.wait_found({"default/t": {"odd/r"}})
    turf.ours = False
    until(lambda: state(world) == "not followed")
    with world.heard.changed:
        world.heard.open.clear()  # somebody else's
        world.heard.passed_kinds.clear()
    turf.ours = True
    world.wait_found({"default/t": {"odd/r"}})
    world.wait_settled()


def test_what_is_found_while_it_is_not_ours_is_begun_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process was frozen, and its turf is lost and ours again before the steering has looked once."""
    turf, steering = Moody(), threading.Event()
    look = Watcher._look_around

    def slow(self: Watcher, *, due: bool) -> None:
        if not steering.is_set():
            look(self, due=due)

    monkeypatch.setattr(Watcher, "_look_around", slow)
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=1))
    world.watch(turf=turf)
    world.wait_settled()
    follower = world.watcher.followers[world.kind_name]
    steering.set()
    turf.ours = False
    world.put(world.thing("t", n=2))
    until(lambda: follower.lapsed)
    assert world.found() == {}, "nobody is told: it may be somebody else's"
    turf.ours = True
    steering.clear()
    world.wait_found({"default/t": {"odd/r"}})
    assert world.watcher.followers[world.kind_name] is not follower


def test_a_kind_on_which_we_fail_keeps_no_other_from_being_followed(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make = InForce.make
    failing = threading.Event()

    def fail(self: InForce, chosen: Chosen, resource: Resource) -> Setting:
        if chosen.plural == "broken" and not failing.is_set():
            raise RuntimeError("nobody thought of this")
        return make(self, chosen, resource)

    monkeypatch.setattr(InForce, "make", fail)
    monkeypatch.setattr(module, "RETRY", 0.2)
    broken = world.crd(plural="broken")
    broken["spec"]["names"]["kind"] = "Broken"
    world.install(broken)
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch()
    world.wait_found({"default/t": {"odd/r"}})
    name = f"broken.{world.group}"
    assert name not in world.watcher.followers
    assert "nobody thought of this" in world.watcher.chosen[name].trouble
    failing.set()
    until(lambda: name in world.watcher.followers)
    assert "nobody thought of this" in caplog.text
