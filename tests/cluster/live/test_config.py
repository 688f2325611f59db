"""The AuditConfig of a real cluster, followed. Each cluster has one, so this has a cluster of its own."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auditor.cluster import Client, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.cluster.conditions import render_time
from auditor.intake.kinds import CONFIGS, EXCEPTIONS, POLICIES
from auditor.json import JsonObject
from auditor.model.settings import AuditSettings
from auditor.sandbox import Sandbox
from tests.cluster.live.making import Following, install


@pytest.fixture(scope="module")
def own() -> Iterator[Sandbox]:
    with Sandbox.start(f"live-config-{os.getpid()}", owner=os.getpid()) as found:
        yield found


@pytest.fixture(scope="module")
def client(own: Sandbox) -> Iterator[Client]:
    found = connect(ClusterSettings(kubeconfig=str(own.kubeconfig), qps=1000, burst=1000))
    yield found
    found.transport.close()


@pytest.fixture
def following(own: Sandbox, client: Client) -> Iterator[Following]:
    install(own, "policy", "policyexception", "conversion", "auditconfig")
    found = Following(client)
    yield found
    assert found.live.stop()


def config(**spec: Any) -> JsonObject:
    metadata = {"name": "default"}
    return {"apiVersion": "auditor.dev/v1", "kind": "AuditConfig", "metadata": metadata, "spec": spec}


def test_an_installation_that_is_older_than_the_kind(own: Sandbox, client: Client) -> None:
    """Nobody waits for it, and when it comes it is followed at once."""
    install(own, "policy", "policyexception", "conversion")
    following = Following(client)
    try:
        view = following.wait(lambda _: True)
        assert following.live.unready() == ""
        assert view.settings == AuditSettings()
        assert following.live.find(CONFIGS, "default") is None
        install(own, "auditconfig")
        client.create(CONFIGS, config(exceptions={"maxDays": 30}))
        following.wait(lambda view: view.settings.exception_days == 30)
        own.kubectl("delete", "crd", "auditconfigs.auditor.dev")
        following.wait(lambda view: view.settings == AuditSettings())
        assert following.live.unready() == ""
        assert following.live.troubles() == []
    finally:
        assert following.live.stop()


def test_the_config_is_followed(client: Client, following: Following) -> None:
    view = following.wait(lambda _: True)
    assert view.config is None
    assert view.settings == AuditSettings()
    client.create(CONFIGS, config(exceptions={"maxDays": 30}, managers=["flux"]))
    view = following.wait(lambda view: view.settings.exception_days == 30)
    assert view.settings.default.managers == {"flux"}
    # The API server has filled in what was left open.
    assert view.settings.default.checks == AuditSettings().default.checks
    assert view.settings.generation == 1
    client.apply(CONFIGS, config(exceptions={"maxDays": 31}), force=True)
    following.wait(lambda view: view.settings.exception_days == 31)
    client.delete(CONFIGS, "default")
    following.wait(lambda view: view.settings == AuditSettings())


def test_exceptions_that_reach_too_far_begin_when_they_may(client: Client) -> None:
    now = datetime.now(UTC)
    following = Following(client, now=lambda: now)
    expires = now + timedelta(days=20)
    meant = {"policies": ["first"], "owner": "jane", "reason": "it is moved", "expires": render_time(expires)}
    metadata = {"name": "one", "namespace": "default"}
    thing = {"apiVersion": "auditor.dev/v1", "kind": "PolicyException", "metadata": metadata, "spec": meant}
    key = "default/one"
    try:
        client.create(EXCEPTIONS, thing)
        view = following.wait(lambda view: key in view.exceptions)
        assert [each.full_name for each in view.excusing()] == [key]
        client.create(CONFIGS, config(exceptions={"maxDays": 10}))
        view = following.wait(lambda view: key in view.too_long)
        assert view.excusing() == []
        assert view.exceptions[key].right
        now += timedelta(days=10)
        client.create(POLICIES, policy("something-else"))  # it would be noticed by itself within the hour
        view = following.wait(lambda view: key not in view.too_long)
        assert [each.full_name for each in view.excusing()] == [key]
    finally:
        assert following.live.stop()
        client.delete(EXCEPTIONS, "one", namespace="default")
        client.delete(CONFIGS, "default")
        client.delete(POLICIES, "something-else")


def policy(name: str) -> JsonObject:
    rule = {"apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["things"], "operations": ["*"]}
    spec = {"match": {"resourceRules": [rule]}, "rules": [{"name": "r", "cel": "true"}], "enforcement": "Deny"}
    metadata = {"name": name}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": metadata, "spec": spec}
