"""What a user of the cluster may see: who may list reports somewhere may see here what is in them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from auditor.cluster import Client, Resource
from auditor.cluster.access import dig, dig_text
from auditor.cluster.resource import NAMESPACES
from auditor.dashboard.access.entrance import MayGet
from auditor.dashboard.remembered import Remembered
from auditor.errors import ClusterError
from auditor.json import JsonObject
from auditor.report.compliance import Scope

REVIEWS: Final = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)
SECONDS: Final = 30.0
"""How long an answer holds: a right that was taken away shows for no longer than that."""
USERS: Final = 1_000
"""Whose rights are remembered: each a set of names, at 1,000 namespaces 100 KB at the very most."""
MOST: Final = 2_000
"""Namespaces that are asked about, one by one: 10 s at the pace of `qps`. Who works in more has the right for all."""
AT_ONCE: Final = 8


class ReportGroup(StrEnum):
    """Which of the two kinds of reports the cluster has."""

    OPENREPORTS = "openreports.io"
    WGPOLICY = "wgpolicyk8s.io"

    @property
    def kinds(self) -> tuple[str, str]:
        """In namespaces, and beside them."""
        return ("reports", "clusterreports") if self is self.OPENREPORTS else ("policyreports", "clusterpolicyreports")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """As the API server knows them."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = field(default=())


class Rights:
    def __init__(
        self, client: Client, *, clock: Callable[[], float], group: ReportGroup = ReportGroup.OPENREPORTS
    ) -> None:
        self._client, self._group = client, group
        self._scopes: Remembered[User, Scope] = Remembered(seconds=SECONDS, most=USERS, clock=clock)
        self._gets: Remembered[tuple[User, str, str, str], bool] = Remembered(seconds=SECONDS, most=USERS, clock=clock)
        self._namespaces: Remembered[str, frozenset[str]] = Remembered(seconds=SECONDS, most=1, clock=clock)

    def scope_of(self, user: User) -> Scope:
        """Without any right: one that shows nothing. Raises ClusterError where it could not be found out."""
        return self._scopes.get(user, lambda: self._ask(user))

    def _ask(self, user: User) -> Scope:
        namespaced, wide = self._group.kinds
        everywhere = self._allows(user, namespaced)
        if everywhere and self._allows(user, wide):
            return Scope()
        names = self._namespaces.get("", self._list)
        if everywhere:
            return Scope(namespaces=names)
        if len(names) > MOST:
            raise ClusterError(
                f"there are {len(names)} namespaces, and rights are only asked for in {MOST}: "
                f"this needs the right to list {namespaced}.{self._group} in all of them"
            )
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(lambda name: self._allows(user, namespaced, name), sorted(names))
            return Scope(namespaces=frozenset(name for name, may in zip(sorted(names), found, strict=True) if may))

    def _list(self) -> frozenset[str]:
        return frozenset(dig_text(each, "metadata", "name") for each in self._client.list(NAMESPACES)) - {""}

    def may_get(self, user: User) -> MayGet:
        """What they may get of the cluster's objects. Raises ClusterError where it could not be found out."""

        def ask(resource: Resource, namespace: str, name: str) -> bool:
            key = (user, resource.name, namespace, name)
            return self._gets.get(key, lambda: self._may(user, _name_object(resource, namespace, name)))

        return ask

    def _allows(self, user: User, resource: str, namespace: str = "") -> bool:
        wanted = {"verb": "list", "group": self._group.value, "resource": resource, "namespace": namespace}
        return self._may(user, wanted)

    def _may(self, user: User, attributes: JsonObject) -> bool:
        spec: JsonObject = {
            "user": user.name,
            "groups": list(user.groups),
            "uid": user.uid,
            "extra": {name: list(values) for name, values in user.extra},
            "resourceAttributes": attributes,
        }
        review = {"apiVersion": REVIEWS.api_version, "kind": REVIEWS.kind, "spec": spec}
        status = dig(self._client.create(REVIEWS, review), "status")
        return dig(status, "allowed") is True and dig(status, "denied") is not True


def _name_object(resource: Resource, namespace: str, name: str) -> JsonObject:
    return {
        "verb": "get",
        "group": resource.group,
        "version": resource.version,
        "resource": resource.plural,
        "namespace": namespace,
        "name": name,
    }
