"""Which webhooks the API server really calls, for a table of policies and all requests that there can be.

The oracle is the engine's own matching, which is compared with the API server's elsewhere: whoever wants a request has
to get it once, in the version that the policy names, and who does not want it is not called where that can be left to
the API server.
"""

import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from auditor.cluster import Client, Resource
from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.engine.engine import Engine
from auditor.engine.match import compile_match, read_match
from auditor.engine.read import read_policy
from auditor.errors import NotFoundError
from auditor.json import JsonObject
from auditor.model.match import Equivalent
from auditor.model.match import Kinds as MatchKinds
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request
from auditor.webhooks.registration import (
    CustomKind,
    Entry,
    Installation,
    Side,
    derive_entries,
    make_configurations,
)
from auditor.webhooks.registration.writing import CONFIGURATIONS, write_configuration
from tests.cluster.webhooks.registration.conftest import make_crd, until
from tests.cluster.webhooks.registration.recording import Call, Recorder

DB, AI = "db.calls.example.com", "ai.calls.example.com"
KINDS = {
    (kind.group, kind.plural): kind
    for kind in (
        CustomKind(
            group=group,
            plural=plural,
            storage=served[0],
            served=frozenset(served),
            subresources=frozenset(["status", "scale"]),
        )
        for group, plural, served in (
            (DB, "databases", ["v1", "v1beta1"]),
            (DB, "backups", ["v1"]),
            (AI, "models", ["v1alpha1"]),
        )
    )
}
NAMESPACE_LABELS = {"dev": {"env": "dev"}, "prod": {"env": "prod"}}


@dataclass(frozen=True)
class Row:
    """Policies, as they are written; `wants` says of a request's size whether their condition holds."""

    name: str
    policies: tuple[JsonObject, ...]
    exact: bool = True
    """No webhook is called that no policy wants: all that they say can be left to the API server."""
    condition: Callable[[Request], bool] = field(default=lambda _: True)


def rule(
    groups: list[str], versions: list[str], resources: list[str], operations: list[str] | None = None
) -> JsonObject:
    return {"apiGroups": groups, "apiVersions": versions, "resources": resources, "operations": operations or ["*"]}


def policy(
    name: str, *rules: JsonObject, mutate: bool = False, match: JsonObject | None = None, **spec: object
) -> JsonObject:
    body: JsonObject = {"rules": [{"name": "r", "cel": "true"}]}
    if mutate:
        body = {"mutate": [{"name": "m", "mergePatch": {"metadata": {"labels": {"a": "b"}}}}]}
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"enforcement": "Deny", "match": {"resourceRules": [*rules], **(match or {})}, **body, **spec},
    }


PROD = {"matchLabels": {"env": "prod"}}
BIG = [{"name": "big", "expression": "request.operation == 'DELETE' || object.spec.size > 5 // only the big ones"}]
ODD = [
    {"name": "odd", "expression": "request.name.endsWith('1')"},
    {"name": "who", "expression": "request.userInfo.username != ''"},
]

ROWS = [
    Row("everything", (policy("a", rule(["*"], ["*"], ["*"])),)),
    Row("everything with subresources", (policy("a", rule(["*"], ["*"], ["*/*"])),)),
    Row("one kind", (policy("a", rule([DB], ["*"], ["databases"])),)),
    Row("a subresource", (policy("a", rule([DB], ["*"], ["databases/scale"], ["UPDATE"])),)),
    Row("status of all", (policy("a", rule(["*"], ["*"], ["*/status"])),)),
    Row("an older version", (policy("a", rule([DB], ["v1beta1"], ["databases"])),)),
    Row("two versions in one policy", (policy("a", rule([DB], ["v1", "v1beta1"], ["databases", "databases/status"])),)),
    Row(
        "two versions in two policies",
        (policy("a", rule([DB], ["v1"], ["databases"])), policy("b", rule([DB], ["v1beta1"], ["databases"]))),
    ),
    Row(
        "versions by operation",
        (
            policy(
                "a", rule([DB], ["v1"], ["databases"], ["CREATE"]), rule([DB], ["v1beta1"], ["databases"], ["UPDATE"])
            ),
            policy("b", rule([DB], ["*"], ["databases"])),
        ),
    ),
    Row("namespaces", (policy("a", rule(["*"], ["*"], ["*"]), match={"namespaceSelector": PROD}),)),
    Row(
        "objects",
        (policy("a", rule(["*"], ["*"], ["*"]), match={"objectSelector": {"matchLabels": {"tier": "gold"}}}),),
    ),
    Row(
        "selectors that differ",
        (
            policy("a", rule([DB], ["*"], ["*"]), match={"namespaceSelector": PROD}),
            policy("b", rule([DB], ["*"], ["databases"])),
        ),
        exact=False,
    ),
    Row(
        "a condition",
        (policy("a", rule([DB], ["*"], ["databases", "backups"]), matchConditions=BIG),),
        condition=lambda r: r.operation is Operation.DELETE or bool(r.object and r.object["spec"]["size"] > 5),
    ),
    Row(
        "conditions of two",
        (
            policy("a", rule([DB], ["*"], ["databases"]), matchConditions=ODD),
            policy("b", rule([DB], ["*"], ["databases"], ["CREATE"]), matchConditions=ODD[:1], failurePolicy="Ignore"),
        ),
        condition=lambda r: r.name.endswith("1"),
    ),
    Row(
        "excluded",
        (policy("a", rule(["*"], ["*"], ["*"]), match={"excludeResourceRules": [rule([DB], ["*"], ["backups"])]}),),
    ),
    Row(
        "failure policies and timeouts",
        (
            policy("a", rule([DB], ["*"], ["databases"])),
            policy("b", rule([DB], ["*"], ["databases"]), failurePolicy="Ignore"),
            policy("c", rule([DB], ["*"], ["databases"]), timeoutSeconds=3),
            policy("d", rule([DB], ["*"], ["*"]), enforcement="Audit"),
        ),
    ),
    Row(
        "mutation", (policy("a", rule([DB], ["*"], ["databases"]), mutate=True), policy("b", rule([AI], ["*"], ["*"])))
    ),
    Row("built-in", (policy("a", rule([""], ["v1"], ["configmaps"], ["CREATE", "DELETE"])),)),
    Row(
        "nasty names",
        (policy("x" * 253, rule([DB], ["*"], ["databases"])), policy("a.b-c.9", rule([AI], ["*"], ["*"]))),
    ),
]


