"""The conversion section of a CRD, beside others who write the same CRD; uninstall; storage that is written anew."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson
import pytest
from click.testing import CliRunner, Result

from auditor.cli.convert import command
from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.access import dig, dig_list, dig_text
from auditor.cluster.resource import CRDS
from auditor.errors import InvalidError, NotFoundError, UsageError
from auditor.intake.kinds import CONVERSIONS
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.registration import Registrar, State, UninstallRefusedError, find_owner, make_plan, uninstall
from auditor.webhooks.registration.migrate import list_kinds_with_debt, migrate, read_kind
from auditor.webhooks.registration.writing import CONFIGURATIONS
from tests.cluster.webhooks.registration.conftest import PATIENCE, Door, make_conversion, make_crd, make_policy, until
from tests.cluster.webhooks.registration.recording import Recorder

GITOPS = WriteOptions(field_manager="gitops")


class Kind:
    """A CRD with the name of its test, and its Conversion."""

    def __init__(self, door: Door, group: str) -> None:
        self.door, self.client, self.group = door, door.client, group
        self.name = f"things.{group}"

    def create(self, *versions: str, conversion: JsonObject | None = None) -> None:
        crd = make_crd(self.name, *(versions or ("v1", "v2")))
        if conversion:
            crd["spec"]["conversion"] = conversion
        self.client.create(CRDS, crd, options=GITOPS)
        until(lambda: (kind := self.door.kinds.get(self.name)) is not None and kind.established)

    def convert(self, *versions: str) -> None:
        conversion = make_conversion(self.name, *(versions or ("v1", "v2")))
        self.client.create(CONVERSIONS, conversion)
        self.door.conversions = [conversion]
        self.door.registrar.refresh()

    def forget(self) -> None:
        self.client.delete(CONVERSIONS, self.name)
        self.door.conversions = []
        self.door.registrar.refresh()

    def section(self) -> JsonObject:
        found: JsonObject = self.client.get(CRDS, self.name)["spec"]["conversion"]
        return found

    def url(self) -> str:
        return dig_text(self.section(), "webhook", "clientConfig", "url")

    def ours(self) -> bool:
        return self.url() == f"{self.door.installation.address.url}/convert/{self.name}"

    def condition(self) -> tuple[str, str]:
        found = dig_list(self.client.get(CONVERSIONS, self.name), "status", "conditions")
        return next(((c["status"], c["reason"]) for c in found if c["type"] == "Registered"), ("", ""))

    def resource(self, version: str = "v1") -> Resource:
        return Resource(self.group, version, "things", "Thing", namespaced=True)

    def put(self, *names: str, version: str = "v1") -> None:
        for name in names:
            thing = {
                "apiVersion": f"{self.group}/{version}",
                "kind": "Thing",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"size": 1},
            }
            self.client.create(self.resource(version), thing)

    def store_in(self, version: str) -> None:
        crd = self.client.get(CRDS, self.name)
        for each in crd["spec"]["versions"]:
            each["storage"] = each["name"] == version
        self.client.update(CRDS, crd, options=GITOPS)
        until(lambda: (kind := self.door.kinds.get(self.name)) is not None and kind.storage_version == version)

    def remove(self) -> None:
        try:
            crd = self.client.get(CRDS, self.name)
            # What cannot be converted could not be deleted.
            crd["spec"]["conversion"] = {"strategy": "None"}
            self.client.update(CRDS, crd)
            self.client.delete(CRDS, self.name)
        except NotFoundError:
            pass


@pytest.fixture
def kind(door: Door, group: str) -> Iterator[Kind]:
    kind = Kind(door, group)
    yield kind
    if door._end is not None:
        assert door.registrar.stop()
    kind.remove()
    with contextlib.suppress(NotFoundError):
        kind.client.delete(CONVERSIONS, kind.name)


@pytest.fixture
def registrar(door: Door) -> Registrar:
    registrar = door.start()
    assert registrar.wait_in_force(PATIENCE)
    return registrar


def is_state(name: str, state: State) -> Callable[[dict[str, object]], bool]:
    return lambda found: name in found and found[name].state is state  # type: ignore[attr-defined]


def settle(registrar: Registrar) -> None:
    until(lambda: not registrar._queue._entries)


def test_it_is_set_told_and_not_written_again(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    until(lambda: kind.condition() == ("True", "Registered"))
    settle(registrar)
    before = kind.client.get(CRDS, kind.name)
    assert {k: v for k, v in before["spec"].items() if k != "conversion"} == {
        k: v for k, v in make_crd(kind.name, "v1", "v2")["spec"].items() if k != "conversion"
    } | {"names": before["spec"]["names"]}
    for _ in range(3):
        registrar.refresh()
        settle(registrar)
    assert kind.client.get(CRDS, kind.name)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_it_is_set_when_the_crd_comes_later(kind: Kind, registrar: Registrar) -> None:
    kind.convert()
    until(lambda: kind.condition() == ("False", "CrdAbsent"))
    kind.create()
    until(kind.ours)
    until(lambda: kind.condition() == ("True", "Registered"))


def test_versions_that_no_step_knows_are_told_of(kind: Kind, registrar: Registrar) -> None:
    kind.create("v1", "v2", "v3")
    kind.convert()
    until(lambda: kind.condition() == ("False", "VersionsNotCovered"))
    assert kind.section() == {"strategy": "None"}
    status = {each.name: each for each in registrar.status()}[kind.name]
    assert status.state is State.LEFT
    assert "serves or stores v1, v2, v3, and no step converts v3" in status.message


def test_the_webhook_of_somebody_else_is_left_alone(kind: Kind, registrar: Registrar) -> None:
    config = {"url": "https://127.0.0.1:1/theirs"}
    theirs = {"strategy": "Webhook", "webhook": {"clientConfig": config, "conversionReviewVersions": ["v1"]}}
    kind.create(conversion=theirs)
    kind.convert()
    until(lambda: kind.condition() == ("False", "OtherWebhook"))
    assert kind.url() == "https://127.0.0.1:1/theirs"


def test_gitops_that_says_nothing_of_it_leaves_it_alone(kind: Kind, registrar: Registrar) -> None:
    crd = make_crd(kind.name, "v1", "v2")
    kind.client.apply(CRDS, crd, options=GITOPS)
    until(lambda: kind.door.kinds.get(kind.name) is not None)
    kind.convert()
    until(kind.ours)
    for force in (False, True):
        kind.client.apply(CRDS, crd, options=GITOPS, force=force)
        assert kind.ours()


def test_gitops_that_says_none_is_refused_and_breaks_nothing(kind: Kind, registrar: Registrar) -> None:
    """As the docstring of `sections` tells people."""
    crd = make_crd(kind.name, "v1", "v2", conversion={"strategy": "None"})
    kind.client.apply(CRDS, crd, options=GITOPS)
    until(lambda: kind.door.kinds.get(kind.name) is not None)
    kind.convert()
    until(kind.ours)
    with pytest.raises(InvalidError, match="should not be set when strategy is not set to Webhook"):
        kind.client.apply(CRDS, crd, options=GITOPS, force=True)
    assert kind.ours()


def test_kubectl_apply_and_replace(kind: Kind, registrar: Registrar, sandbox: Sandbox) -> None:
    def run(verb: str, *versions: str) -> None:
        crd = make_crd(kind.name, *versions)
        sandbox.kubectl(verb, "-f", "-", stdin=orjson.dumps(crd).decode())

    run("apply", "v1", "v2")
    until(lambda: kind.door.kinds.get(kind.name) is not None)
    kind.convert("v1", "v2", "v3")
    until(kind.ours)
    run("apply", "v1", "v2", "v3")
    assert kind.ours()
    run("replace", "v1", "v2", "v3")
    until(kind.ours, seconds=5)
    settle(registrar)
    assert {each.name: each.writes for each in registrar.status()}[kind.name] == 2


def test_an_injected_bundle_stays_and_goes_with_the_section(kind: Kind, registrar: Registrar) -> None:
    address = kind.door.installation.address
    kind.door.installation = replace(kind.door.installation, address=replace(address, authorities=b""))
    kind.create()
    kind.convert()
    until(kind.ours)
    bundle = address.client_config("/")["caBundle"]
    patch = {"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": bundle}}}}}
    kind.client.patch_merge(CRDS, kind.name, patch, options=WriteOptions(field_manager="cert-manager-cainjector"))
    settle(registrar)
    registrar.refresh()
    settle(registrar)
    assert dig(kind.section(), "webhook", "clientConfig", "caBundle") == bundle
    assert {each.name: each.writes for each in registrar.status()}[kind.name] == 1
    kind.forget()
    until(lambda: kind.section() == {"strategy": "None"})


def test_a_conversion_that_is_broken_by_an_edit_takes_nothing_away(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.door.conversions, kind.door.broken = [], [kind.name]
    registrar.refresh()
    until(lambda: kind.condition() == ("False", "NotCompiled"))
    assert kind.ours()


def test_somebody_who_takes_it_away_again_and_again_is_told_of(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    settle(registrar)
    nothing = {"spec": {"conversion": {"strategy": "None", "webhook": None}}}
    for _ in range(4):
        until(kind.ours)
        settle(registrar)
        kind.client.patch_merge(CRDS, kind.name, nothing, options=WriteOptions(field_manager="stubborn"))
    assert registrar.wait(is_state(kind.name, State.CONTESTED), PATIENCE)  # type: ignore[arg-type]
    assert "stubborn" in {each.name: each.message for each in registrar.status()}[kind.name]
    assert {each.name: each.writes for each in registrar.status()}[kind.name] == 4
    until(kind.ours)
    until(lambda: kind.condition() == ("False", "Contested"))


def test_it_goes_with_the_conversion_and_owns_nothing_afterwards(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.forget()
    until(lambda: kind.section() == {"strategy": "None"})
    managers = {each["manager"] for each in kind.client.get(CRDS, kind.name)["metadata"]["managedFields"]}
    assert "auditor-registration" not in managers
    registrar.wait(lambda found: kind.name not in found, PATIENCE)
    assert kind.name not in {each.name for each in registrar.status()}


def test_it_stays_as_long_as_stored_objects_need_it(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one")
    kind.store_in("v2")
    kind.forget()
    assert registrar.wait(is_state(kind.name, State.LEFT), PATIENCE)  # type: ignore[arg-type]
    assert kind.ours()
    message = {each.name: each.message for each in registrar.status()}[kind.name]
    assert f"auditor convert --migrate-storage {kind.name}" in message
    assert migrate(kind.client, read_kind(kind.client, kind.name)).finished
    until(lambda: kind.section() == {"strategy": "None"})


def test_a_plan_shows_sections(kind: Kind) -> None:
    kind.create()
    conversion = make_conversion(kind.name, "v1", "v2")
    kind.door.conversions = [conversion, make_conversion(f"none.{kind.group}", "v1", "v2")]
    plan = make_plan(kind.client, kind.door.wanted())
    assert f"+++ CustomResourceDefinition {kind.name} (to be)" in plan.differences
    assert "-  strategy: None\n+  strategy: Webhook\n" in plan.differences
    assert plan.notes == (f"there is no CRD none.{kind.group}",)
    assert kind.section() == {"strategy": "None"}


def test_storage_is_written_anew(kind: Kind, registrar: Registrar, recorder: Recorder) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one", "two", "three")
    kind.store_in("v2")
    kind.put("four", version="v2")
    old = read_kind(kind.client, kind.name)
    assert old.stored_versions == ("v1", "v2")
    assert kind.name in {each.name for each in list_kinds_with_debt(kind.client)}
    before = {each["metadata"]["name"]: each for each in kind.client.list(kind.resource("v2"))}
    seen: list[int] = []
    result = migrate(kind.client, old, progress=lambda found: seen.append(found.done))
    assert (result.rewritten, result.failed, result.finished, seen) == (4, 0, True, [1, 2, 3, 4])
    assert read_kind(kind.client, kind.name).stored_versions == ("v2",)
    recorder.conversions = 0
    after = {each["metadata"]["name"]: each for each in kind.client.list(kind.resource("v2"))}
    # One that was stored so already was not written, and those that were are the same but for their version.
    same = {name for name in before if versions_of(before[name]) == versions_of(after[name])}
    assert same == {"four"}
    assert all(before[name]["metadata"]["managedFields"] == after[name]["metadata"]["managedFields"] for name in before)
    assert recorder.conversions == 0


def versions_of(thing: JsonObject) -> str:
    return dig_text(thing, "metadata", "resourceVersion")


def test_an_object_that_cannot_be_written_keeps_the_stored_versions(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one", "bad")
    kind.store_in("v2")
    rule = {
        "apiGroups": [kind.group],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": ["things"],
        "scope": "*",
    }
    refusing = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": kind.name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "object.metadata.name != 'bad'", "message": "not that one"}],
        },
    }
    policies = Resource(
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        namespaced=False,
    )
    bindings = Resource(
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        namespaced=False,
    )
    kind.client.create(policies, refusing)
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": kind.name},
        "spec": {"policyName": kind.name, "validationActions": ["Deny"]},
    }
    kind.client.create(bindings, binding)
    try:
        until(lambda: migrate(kind.client, read_kind(kind.client, kind.name), dry_run=True).failed == 1)
        result = migrate(kind.client, read_kind(kind.client, kind.name))
        assert (result.rewritten, result.failed, result.finished) == (1, 1, False)
        assert "not that one" in result.faults[0]
        assert read_kind(kind.client, kind.name).stored_versions == ("v1", "v2")
    finally:
        kind.client.delete(bindings, kind.name)
        kind.client.delete(policies, kind.name)


def test_objects_that_others_write_or_delete_meanwhile(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one", "three", "two")
    kind.store_in("v2")

    def meddle(found: object) -> None:
        if found.done == 1:  # type: ignore[attr-defined]
            kind.client.delete(kind.resource(), "three", namespace="default")
            kind.client.patch_merge(kind.resource(), "two", {"spec": {"size": 5}}, namespace="default")

    result = migrate(kind.client, read_kind(kind.client, kind.name), progress=meddle)
    assert (result.rewritten, result.gone, result.failed, result.finished) == (2, 1, 0, True)
    assert kind.client.get(kind.resource(), "two", namespace="default")["spec"] == {"size": 5}


def test_a_dry_run_of_the_migration_and_one_that_is_broken_off(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one")
    kind.store_in("v2")
    assert migrate(kind.client, read_kind(kind.client, kind.name), dry_run=True).finished
    assert read_kind(kind.client, kind.name).stored_versions == ("v1", "v2")
    stop = threading.Event()
    stop.set()
    assert not migrate(kind.client, read_kind(kind.client, kind.name), stop=stop).finished
    assert read_kind(kind.client, kind.name).stored_versions == ("v1", "v2")


def test_storage_that_moves_on_meanwhile_keeps_the_stored_versions(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one")
    kind.store_in("v2")
    result = migrate(kind.client, read_kind(kind.client, kind.name), progress=lambda _: kind.store_in("v1"))
    assert (result.rewritten, result.finished) == (1, False)
    assert "was changed meanwhile" in result.faults[0]
    assert read_kind(kind.client, kind.name).stored_versions == ("v1", "v2")


def test_the_command_that_the_messages_name(kind: Kind, registrar: Registrar, sandbox: Sandbox) -> None:
    def run(*arguments: str) -> Result:
        options = ["--migrate-storage", "--kubeconfig", str(sandbox.kubeconfig)]
        return CliRunner().invoke(command, [*options, *arguments], standalone_mode=False)

    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one", "two")
    kind.store_in("v2")
    done = run(kind.name, "--dry-run")
    assert (done.return_value, done.stdout) == (0, f"{kind.name}: 2 objects would be stored in v2\n")
    done = run()
    assert (done.return_value, done.stdout) == (0, f"{kind.name}: 2 objects are stored in v2\n")
    done = run()
    assert (done.return_value, done.stdout) == (
        0,
        "nothing to do: all objects of all CRDs are stored in the version of today\n",
    )
    assert isinstance(run("nothing.example.com").exception, UsageError)


def test_uninstall_is_refused_where_objects_need_us_and_says_what_helps(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one")
    kind.store_in("v2")
    assert registrar.stop()
    with pytest.raises(UninstallRefusedError) as refusal:
        uninstall(kind.client, kind.door.installation)
    assert f"objects of {kind.name} may be stored in v1" in str(refusal.value)
    assert f"auditor convert --migrate-storage {kind.name}" in str(refusal.value)
    assert kind.ours()
    assert kind.door.live()
    done = uninstall(kind.client, kind.door.installation, force=True)
    assert len(done.removed) == 3
    (lost,) = done.lost
    assert "Objects that are still stored in v1 are read as v2 as they are" in lost
    assert kind.section() == {"strategy": "None"}


def test_uninstall_after_a_migration_and_a_second_time(kind: Kind, registrar: Registrar) -> None:
    kind.create()
    kind.convert()
    until(kind.ours)
    kind.put("one")
    kind.store_in("v2")
    assert migrate(kind.client, read_kind(kind.client, kind.name)).finished
    assert registrar.stop()
    plan = uninstall(kind.client, kind.door.installation, options=WriteOptions(field_manager="x", dry_run=True))
    assert len(plan.removed) == 3
    assert kind.ours()
    assert len(uninstall(kind.client, kind.door.installation).removed) == 3
    assert kind.section() == {"strategy": "None"}
    assert uninstall(kind.client, kind.door.installation).removed == []


def test_what_still_runs_puts_nothing_back_after_an_uninstall(door: Door, client: Client) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": []}
    resource = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
    client.create(resource, role | {"metadata": {"name": door.installation.name}})
    owner = find_owner(client, f"ClusterRole/{door.installation.name}")
    door.policies = [make_policy("p", "db.example.com")]
    registrar = door.start(owner)
    assert registrar.wait_in_force(PATIENCE)
    assert len(uninstall(client, door.installation, owner=owner).removed) == 2
    assert registrar.wait(lambda found: {each.state for each in found.values()} == {State.UNINSTALLED}, PATIENCE)
    registrar.refresh()
    settle(registrar)
    for each in CONFIGURATIONS.values():
        with pytest.raises(NotFoundError):
            client.get(each, door.installation.name)
