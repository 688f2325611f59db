"""What the handlers judge by: everything at one moment, replaced as a whole and never changed."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.json import JsonObject
from auditor.model.policy import FailurePolicy
from auditor.model.request import Request
from auditor.model.world import World
from auditor.webhooks.failure import effective_failure_policy


class Namespaces(Protocol):
    """Namespace objects by name. None: not known here."""

    def get(self, name: str, /) -> JsonObject | None: ...


class NoNamespaces:
    """Nothing is known of any: then a namespaceSelector can only ask for the name."""

    def get(self, _: str, /) -> JsonObject | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    break_glass_group: str = ""
    """Members of this group of users are admitted whatever the policies say, and that is told. Empty: nobody is."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The policies behind one registered webhook: they share its failurePolicy and its timeout."""

    path: str
    """Empty: all policies."""
    engine: Engine
    looks: bool
    """Whether some policy of it reads other objects."""

    @classmethod
    def of(cls, path: str, engine: Engine) -> Self:
        return cls(path, engine, any(each.policy.lookups or each.policy.param_kind for each in engine.policies))

    def fails_closed(self, request: Request | None, *, mutating: bool) -> bool:
        """Whether a request that cannot be judged is refused: a policy that may be for it fails, and can deny.

        Of a request that cannot even be read it is not known whom it concerns: then all of the group are asked.
        """
        concerned: Iterable[CompiledPolicy] = self.engine.policies
        group = ""
        if request is not None:
            concerned = (each for _, each in self.engine.index.find(request.resource, request.world.kinds))
            group = request.resource.group
        return any(
            effective_failure_policy(each, group=group, mutating=mutating) is FailurePolicy.FAIL
            for each in concerned
            if (each.mutations if mutating else each.rules)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    everything: Group
    groups: Mapping[str, Group] = field(default_factory=dict)
    """By the path that the API server calls, without its first slash: validate/fail-10s."""
    conversions: Mapping[tuple[str, str], Conversion] = field(default_factory=dict)
    """By group and kind, which is all that a ConversionReview tells."""
    world: World = field(default_factory=World)
    namespaces: Namespaces = field(default_factory=NoNamespaces)
    settings: Settings = field(default_factory=Settings)
    made: float = 0.0
    """When, by the clock that `age` is asked with (time.monotonic)."""
    synced: Callable[[], float] | None = None
    """When the caches behind the lookups were last known to be right, where they go on after this was made."""

    @classmethod
    def of(
        cls,
        engine: Engine,
        *,
        groups: Mapping[str, Collection[str]] | None = None,
        conversions: Mapping[tuple[str, str], Conversion] | None = None,
        world: World | None = None,
        namespaces: Namespaces | None = None,
        settings: Settings | None = None,
        made: float = 0.0,
        synced: Callable[[], float] | None = None,
    ) -> Self:
        """`groups` are the names of the policies of each registered webhook, by its path; one policy may be in several.

        Native policies are left out: the API server itself enforces those.
        """
        own = engine.own()
        parts: dict[str, Group] = {}
        for path, names in (groups or {}).items():
            chosen = [each for each in own.policies if each.policy.name in names]
            parts[path] = Group.of(path, Engine.of(chosen, schemas=engine.schemas))
        return cls(
            everything=Group.of("", own),
            groups=parts,
            conversions=conversions or {},
            world=world or World(),
            namespaces=namespaces if namespaces is not None else NoNamespaces(),
            settings=settings or Settings(),
            made=made,
            synced=synced,
        )

    def group(self, path: str) -> Group:
        """A path that nobody knows is that of a webhook which is no longer, or not yet, registered so: then all
        policies judge, which may do too much and never too little."""
        return self.groups.get(path, self.everything)

    def age(self, now: float) -> float:
        """Of what lookups find, in seconds."""
        return max(0.0, now - (self.synced() if self.synced is not None else self.made))


class Holder:
    """The snapshot in force. Another thread replaces it while requests go on with the one that they began with."""

    __slots__ = ("_current",)

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._current = snapshot

    @property
    def current(self) -> Snapshot | None:
        """None until the first is there: nothing can be judged yet."""
        return self._current

    def check(self) -> str:
        """For /readyz: why nothing can be judged; empty: it can."""
        return "" if self._current is not None else "the policies are not loaded yet"

    def replace(self, snapshot: Snapshot) -> None:
        self._current = snapshot  # one reference: a reader sees the old or the new one, and never a part
