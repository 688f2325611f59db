"""What a policy matches: MatchResources of ValidatingAdmissionPolicy, and what matching one request yields."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Self

from auditor.dataclass import dataclass
from auditor.model.resource import GroupVersionKind, GroupVersionResource


class SelectorOperator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    operator: SelectorOperator
    values: frozenset[str] = frozenset()

    def __str__(self) -> str:
        values = sorted(self.values)
        match self.operator:
            case SelectorOperator.IN if len(values) == 1:
                return f"{self.key}={values[0]}"
            case SelectorOperator.IN:
                return f"{self.key} in ({', '.join(values)})"
            case SelectorOperator.NOT_IN:
                return f"{self.key} not in ({', '.join(values)})"
            case SelectorOperator.EXISTS:
                return self.key
            case _:
                return f"!{self.key}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements hold, or it does not select. Without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()


class Scope(StrEnum):
    ANY = "*"
    CLUSTER = "Cluster"
    NAMESPACED = "Namespaced"


class MatchPolicy(StrEnum):
    EXACT = "Exact"
    EQUIVALENT = "Equivalent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRule:
    groups: frozenset[str]
    versions: frozenset[str]
    resources: tuple[tuple[str, str], ...]
    """(resource, subresource) as written: `pods/*` is ("pods", "*"), `pods` is ("pods", "")."""
    operations: frozenset[str]
    scope: Scope = Scope.ANY
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResources:
    rules: tuple[ResourceRule, ...] = ()
    """None: every request, which only bindings may say."""
    excludes: tuple[ResourceRule, ...] = ()
    namespaces: LabelSelector = LabelSelector()
    objects: LabelSelector = LabelSelector()
    policy: MatchPolicy = MatchPolicy.EQUIVALENT


@dataclass(frozen=True, slots=True)
class Equivalent:
    """The same objects under another name: another version, or for few built-in kinds another group."""

    resource: GroupVersionResource
    kind: GroupVersionKind


# The groups of the API server itself and of the metrics API; all others, gateway.networking.k8s.io too, are CRDs'.
BUILT_IN_GROUPS = frozenset(
    [
        "",
        "apps",
        "autoscaling",
        "batch",
        "extensions",
        "policy",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "custom.metrics.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "external.metrics.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "metrics.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    ]
)

# The built-in kinds that are in no namespace; all others are.
CLUSTER_SCOPED = frozenset(
    [
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "ComponentStatus",
        "CustomResourceDefinition",
        "DeviceClass",
        "DeviceTaintRule",
        "FlowSchema",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "SelfSubjectAccessReview",
        "SelfSubjectReview",
        "SelfSubjectRulesReview",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersion",
        "StorageVersionMigration",
        "SubjectAccessReview",
        "TokenReview",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    ]
)


@dataclass(frozen=True, slots=True)
class Kinds:
    """What is known of the kinds around a request."""

    equivalents: Mapping[GroupVersionResource, Sequence[Equivalent]] = field(default_factory=dict)
    """For a CRD the other served versions."""
    custom: frozenset[tuple[str, str]] | None = None
    """(group, resource) of all CRDs; None where no cluster is at hand, and then the group's name decides."""
    scopes: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """By group and kind, whether its objects are in namespaces; of built-in kinds it is known anyway."""

    def is_custom(self, resource: GroupVersionResource) -> bool:
        if self.custom is None:
            return resource.group not in BUILT_IN_GROUPS
        return (resource.group, resource.resource) in self.custom


@dataclass(frozen=True, slots=True)
class MatchResult:
    """Yes, no or error. Without a match `reason` says why, for people."""

    matched: bool
    reason: str = ""
    error: bool = False
    """It could not be decided. Never a match, and never to be taken for one that is not there."""
    resource: GroupVersionResource | None = None
    kind: GroupVersionKind | None = None
    """The version in which the policy wants to see the object: the request's own, or the equivalent that matched."""

    @classmethod
    def yes(cls, resource: GroupVersionResource, kind: GroupVersionKind) -> Self:
        return cls(matched=True, resource=resource, kind=kind)

    @classmethod
    def no(cls, reason: str) -> Self:
        return cls(matched=False, reason=reason)

    @classmethod
    def failed(cls, reason: str) -> Self:
        return cls(matched=False, reason=reason, error=True)
