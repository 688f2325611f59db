"""Lists of a cluster's objects for one look, and what one that fails means, in words that say what to do."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field

import orjson

from auditor.cluster import Client, Resource
from auditor.dataclass import dataclass
from auditor.errors import (
    ApiError,
    ClusterError,
    ForbiddenError,
    InputError,
    NotFoundError,
    UnauthorizedError,
    UnreachableError,
)
from auditor.intake.coverage import UnreadKindError
from auditor.json import JsonObject

_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_USER = re.compile(r'User "([^"]+)" cannot ')
_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")


@dataclass(slots=True)
class Reader:
    """What cannot be read is noted, and is None: never to be taken for nothing."""

    client: Client
    namespaces: Sequence[str] = ()
    """Where the objects are that are to be judged; none: everywhere."""
    unread: list[InputError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is not known, and is an error where it is needed."""

    def all(
        self, resource: Resource, *, limit: int = 500, absent: bool = False, first: bool = False
    ) -> list[JsonObject] | None:
        """Of the whole cluster. `absent`: that there is no such kind means that there are no objects. `first`: raises
        if no cluster answers, or not to us, as then nothing else can be read either."""
        try:
            return list(self.client.list(resource, limit=limit))
        except NotFoundError as error:
            if absent:
                return []
            self.unread.append(explain(error, resource))
        except ClusterError as error:
            if first and isinstance(error, UnreachableError | UnauthorizedError):
                raise
            self.unread.append(explain(error, resource))
        return None

    def named_namespaces(self, resource: Resource) -> list[JsonObject]:
        """Namespaces: all, or the chosen ones for those who may get these and no others.

        Without them many rules can be judged. Those that need the labels of one are errors by themselves.
        """
        found: list[JsonObject] = []
        for name in self.namespaces or ("",):
            try:
                found += [self.client.get(resource, name)] if name else self.client.list(resource)
            except NotFoundError:
                self.unread.append(InputError(f"there is no namespace {name}"))
            except ClusterError as error:
                said = str(explain(error, resource)).rstrip(".")
                self.notes.append(f"{said}{'' if said.endswith('?') else '.'} Rules that need their labels are errors")
        return found

    def of_interest(self, resource: Resource) -> list[JsonObject]:
        """Of a kind whose objects reach their own namespace only."""
        found: list[JsonObject] = []
        for namespace in self.namespaces or ("",):
            try:
                found += self.client.list(resource, namespace=namespace)
            except NotFoundError:
                continue
            except ClusterError as error:
                self.unread.append(explain(error, resource, namespace=namespace))
        return found


def stream(client: Client, resource: Resource, namespaces: Sequence[str] = ()) -> Iterator[JsonObject]:
    """One page is in memory at a time."""
    if not namespaces:
        return client.list(resource)
    return itertools.chain.from_iterable(client.list(resource, namespace=each) for each in namespaces)


def count(client: Client, resource: Resource, namespaces: Sequence[str] = ()) -> int:
    """How many objects there are, without reading them; 0 where that cannot be known. For progress only."""
    found = 0
    for namespace in namespaces or ("",):
        path = resource.path(namespace=namespace)
        try:
            answer = client.transport.ask(
                "GET", path, what=f"count {resource.name}", query=[("limit", "1")], accept=_METADATA
            )
            page = orjson.loads(answer)
            found += len(page["items"] or ()) + int(page["metadata"].get("remainingItemCount") or 0)
        except (ClusterError, LookupError, TypeError, ValueError):
            continue
    return found


def explain(error: ClusterError, resource: Resource, *, namespace: str = "", read: int = 0) -> UnreadKindError:
    """`read` is how many objects came before it failed."""
    reason, grant = str(error), ""
    if isinstance(error, ForbiddenError):
        reason = f"forbidden: {error.message.rpartition('forbidden: ')[2]}" if error.message else "forbidden"
        grant = tell_grant([resource], error.message, namespace=namespace)
    elif isinstance(error, NotFoundError):
        reason = "it is not there, or no longer served"
    elif isinstance(error, ApiError):
        reason = f"the API server answered {error.code}: {error.message or error.reason}"
    if read:
        reason = f"the list broke off after {read} objects: {reason}"
    where = f"{resource.name} in {namespace}" if namespace else resource.name
    return UnreadKindError(where, reason, api_version=resource.api_version, kind=resource.kind, grant=grant)


def tell_grant(resources: Iterable[Resource], said: str, *, namespace: str = "") -> str:
    """The commands that give the right to read these, to the user whom the API server named."""
    names = [each.name for each in resources]
    user = match[1] if (match := _USER.search(said)) else "USER"
    account = _ACCOUNT.fullmatch(user)
    whom = f"--serviceaccount={account[1]}:{account[2]}" if account else f"--user={user}"
    role = f"auditor-read-{names[0]}"
    binding = "rolebinding" if namespace else "clusterrolebinding"
    inside = f" --namespace={namespace}" if namespace else ""
    return (
        f"kubectl create clusterrole {role} --verb=get,list,watch --resource={','.join(names)} && "
        f"kubectl create {binding} {role} --clusterrole={role} {whom}{inside}"
    )
