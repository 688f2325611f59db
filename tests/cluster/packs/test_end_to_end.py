"""Every pack on the real API server, with a real door and watcher, as `auditor packs install` brings it."""

import os
import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from auditor.engine.read import name_of
from auditor.intake.load import Item
from auditor.intake.packs.facts import Mapped, list_rules
from auditor.json import JsonObject
from auditor.model.policy import Enforcement
from auditor.sandbox import Sandbox
from tests.cluster.packs.stage import GLASS, Key, Stage, batch, key_of, violate, without
from tests.cluster.run.test_run import Run
from tests.unit.packs.shipped import NAMES, POLICIES, examples, pack_of, read

COMPLETE = [name for name in NAMES if (POLICIES / name / "policies.yaml").is_file()]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Packs change what a whole cluster refuses, so it is one of its own; the packs come and go in it."""
    with pytest.MonkeyPatch.context() as patch, Sandbox.start(f"packs-{os.getpid()}", owner=os.getpid()) as cluster:
        patch.setenv("AUDITOR_WEBHOOK_BREAK_GLASS_GROUP", GLASS)
        run = Run(cluster, tmp_path_factory.mktemp("run"), "--install")
        try:
            run.wait_ready()
            with closing(Stage(cluster, lambda: run.text)) as stage:
                yield stage
        finally:
            run.clean()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", COMPLETE)
def test_a_pack_works_from_its_installation_to_its_removal(stage: Stage, name: str) -> None:
    good = [item for path in examples(name, "good") for item in read(path)]
    files = [read(path) for path in examples(name, "bad")]
    things = [item.thing for items in (good, *files) for item in items]
    brought = stage.bring_kinds(name, things)
    stage.bring_namespaces(things)
    stage.packs("install", name)
    try:
        _wait_converted(stage, name)
        for items in batch(files):
            _check_reported(stage, name, items, without(good, items))
        stage.packs("install", name, "--enforcement", "as-shipped")
        _check_refused(stage, name, files, good)
        _check_good(stage, name, good)
        for crd in pack_of(name).crds:
            _check_kubectl(stage, crd, [item.thing for item in good])
        for conversion in pack_of(name).conversions:
            _check_versions(stage, name, name_of(conversion), [item.thing for item in good])
    finally:
        stage.clear(things)
        stage.cluster.kubectl("delete", "policies.auditor.dev", "-l", f"auditor.dev/pack={name}")
        kinds = [*map(name_of, pack_of(name).crds), *brought]
        if kinds:
            stage.cluster.kubectl("delete", "crd", *kinds, "--ignore-not-found", "--wait=true")


def _wait_converted(stage: Stage, name: str) -> None:
    wanted = {name_of(conversion) for conversion in pack_of(name).conversions}

    def waiting() -> set[str]:
        found = {name_of(crd): crd["spec"]["conversion"]["strategy"] for crd in stage.list_crds()}
        return {crd for crd in wanted if found[crd] != "Webhook"}

    stage.until(lambda: not waiting(), lambda: f"not converted: {waiting()}")


def _check_reported(stage: Stage, name: str, bad: list[Item], good: list[Item]) -> None:
    """Nothing is refused by Audit, and what is bad stands in a report with each of its rules."""
    around = [*good, *bad]
    wanted = {key_of(item.thing): {*violate(name, item, around)} for item in bad}
    assert any(wanted.values())
    stage.apply(*(item.thing for item in around))

    def missing() -> dict[Key, set[str]]:
        reported = stage.reported()
        found = {thing: rules - reported.get(thing, set()) for thing, rules in wanted.items()}
        return {thing: rules for thing, rules in found.items() if rules}

    stage.until(lambda: not missing(), lambda: f"not reported: {missing()}, but {stage.reported()}")
    stage.clear([item.thing for item in around])


def _check_refused(stage: Stage, name: str, files: list[list[Item]], good: list[Item]) -> None:
    """Each object of a bad example, where the good ones are and what is not bad in the example itself."""
    for items in files:
        around = without(good, items)
        peers = [*items]
        while bad := [item for item in peers if violate(name, item, [*around, *peers])]:
            peers = [item for item in peers if item not in bad]  # and now others may miss what they refer to
        there = [*around, *peers]
        _create(stage, there)
        for item in items:
            if item not in peers and (rules := violate(name, item, there)):
                _check_bad(stage, item.thing, [*rules.values()])
        stage.clear([item.thing for item in there])


def _create(stage: Stage, items: list[Item]) -> None:
    """What refers to others is taken once the door has seen those; who comes first may be warned that they are not."""
    waiting = {key_of(item.thing): item.thing for item in items if item.kind != "Namespace"}
    said: dict[Key, str] = {}

    def all_there() -> bool:
        for key, thing in [*waiting.items()]:
            done = stage.create(thing)
            said[key] = done.text
            if done.taken:
                del waiting[key], said[key]
        return not waiting

    stage.until(all_there, lambda: f"not taken: {said}")


def _check_bad(stage: Stage, thing: JsonObject, rules: list[Mapped]) -> None:
    """Refused, or admitted with a warning, by each of its rules; what Audit says is in the reports alone."""
    denied = {rule.name for rule in rules if rule.enforcement is Enforcement.DENY}
    warned = {rule.name for rule in rules if rule.enforcement is Enforcement.WARN}
    said = stage.try_out(thing)

    def as_expected() -> bool:
        nonlocal said
        said = stage.try_out(thing)
        return said.taken != bool(denied) and all(rule in said.text for rule in denied or warned)

    what = f"{key_of(thing)}: denied by {denied}, warned by {warned}"
    stage.until(as_expected, lambda: f"{what}, but:\n{said.text}")


def _check_good(stage: Stage, name: str, good: list[Item]) -> None:
    """Each of them, where all the others are, without a word."""
    _create(stage, good)
    for item in good:
        if item.group and item.kind != "Namespace":
            _check_silent(stage, item.thing, name)


def _check_silent(stage: Stage, thing: JsonObject, name: str) -> None:
    """The API server itself warns of some that are usual, such as short names of finalizers."""
    said, rules = "", [mapped.name for mapped in list_rules(pack_of(name))]

    def silent() -> bool:
        nonlocal said
        stage.clear([thing])
        done = stage.create(thing)
        said = done.text
        return done.taken and not any(rule in said for rule in rules)

    stage.until(silent, lambda: f"{key_of(thing)}: {said}")


def _check_kubectl(stage: Stage, crd: JsonObject, good: list[JsonObject]) -> None:
    names, spec = crd["spec"]["names"], crd["spec"]
    plural = f"{names['plural']}.{spec['group']}"
    table = stage.cluster.kubectl("get", plural, "-A").stdout
    storage = next(version for version in spec["versions"] if version["storage"])
    columns = [each["name"].upper() for each in storage["additionalPrinterColumns"] if not each.get("priority")]
    assert re.split(r"  +", table.splitlines()[0].strip())[-len(columns) :] == columns
    assert "<invalid>" not in table
    for short in names["shortNames"]:
        assert stage.cluster.kubectl("get", short, "-A").stdout.splitlines()[0] == table.splitlines()[0]
    told = stage.cluster.kubectl("explain", f"{plural}.spec", "--recursive").stdout
    assert f"KIND:       {names['kind']}" in told
    assert "<empty>" not in told
    if "scale" in (storage.get("subresources") or {}):
        scalable = [thing for thing in good if thing["kind"] == names["kind"]]
        assert scalable
        place = ("-n", scalable[0]["metadata"].get("namespace", "default"))
        there = stage.read(scalable[0], storage["name"])
        replicas = f"--replicas={there['spec'].get('replicas', 1)}"
        assert "scaled" in stage.cluster.kubectl("scale", f"{plural}/{name_of(scalable[0])}", *place, replicas).stdout


def _check_versions(stage: Stage, name: str, kind: str, good: list[JsonObject]) -> None:
    """Read in another version, written back as that, read again: nothing is lost on the way."""
    crd = next(crd for crd in pack_of(name).crds if name_of(crd) == kind)
    names, group = crd["spec"]["names"], crd["spec"]["group"]
    storage: str = next(version["name"] for version in crd["spec"]["versions"] if version["storage"])
    others = [v["name"] for v in crd["spec"]["versions"] if v["served"] and v["name"] != storage]
    assert others
    for thing in [thing for thing in good if thing["kind"] == names["kind"]]:
        stored = stage.read(thing, storage)
        for version in others:
            other = stage.read(thing, version)
            assert other["apiVersion"] == f"{group}/{version}"
            done = stage.replace(other)
            assert done.taken, done.text
            again = stage.read(thing, storage)
            assert again["spec"] == stored["spec"]
