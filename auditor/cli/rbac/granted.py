"""What an account has been granted, by all roles that are bound to it, whoever bound them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auditor.cli.rbac.manifests import GROUP
from auditor.cluster import Client, Resource
from auditor.cluster.access import dig_list, dig_text
from auditor.errors import NotFoundError
from auditor.json import JsonObject
from auditor.model.rights import Right

ROLES = {
    "ClusterRole": Resource(GROUP, "v1", "clusterroles", "ClusterRole", namespaced=False),
    "Role": Resource(GROUP, "v1", "roles", "Role", namespaced=True),
}
BINDINGS = (
    Resource(GROUP, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Resource(GROUP, "v1", "rolebindings", "RoleBinding", namespaced=True),
)
DEFAULTS = ("kubernetes.io/bootstrapping", "rbac-defaults")
"""The label of what every cluster grants to everybody: discovery, and to ask about oneself."""
EVERYBODY = ("system:authenticated", "system:serviceaccounts")


@dataclass(frozen=True, slots=True)
class Grant:
    right: Right
    by: str
    """The role, and what binds it."""


class Granted:
    """Of one cluster at one moment; each role is read once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._bindings = [each for resource in BINDINGS for each in client.list(resource)]
        self._roles: dict[tuple[str, str, str], tuple[Right, ...]] = {}

    def of(self, namespace: str, account: str) -> list[Grant]:
        """Of a ServiceAccount, also by the groups in which it is."""
        return [
            grant
            for binding in self._bindings
            if any(_means(each, namespace, account) for each in _subjects(binding))
            for grant in self._grants(binding)
        ]

    def account_of(self, binding: str) -> str:
        """The ServiceAccount of a ClusterRoleBinding of that name; empty: there is none."""
        for each in self._bindings:
            if (each["kind"], dig_text(each, "metadata", "name")) == ("ClusterRoleBinding", binding):
                return next((dig_text(s, "name") for s in dig_list(each, "subjects") if _is_account(s)), "")
        return ""

    def _grants(self, binding: JsonObject) -> Iterator[Grant]:
        within = dig_text(binding, "metadata", "namespace")
        kind, name = dig_text(binding, "roleRef", "kind"), dig_text(binding, "roleRef", "name")
        bound = f"{binding['kind']} {f'{within}/' if within else ''}{dig_text(binding, 'metadata', 'name')}"
        for right in self._rights(kind, name, within):
            yield Grant(right, f"{kind} {name}, bound by {bound}")

    def _rights(self, kind: str, name: str, within: str) -> tuple[Right, ...]:
        key = (kind, name, within)
        if key not in self._roles:
            self._roles[key] = tuple(self._read(kind, name, within))
        return self._roles[key]

    def _read(self, kind: str, name: str, within: str) -> Iterator[Right]:
        resource = ROLES[kind]
        try:
            role = self._client.get(resource, name, namespace=within if resource.namespaced else "")
        except NotFoundError:  # then it grants nothing
            return
        for rule in dig_list(role, "rules"):
            yield from read_rule(rule, within)


def read_rule(rule: JsonObject, within: str = "") -> Iterator[Right]:
    verbs, names = tuple(dig_list(rule, "verbs")), tuple(dig_list(rule, "resourceNames"))
    for group in dig_list(rule, "apiGroups"):
        resources = tuple(dig_list(rule, "resources"))
        yield Right(group=group, resources=resources, verbs=verbs, names=names, namespace=within)
    if paths := tuple(dig_list(rule, "nonResourceURLs")):
        yield Right(group="", resources=paths, verbs=verbs)


def _means(subject: JsonObject, namespace: str, account: str) -> bool:
    name = dig_text(subject, "name")
    match dig_text(subject, "kind"):
        case "ServiceAccount":
            return (dig_text(subject, "namespace"), name) == (namespace, account)
        case "User":
            return name == f"system:serviceaccount:{namespace}:{account}"
        case "Group":
            return name in groups_of(namespace)
    return False


def _subjects(binding: JsonObject) -> list[JsonObject]:
    """Without everybody, where that is the default of all clusters; a label alone hides nothing else."""
    default = dig_text(binding, "metadata", "labels", DEFAULTS[0]) == DEFAULTS[1]
    default = default and dig_text(binding, "roleRef", "name").startswith("system:")
    found: list[JsonObject] = dig_list(binding, "subjects")
    return [each for each in found if not (default and dig_text(each, "name") in EVERYBODY)]


def _is_account(subject: JsonObject) -> bool:
    return dig_text(subject, "kind") == "ServiceAccount"


def groups_of(namespace: str) -> Iterable[str]:
    return (*EVERYBODY, f"system:serviceaccounts:{namespace}")
