"""The objects of Kubernetes that say which requests come to us."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from auditor.intake.load import OWN_GROUP
from auditor.json import JsonObject
from auditor.model.match import LabelSelector, Scope
from auditor.model.policy import FailurePolicy
from auditor.model.world import SYSTEM_USERS
from auditor.webhooks.registration.cells import Cell, Side
from auditor.webhooks.registration.entries import Entry

NAME = "auditor"
"""Of the two configurations. Beside another installation of ours in the same cluster, give another name."""
OWN_RESOURCES = ("auditconfigs", "conversions", "policies", "policyexceptions")
OWN_TIMEOUT = 5
"""Seconds: a policy compiles in milliseconds, and a person is waiting."""
CRD_TIMEOUT = 10
"""Seconds: objects are listed meanwhile, and a person is waiting."""
MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """How the API server reaches us: a Service in the cluster, or a URL (outside of one, and in tests)."""

    authorities: bytes
    """PEM: what our serving certificate is verified by. Empty where another tool fills in `caBundle`."""
    url: str = ""
    service: str = "auditor-webhook"
    namespace: str = "auditor-system"
    port: int = 443

    def client_config(self, path: str) -> JsonObject:
        where: JsonObject
        if self.url:
            where = {"url": self.url.rstrip("/") + path}
        else:
            where = {"service": {"name": self.service, "namespace": self.namespace, "port": self.port, "path": path}}
        return where | ({"caBundle": b64encode(self.authorities).decode()} if self.authorities else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What all that we register has in common."""

    address: Address
    name: str = NAME
    owner: JsonObject | None = None
    """An ownerReference to a cluster-wide object of the installation: when that goes, so does what we registered."""
    excluded_namespaces: tuple[str, ...] = ("auditor-system", "kube-system")
    """No call for what is in them: a door that has to let in its own hinges stays shut."""
    excluded_users: frozenset[str] = SYSTEM_USERS
    crd_impact: bool = False
    """Whether updates of CRDs come to us, too."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def make_configurations(entries: Sequence[Entry], installation: Installation) -> list[JsonObject]:
    """Both, always: one without webhooks takes away what was registered before."""
    validating = [_webhook(each, installation) for each in entries if each.side is Side.VALIDATE]
    mutating = [_webhook(each, installation) for each in entries if each.side is Side.MUTATE]
    crds = [_crd_webhook(installation)] if installation.crd_impact else []
    validating = [_own_webhook(installation), *crds, *validating]
    return [
        _configuration("ValidatingWebhookConfiguration", validating, installation),
        _configuration("MutatingWebhookConfiguration", mutating, installation),
    ]


def webhook_name(entry: Entry) -> str:
    return f"{entry.name}.{entry.side}.{OWN_GROUP}"


def _configuration(kind: str, webhooks: list[JsonObject], installation: Installation) -> JsonObject:
    metadata: JsonObject = {
        "name": installation.name,
        "labels": {MANAGED_BY: "auditor", **installation.labels},
    }
    if installation.annotations:
        metadata["annotations"] = dict(installation.annotations)
    if installation.owner:
        metadata["ownerReferences"] = [installation.owner]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "webhooks": webhooks,
    }


def _webhook(entry: Entry, installation: Installation) -> JsonObject:
    namespaces = _selector(entry.filter.namespaces)
    if installation.excluded_namespaces:
        excluded = {
            "key": "kubernetes.io/metadata.name",
            "operator": "NotIn",
            "values": sorted(installation.excluded_namespaces),
        }
        namespaces = {"matchExpressions": [*namespaces.get("matchExpressions", ()), excluded]}
    webhook: JsonObject = {
        "name": webhook_name(entry),
        "admissionReviewVersions": ["v1"],
        "clientConfig": installation.address.client_config(entry.path),
        "failurePolicy": str(entry.failure_policy),
        "matchPolicy": "Equivalent",
        "namespaceSelector": namespaces,
        "objectSelector": _selector(entry.filter.objects),
        "rules": _rules(entry.operations),
        # Denials are counted and told as events, except in a dry run.
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": entry.timeout,
    }
    conditions = _exclude_users(installation)
    if entry.filter.condition:
        conditions.append({"name": "policies", "expression": entry.filter.condition})
    if conditions:
        webhook["matchConditions"] = conditions
    if entry.side is Side.MUTATE:
        # Ours settle: applied again they change nothing. So what other webhooks add later gets its defaults, too.
        webhook["reinvocationPolicy"] = "IfNeeded"
    return webhook


def _own_webhook(installation: Installation) -> JsonObject:
    """For our own policies. It never stands in the way of an installation: what it missed shows in status."""
    return {
        "name": f"own.{Side.VALIDATE}.{OWN_GROUP}",
        "admissionReviewVersions": ["v1"],
        "clientConfig": installation.address.client_config("/validate/own"),
        "failurePolicy": str(FailurePolicy.IGNORE),
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        # Whatever is ours can be taken back at any time, but for a conversion that stored objects need.
        "rules": [_own_rule(["CREATE", "UPDATE"], sorted(OWN_RESOURCES)), _own_rule(["DELETE"], ["conversions"])],
        "sideEffects": "NoneOnDryRun",  # as above
        "timeoutSeconds": OWN_TIMEOUT,
    }


def _crd_webhook(installation: Installation) -> JsonObject:
    """For updates of CRDs that change a version of them. What is registered elsewhere in a CRD, as our own conversion
    section, is no business of it."""
    changed = "object.spec.versions != oldObject.spec.versions"
    conditions = [
        *_exclude_users(installation),
        {"name": "not-ours", "expression": f"object.spec.group != '{OWN_GROUP}'"},
        {"name": "versions", "expression": changed},
    ]
    rule = {
        "apiGroups": ["apiextensions.k8s.io"],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["customresourcedefinitions"],
        "scope": "Cluster",
    }
    return {
        "name": f"crds.{Side.VALIDATE}.{OWN_GROUP}",
        "admissionReviewVersions": ["v1"],
        "clientConfig": installation.address.client_config("/validate/crds"),
        "failurePolicy": str(FailurePolicy.IGNORE),
        "matchConditions": conditions,
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "rules": [rule],
        "sideEffects": "NoneOnDryRun",  # as above
        "timeoutSeconds": CRD_TIMEOUT,
    }


def _exclude_users(installation: Installation) -> list[JsonObject]:
    if not installation.excluded_users:
        return []
    users = ", ".join(f"'{_quote(user)}'" for user in sorted(installation.excluded_users))
    return [{"name": "user", "expression": f"!(request.userInfo.username in [{users}])"}]


def _own_rule(operations: list[str], resources: list[str]) -> JsonObject:
    return {
        "apiGroups": [OWN_GROUP],
        "apiVersions": ["v1"],
        "operations": operations,
        "resources": resources,
        "scope": "*",
    }


def _rules(operations: Iterable[tuple[Cell, Scope, frozenset[str]]]) -> list[JsonObject]:
    """Resources that share everything else share a rule. The API server refuses one that names `things/*` and then
    what that means already."""
    grouped: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for cell, scope, wanted in operations:
        grouped.setdefault((cell.group, cell.version, str(scope), tuple(sorted(wanted))), []).append(cell.resource)
    return [
        {
            "apiGroups": [group],
            "apiVersions": [version],
            "operations": list(wanted),
            "resources": [name for name in sorted(set(resources)) if not _meant(name, resources)],
            "scope": scope,
        }
        for (group, version, scope, wanted), resources in sorted(grouped.items())
    ]


def _meant(name: str, resources: list[str]) -> bool:
    resource, slash, subresource = name.partition("/")
    return bool(slash) and subresource != "*" and f"{resource}/*" in resources


def _selector(selector: LabelSelector) -> JsonObject:
    expressions = []
    for each in sorted(selector.requirements, key=str):
        expression: JsonObject = {"key": each.key, "operator": str(each.operator)}
        if each.values:
            expression["values"] = sorted(each.values)
        expressions.append(expression)
    return {"matchExpressions": expressions} if expressions else {}


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
