"""What is asked of objects in files beyond what they say themselves: which of them, by whom, and what was before."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import field

from auditor.dataclass import dataclass
from auditor.errors import AuditorError, InputError
from auditor.intake.catalog import Catalog
from auditor.intake.load import Item
from auditor.intake.requests import Surroundings, ask, kind_of, make_request, receive
from auditor.json import JsonObject
from auditor.model.request import GroupVersionKind, Operation, Request, User

Identity = tuple[str, str, str, str]
"""Group, kind, namespace and name."""

SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An AdmissionReview says by itself who asks for what: only `kinds` and `namespaces` concern it."""

    kinds: Collection[str] = ()
    """As a person writes them: Widget, widgets, widgets.example.com. Empty: all."""
    namespaces: Collection[str] = ()
    """Empty: all, and what is in none."""
    operation: Operation | None = None
    """None: an UPDATE of what is among `old`, a CREATE of all else."""
    user: User | None = None
    old: Sequence[Item] = field(default=())

    def includes(self, request: Request) -> bool:
        if self.kinds and not any(_names(kind, request) for kind in self.kinds):
            return False
        of_namespace = (request.kind.group, request.kind.kind) == ("", "Namespace")  # in none, whatever requests say
        return not self.namespaces or (request.namespace in self.namespaces and not of_namespace)

    def asker(self, around: Surroundings) -> Callable[[Item], Request]:
        """It raises InputError for what no API server would ask."""
        before = find_old(self.old, around.catalog)

        def ask_one(item: Item) -> Request:
            if item.kind == "AdmissionReview":
                return ask(item, around)
            old = before.get(identify(item.thing, around.catalog)) if before else None
            operation = self.operation or (Operation.UPDATE if old else Operation.CREATE)
            if operation is not Operation.UPDATE:
                return make_request(item.thing, around, operation=operation, user=self.user)
            if old is None:
                raise InputError("there is no old object of this kind and name to update")
            return make_request(
                item.thing, around, operation=operation, user=self.user, old=_as_before(old, item, around.catalog)
            )

        return ask_one


def read_user(text: str) -> User:
    """NAME[,GROUP...], with the groups that an API server gives to whom it knows."""
    name, *groups = [part.strip() for part in text.split(",")]
    if name.startswith(SERVICE_ACCOUNT):
        namespace = name.removeprefix(SERVICE_ACCOUNT).partition(":")[0]
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    return User(username=name, groups=tuple(dict.fromkeys([*groups, "system:authenticated"])))


def identify(thing: JsonObject, catalog: Catalog) -> Identity:
    kind = kind_of(thing)
    metadata = thing["metadata"]
    namespace = metadata.get("namespace") or ("default" if catalog.is_namespaced(kind) else "")
    return kind.group, kind.kind, str(namespace), str(metadata.get("name") or "")


def find_old(items: Iterable[Item], catalog: Catalog) -> dict[Identity, JsonObject]:
    """By who they are, as they were written."""
    return {identify(item.thing, catalog): item.thing for item in items if item.kind != "AdmissionReview"}


def _as_before(old: JsonObject, item: Item, catalog: Catalog) -> JsonObject:
    """As it was stored, in the version of the object that takes its place, as the API server asks."""
    wanted: GroupVersionKind = kind_of(item.thing)
    try:
        catalog.check(kind_of(old))
        received = receive(old, catalog)
        known = kind_of(old)
        return received if known == wanted else catalog.convert(received, known, wanted.version)
    except AuditorError as error:
        raise InputError(f"its old object: {error}") from error


def _names(text: str, request: Request) -> bool:
    """As kubectl takes names of kinds: kind or plural, in any case, with or without version and group."""
    kind, group = request.kind, request.resource.group
    endings = ("", f".{group}" if group else "", f".{kind.version}.{group}" if group else f".{kind.version}")
    names = (kind.kind.lower(), request.resource.resource)
    return text.lower() in {name + ending for name in names for ending in endings}
