"""What is registered stays as it has to be, whoever changes it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from prometheus_client import CollectorRegistry

from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.lease import Permit
from auditor.cluster.metrics import CALLS
from auditor.errors import LeaseLostError, NotFoundError, UsageError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.registration import Registrar, RegistrationMeters, State, find_owner, make_plan
from auditor.webhooks.registration.owner import Owner
from auditor.webhooks.registration.writing import CONFIGURATIONS, OPTIONS, write_configuration
from tests.cluster.webhooks.registration.conftest import PATIENCE, Door, make_policy, until

VALIDATING, MUTATING = CONFIGURATIONS.values()
SOON = 2.0
"""Seconds within which what others have changed is right again."""
OTHERS = WriteOptions(field_manager="somebody-else")


def count_writes() -> float:
    """Of this whole process, to configurations: what the server was really asked."""
    return sum(
        sample.value
        for metric in CALLS.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
        and sample.labels["verb"] in ("patch", "apply", "update", "create")
        and "webhookconfigurations" in sample.labels["resource"]
    )


def settle(registrar: Registrar) -> None:
    """Until nothing waits to be done and nothing is being done."""
    until(lambda: not registrar._queue._entries)


def versions(door: Door) -> list[str]:
    return [door.live(kind)["metadata"]["resourceVersion"] for kind in CONFIGURATIONS]


def test_both_are_registered_and_nothing_is_written_again(door: Door) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    registrar = door.start()
    assert registrar.wait_in_force(PATIENCE)
    assert [each["name"] for each in door.live()["webhooks"]] == [
        "own.validate.auditor.dev",
        "fail-10s.validate.auditor.dev",
    ]
    assert door.live("MutatingWebhookConfiguration").get("webhooks") is None
    settle(registrar)
    written, before = count_writes(), versions(door)
    assert written >= 2
    for _ in range(5):
        registrar.refresh()
        settle(registrar)
    assert (count_writes(), versions(door)) == (written, before)
    assert {each.writes for each in registrar.status()} == {1}


def test_a_second_one_that_wants_the_same_writes_nothing(door: Door, client: Client) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    registrar = door.start()
    assert registrar.wait_in_force(PATIENCE)
    settle(registrar)
    written = count_writes()
    second = Registrar(client=client, source=door.wanted, name=door.installation.name)
    second.start()
    assert second.wait_in_force(PATIENCE)
    settle(second)
    assert second.stop()
    assert count_writes() == written


def test_nothing_is_taken_away_as_long_as_not_all_is_known(door: Door, client: Client) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    assert door.start().wait_in_force(PATIENCE)
    before = versions(door)
    unsure = Registrar(client=client, source=lambda: None, name=door.installation.name)
    unsure.start()
    settle(unsure)
    assert unsure.stop()
    assert versions(door) == before


def test_a_policy_that_comes_is_registered_and_taken_away_when_it_goes(door: Door) -> None:
    registrar = door.start()
    assert registrar.wait_in_force(PATIENCE)
    door.policies = [make_policy("p", "db.example.com"), make_policy("q", "apps", resources=("deployments",))]
    assert registrar.registered() == frozenset()
    registrar.refresh()
    until(lambda: len(door.live()["webhooks"]) == 2)
    until(lambda: registrar.registered() == {"p", "q"})
    assert len(door.live()["webhooks"][1]["rules"]) == 2
    door.policies = []
    registrar.refresh()
    until(lambda: [each["name"] for each in door.live()["webhooks"]] == ["own.validate.auditor.dev"])


Change = Callable[[list[JsonObject]], None]


def change_failure_policy(webhooks: list[JsonObject]) -> None:
    webhooks[1]["failurePolicy"] = "Ignore"


def add_condition(webhooks: list[JsonObject]) -> None:
    webhooks[1].setdefault("matchConditions", []).append({"name": "off", "expression": "false"})


def narrow_namespaces(webhooks: list[JsonObject]) -> None:
    webhooks[1]["namespaceSelector"]["matchLabels"] = {"no": "where"}


def drop_one(webhooks: list[JsonObject]) -> None:
    del webhooks[1]


def drop_operations(webhooks: list[JsonObject]) -> None:
    webhooks[1]["rules"][0]["operations"] = ["CONNECT"]


def lead_elsewhere(webhooks: list[JsonObject]) -> None:
    webhooks[1]["clientConfig"]["url"] = "https://127.0.0.1:1/elsewhere"


def lead_to_a_service(webhooks: list[JsonObject]) -> None:
    webhooks[1]["clientConfig"] = {"service": {"name": "theirs", "namespace": "default"}}


def add_stale_one(webhooks: list[JsonObject]) -> None:
    webhooks.append(webhooks[1] | {"name": "fail-3s.validate.auditor.dev"})


@pytest.mark.parametrize(
    "change",
    [
        change_failure_policy,
        add_condition,
        narrow_namespaces,
        drop_one,
        drop_operations,
        lead_elsewhere,
        lead_to_a_service,
        add_stale_one,
    ],
)
def test_what_others_change_is_corrected(door: Door, client: Client, change: Change) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    registrar = door.start()
    assert registrar.wait_in_force(PATIENCE)
    settle(registrar)
    right = door.live()
    wrong = door.live()
    change(wrong["webhooks"])
    client.update(VALIDATING, wrong, options=OTHERS)
    begun = time.monotonic()
    until(lambda: door.live()["webhooks"] == right["webhooks"])
    assert time.monotonic() - begun < SOON
    settle(registrar)
    assert registrar.status()[1].state is State.IN_FORCE


def test_one_that_is_deleted_comes_back(door: Door, client: Client) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    assert door.start().wait_in_force(PATIENCE)
    for resource in CONFIGURATIONS.values():
        client.delete(resource, door.installation.name)
        begun = time.monotonic()
        until(lambda resource=resource: exists(client, resource, door.installation.name))  # type: ignore[misc]
        assert time.monotonic() - begun < SOON


def exists(client: Client, resource: Resource, name: str) -> bool:
    try:
        client.get(resource, name)
    except NotFoundError:
        return False
    return True


def test_what_others_add_beside_ours_stays_and_is_no_reason_to_write(door: Door, client: Client) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    registrar = door.start()
    assert registrar.wait_in_force(PATIENCE)
    live = door.live()
    theirs = live["webhooks"][1] | {"name": "theirs.example.com", "rules": []}
    live["metadata"]["annotations"] = {"example.com/tracked-by": "gitops"}
    live["webhooks"].append(theirs)
    client.update(VALIDATING, live, options=OTHERS)
    settle(registrar)
    version = door.live()["metadata"]["resourceVersion"]
    registrar.refresh()
    settle(registrar)
    assert door.live()["metadata"]["resourceVersion"] == version
    door.policies.append(make_policy("q", "db.example.com", failurePolicy="Ignore"))
    registrar.refresh()
    until(lambda: len(door.live()["webhooks"]) == 4)
    assert "theirs.example.com" in {each["name"] for each in door.live()["webhooks"]}
    assert door.live()["metadata"]["annotations"] == {"example.com/tracked-by": "gitops"}


def test_a_bundle_that_is_injected_is_left_to_the_injector(door: Door, client: Client) -> None:
    bundle = door.installation.address.client_config("/")["caBundle"]
    door.installation = replace(door.installation, address=replace(door.installation.address, authorities=b""))
    door.policies = [make_policy("p", "db.example.com")]
    registrar = door.start()
    assert registrar.wait_in_force(PATIENCE)
    live = door.live()
    for webhook in live["webhooks"]:
        webhook["clientConfig"]["caBundle"] = bundle
    client.update(VALIDATING, live, options=WriteOptions(field_manager="cert-manager-cainjector"))
    settle(registrar)
    registrar.refresh()
    settle(registrar)
    assert {each.writes for each in registrar.status()} == {1}
    door.policies = [make_policy("p", "db.example.com", timeoutSeconds=3), *door.policies]
    door.policies[1]["metadata"]["name"] = "q"
    registrar.refresh()
    until(lambda: len(door.live()["webhooks"]) == 3)
    bundles = {each["name"]: each["clientConfig"].get("caBundle") for each in door.live()["webhooks"]}
    assert bundles == {
        "own.validate.auditor.dev": bundle,
        "fail-3s.validate.auditor.dev": None,
        "fail-10s.validate.auditor.dev": bundle,
    }


def test_authorities_that_rotate_are_written_everywhere(door: Door) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    registrar = door.start()
    assert registrar.wait_in_force(PATIENCE)
    address = door.installation.address
    both = replace(address, authorities=address.authorities * 2)
    door.installation = replace(door.installation, address=both)
    registrar.refresh()
    until(
        lambda: (
            {each["clientConfig"]["caBundle"] for each in door.live()["webhooks"]}
            == {both.client_config("/")["caBundle"]}
        )
    )


def test_two_that_fight_get_slower_and_say_who_it_is(door: Door, client: Client) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    registry = CollectorRegistry()

    def metric(name: str, **labels: str) -> float | None:
        labels = {"object": "ValidatingWebhookConfiguration", **labels}
        return registry.get_sample_value(f"auditor_registration_{name}", labels)

    registrar = door.start(meters=RegistrationMeters(registry))
    assert registrar.wait_in_force(PATIENCE)
    written = registrar.status()[1].writes
    for i in range(3):
        spoil(door, client)
        until(lambda i=i: registrar.status()[1].writes == written + i + 1)  # type: ignore[misc]
        until(lambda: door.live()["webhooks"][1]["failurePolicy"] == "Fail")
    spoil(door, client)
    assert registrar.wait(lambda found: found["ValidatingWebhookConfiguration"].state is State.CONTESTED, PATIENCE)
    target = registrar.status()[1]
    assert "somebody-else" in target.message
    assert target.writes == written + 3
    assert registrar.wait(lambda found: found["ValidatingWebhookConfiguration"].writes == written + 4, PATIENCE)
    assert registrar.wait(lambda found: "right now" in found["ValidatingWebhookConfiguration"].message, PATIENCE)
    assert registrar.status()[1].state is State.CONTESTED
    assert (metric("contested"), metric("in_force")) == (1.0, 0.0)
    assert (metric("writes_total", reason="change"), metric("writes_total", reason="drift")) == (1.0, 4.0)


def spoil(door: Door, client: Client) -> None:
    live = door.live()
    change_failure_policy(live["webhooks"])
    client.update(VALIDATING, live, options=OTHERS)


def test_a_webhook_that_the_server_refuses_takes_no_other_with_it(door: Door) -> None:
    good = make_policy("good", "db.example.com")
    condition = [{"name": "c", "expression": "object.spec.size > 3"}]
    bad = make_policy("bad", "db.example.com", resources=("others",), matchConditions=condition)
    door.policies = [good, bad]
    wanted = door.wanted

    def broken() -> object:
        found = wanted()
        entries = [
            replace(each, filter=replace(each.filter, condition="request.nothing == 1"))
            if each.filter.condition
            else each
            for each in found.entries
        ]
        return replace(found, entries=tuple(entries))

    registrar = door.start(source=broken)
    assert registrar.wait_in_force(PATIENCE)
    assert registrar.registered() == {"good", "bad"}  # without its condition it is called too often, and not too seldom
    (fault,) = registrar.status()[1].faults
    assert "undefined field 'nothing'" in fault
    assert len(door.live()["webhooks"]) == 3
    assert all(
        [each["name"] for each in webhook["matchConditions"]] == ["user"] for webhook in door.live()["webhooks"][1:]
    )
    settle(registrar)
    written = count_writes()
    registrar.refresh()
    settle(registrar)
    assert count_writes() == written


@pytest.fixture
def owner(client: Client, door: Door) -> Owner:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": []}
    resource = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
    client.create(resource, role | {"metadata": {"name": door.installation.name}})
    found = find_owner(client, f"ClusterRole/{door.installation.name}")
    assert found is not None
    return found


def test_garbage_collection_takes_both_away_with_their_owner_and_nothing_comes_back(
    door: Door, client: Client, owner: Owner
) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    registrar = door.start(owner)
    assert registrar.wait_in_force(PATIENCE)
    client.delete(owner.resource, owner.name)
    assert registrar.wait(lambda found: {each.state for each in found.values()} == {State.UNINSTALLED}, 60)
    registrar.refresh()
    settle(registrar)
    assert not any(exists(client, resource, door.installation.name) for resource in CONFIGURATIONS.values())


def test_a_plan_tells_what_would_be_done_and_does_nothing(door: Door, client: Client) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    plan = make_plan(client, door.wanted())
    assert "+  name: fail-10s.validate.auditor.dev" in plan.differences
    assert "caBundle: 5" in plan.differences
    assert not exists(client, VALIDATING, door.installation.name)
    assert door.start().wait_in_force(PATIENCE)
    assert make_plan(client, door.wanted()).differences == ""
    door.policies = [make_policy("p", "db.example.com", matchConditions=[{"name": "c", "expression": "1 == 2"}])]
    changes = [line for line in make_plan(client, door.wanted()).differences.splitlines() if line[0] in "+-"]
    assert "+  - expression: (1 == 2)" in changes
    assert not any("failurePolicy" in line for line in changes)


def test_an_owner_has_to_be_there_and_in_no_namespace(sandbox: Sandbox, client: Client) -> None:
    assert find_owner(client, "") is None
    with pytest.raises(UsageError, match="is in a namespace"):
        find_owner(client, "configmap/x")
    with pytest.raises(UsageError, match="KIND/NAME"):
        find_owner(client, "ClusterRole")
    with pytest.raises(NotFoundError):
        find_owner(client, "ClusterRole/nobody")


@dataclass
class Term:
    """In place of an election."""

    leads: bool = False
    asked: list[float] = field(default_factory=list)

    def left(self) -> float:
        self.asked.append(3.0)
        if not self.leads:
            raise LeaseLostError("somebody else leads")
        return 3.0

    @contextmanager
    def guard(self) -> Iterator[Permit]:
        yield Permit(self.left)


def test_nothing_is_written_outside_of_a_term(door: Door) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    term = Term()
    written = count_writes()
    registrar = door.start(guard=term.guard)
    until(lambda: len(term.asked) >= 2)
    assert count_writes() == written
    with pytest.raises(NotFoundError):
        door.live()
    assert [each.state for each in registrar.status()] == [State.PENDING, State.PENDING], "it is no failure"
    term.leads = True
    registrar.refresh()
    assert registrar.wait_in_force(PATIENCE)


def test_a_term_that_ends_between_two_requests_ends_the_writing(door: Door, client: Client) -> None:
    door.policies = [make_policy("p", "db.example.com")]
    assert door.start().wait_in_force(PATIENCE)
    wanted = next(each for each in door.wanted().configurations() if each["kind"] == "ValidatingWebhookConfiguration")
    assert door.registrar.stop()
    live = door.live()
    live["webhooks"][1]["matchConditions"] += [{"name": "never", "expression": "false"}]
    client.update(VALIDATING, live, options=OTHERS)
    left = iter([OPTIONS])

    def leave() -> WriteOptions:
        for each in left:
            return each
        raise LeaseLostError("somebody else leads")

    with pytest.raises(LeaseLostError):
        write_configuration(client, wanted, leave)
    assert "never" in str(door.live()), "to take out what others have put in is a second request"
    assert write_configuration(client, wanted).writes == 2
    assert "never" not in str(door.live())
