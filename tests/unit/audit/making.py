"""Settings, kinds and objects for tests of the watcher's parts."""

from dataclasses import replace
from typing import Any

from auditor.audit.setting import Setting
from auditor.checks import KindFacts
from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.json import JsonObject
from auditor.model.policy import Policy
from auditor.model.request import GroupVersionKind, GroupVersionResource
from auditor.model.settings import DEFAULT_CHECKS, Check, KindSettings
from auditor.model.world import World

THINGS = GroupVersionResource("example.com", "v1", "things")


class NoWays:
    def storage_version(self, kind: GroupVersionKind) -> str:
        return kind.version

    def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
        raise AssertionError("nobody asked for another version")


def policy(name: str, cel: str = "object.spec.n % 2 == 1", *, versions: str = "*", **spec: Any) -> Policy:
    rule = {"apiGroups": ["example.com"], "apiVersions": [versions], "resources": ["things"], "operations": ["CREATE"]}
    body = {
        "match": {"resourceRules": [rule]},
        "rules": [{"name": "r", "cel": cel, "message": "is even"}],
        "enforcement": "Deny",
    }
    return read_policy(
        {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": body | spec}
    )


def setting(*policies: Policy, engine: Engine | None = None, **changes: Any) -> Setting:
    made = Setting(
        resource=THINGS,
        namespaced=True,
        engine=engine or Engine.compile(policies),
        world=World(),
        namespace=lambda _: None,
        ways=NoWays(),
        facts=KindFacts(
            name="things.example.com",
            storage_version="v1",
            served={"v1": False},
            stored_versions=("v1",),
            status_subresource=False,
        ),
    )
    return replace(made, **changes)


def without_checks() -> KindSettings:
    off = {check: replace(each, enabled=check is Check.POLICY) for check, each in DEFAULT_CHECKS.items()}
    return KindSettings(checks=off)


def thing(name: str = "t", namespace: str = "default", **spec: Any) -> JsonObject:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": "1"},
        "spec": spec,
    }