class Cluster:
    """All requests, one after the other, and what was called for each."""

    def __init__(self, client: Client, recorder: Recorder) -> None:
        self.client, self.recorder = client, recorder

    def requests(self) -> Iterator[tuple[Request, list[Call]]]:
        served = [(kind, version) for kind in KINDS.values() for version in sorted(kind.served)]
        configmaps = CustomKind(group="", plural="configmaps", storage="v1", served=frozenset(["v1"]))
        places = (("dev", 9), ("prod", 1), ("prod", 9))
        for (kind, version), (namespace, size) in itertools.product([*served, (configmaps, "v1")], places):
            yield from self._life(kind, version, namespace, size)

    def _life(self, kind: CustomKind, version: str, namespace: str, size: int) -> Iterator[tuple[Request, list[Call]]]:
        resource = Resource(kind.group, version, kind.plural, kind_of(kind), namespaced=True)
        name = f"one-{secrets.token_hex(3)}-{size}"
        labels = {"tier": "gold"} if size == 9 else {}
        thing: JsonObject = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
        }
        thing |= {"spec": {"size": size}} if kind.group else {"data": {"size": str(size)}}
        change = {"metadata": {"annotations": {"changed": "yes"}}}

        def seen(operation: Operation, subresource: str = "") -> tuple[Request, list[Call]]:
            old = thing if operation is Operation.DELETE else None
            new = None if operation is Operation.DELETE else thing
            request = Request(
                operation=operation,
                kind=GroupVersionKind(kind.group, version, kind_of(kind)),
                resource=GroupVersionResource(kind.group, version, kind.plural),
                subresource=subresource,
                object=new,
                old_object=old,
                name=name,
                namespace=namespace,
                namespace_object={"metadata": {"name": namespace, "labels": NAMESPACE_LABELS[namespace]}},
            )
            return request, self.recorder.take()

        def catch_up() -> None:
            """Until the server's own cache has the last write: who changes an older state is asked twice, as the server
            tries again when it finds out."""
            newest = self.client.get(resource, name, namespace=namespace)["metadata"]["resourceVersion"]

            def cached() -> bool:
                try:
                    found = self.client.get(resource, name, namespace=namespace, resource_version="0")
                except NotFoundError:
                    return False
                return bool(found["metadata"]["resourceVersion"] == newest)

            until(cached)

        self.recorder.take()
        self.client.create(resource, thing)
        yield seen(Operation.CREATE)
        catch_up()
        self.client.patch_merge(resource, name, change, namespace=namespace)
        yield seen(Operation.UPDATE)
        catch_up()
        if kind.subresources:
            self.client.patch_merge(resource, name, {"status": {"a": 1}}, namespace=namespace, subresource="status")
            yield seen(Operation.UPDATE, "status")
            catch_up()
            self.client.set_scale(resource, name, size, namespace=namespace)
            yield seen(Operation.UPDATE, "scale")
            catch_up()
        self.client.delete(resource, name, namespace=namespace)
        yield seen(Operation.DELETE)


def kind_of(kind: CustomKind) -> str:
    return "ConfigMap" if not kind.group else kind.plural[:-1].capitalize()


@pytest.fixture(scope="module")
def cluster(client: Client, recorder: Recorder) -> Cluster:
    for kind in KINDS.values():
        crd = make_crd(f"{kind.plural}.{kind.group}", *sorted(kind.served))
        client.create(CRDS, crd)
    for name, labels in NAMESPACE_LABELS.items():
        client.create(NAMESPACES, {"metadata": {"name": name, "labels": labels}})
    for kind in KINDS.values():
        resource = Resource(kind.group, kind.storage, kind.plural, kind_of(kind), namespaced=True)
        until(lambda resource=resource: answers(client, resource))  # type: ignore[misc]
    return Cluster(client, recorder)


def answers(client: Client, resource: Resource) -> bool:
    try:
        return list(client.list(resource)) == []
    except NotFoundError:
        return False


EQUIVALENTS = {
    GroupVersionResource(kind.group, version, kind.plural): [
        Equivalent(GroupVersionResource(kind.group, v, kind.plural), GroupVersionKind(kind.group, v, kind_of(kind)))
        for v in sorted(kind.served - {version})
    ]
    for kind in KINDS.values()
    for version in kind.served
}


def register(row: Row, client: Client, recorder: Recorder, installation: Installation) -> list[Entry]:
    """In force when it returns: a policy for a ConfigMap of a new name is among them, and called."""
    probe = f"probe-{secrets.token_hex(4)}"
    condition = [{"name": "probe", "expression": f"request.name == '{probe}'"}]
    configmaps = rule([""], ["v1"], ["configmaps"], ["CREATE"])
    probes = [
        # Its failurePolicy keeps it away from the others, so that it changes nothing for them.
        policy(f"probe-{mutate}", configmaps, mutate=mutate, matchConditions=condition, timeoutSeconds=29)
        for mutate in (False, True)
    ]
    compiled = Engine.compile([read_policy(each) for each in (*row.policies, *probes)]).policies
    entries = [entry for side in Side for entry in derive_entries(compiled, side, KINDS)]
    for configuration in make_configurations(entries, installation):
        assert not write_configuration(client, configuration).faults
    resource = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
    paths = {entry.path for entry in entries if entry.timeout == 29}

    def called() -> bool:
        recorder.take()
        client.create(resource, {"metadata": {"name": probe, "namespace": "default"}})
        client.delete(resource, probe, namespace="default")
        return {call.path for call in recorder.take()} >= paths

    until(called)
    return entries


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_each_request_calls_what_the_policies_want(
    row: Row, cluster: Cluster, client: Client, recorder: Recorder, installation: Installation
) -> None:
    try:
        entries = register(row, client, recorder, installation)
        by_path = {entry.path: entry for entry in entries}
        wants = {
            each["metadata"]["name"]: compile_match(read_match(each["spec"]["match"], "m"), custom_only=True)
            for each in row.policies
        }
        everything = {
            each["metadata"]["name"]
            for each in row.policies
            if all("*" in r["apiVersions"] for r in each["spec"]["match"]["resourceRules"])
        }
        mutating = {each["metadata"]["name"] for each in row.policies if "mutate" in each["spec"]}
        kinds = MatchKinds(custom=frozenset(KINDS), equivalents=EQUIVALENTS)
        count = 0
        for request, calls in cluster.requests():
            assert len({call.path for call in calls}) == len(calls), calls
            assert not any(by_path[call.path].timeout == 29 for call in calls)
            wanted_anywhere = set()
            for name, matches in wants.items():
                found = matches(request, kinds)
                wanted = found.matched and found.resource is not None and row.condition(request)
                wanted = wanted and not (name in mutating and request.operation is Operation.DELETE)
                got = [call for call in calls if name in by_path[call.path].policies]
                if wanted and found.resource:
                    known = KINDS.get((request.resource.group, request.resource.resource))
                    version = known.storage if known and name in everything else found.resource.version
                    wanted_anywhere.add(name)
                    assert [call.version for call in got] == [version], (request, calls)
                    full = "/".join(filter(None, (request.resource.resource, request.subresource)))
                    assert (got[0].group, got[0].resource) == (request.resource.group, full)
                    count += 1
            for call in calls:
                assert not row.exact or by_path[call.path].policies & wanted_anywhere, (request, call)
        assert count
    finally:
        for resource in CONFIGURATIONS.values():
            client.delete(resource, installation.name)


def test_kinds_and_policies_by_the_hundred_are_taken(client: Client, installation: Installation) -> None:
    kinds = {
        ("g.example.com", f"kinds{i}"): CustomKind(
            group="g.example.com", plural=f"kinds{i}", storage="v1", served=frozenset(["v1"])
        )
        for i in range(300)
    }
    made = [policy(f"plain-{i}", rule(["*"], ["*"], ["*"])) for i in range(50)]
    for i in range(50):
        special = rule(["g.example.com"], ["*"], [f"kinds{n}" for n in range(i * 6, i * 6 + 6)])
        condition = [{"name": "c", "expression": f"object.spec.size > {i} || object.spec.name == '{'x' * 200}'"}]
        made.append(policy(f"special-{i}", special, matchConditions=condition, timeoutSeconds=9))
    compiled = Engine.compile([read_policy(each) for each in made]).policies
    validating, _ = make_configurations(derive_entries(compiled, Side.VALIDATE, kinds), installation)
    try:
        assert not write_configuration(client, validating).faults
        # And once more, when managedFields are there, too.
        assert write_configuration(client, validating).writes == 1
    finally:
        client.delete(CONFIGURATIONS["ValidatingWebhookConfiguration"], installation.name)
