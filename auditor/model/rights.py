"""What a program may do in a cluster, as RBAC says it, each right with its reason; and which rights cover which."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from auditor.dataclass import dataclass

ANY: Final = "*"
READ: Final = ("get", "list", "watch")
FOLLOW: Final = ("list", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One rule of a role: all of its verbs on all of its resources."""

    group: str
    resources: tuple[str, ...]
    """Plurals, as RBAC has them: a subresource is `policies/status`."""
    verbs: tuple[str, ...]
    why: str = ""
    """One sentence, for who reads the role."""
    names: tuple[str, ...] = ()
    """Of these objects alone; none: of all."""
    namespace: str = ""
    """In which alone; empty: in the whole cluster."""

    def atoms(self) -> "Iterator[Atom]":
        for resource in self.resources:
            for verb in self.verbs:
                for name in self.names or (ANY,):
                    yield Atom(verb, self.group, resource, name, self.namespace or ANY)


class Atom(NamedTuple):
    """The smallest part of a right. `*` is any."""

    verb: str
    group: str
    resource: str
    name: str = ANY
    namespace: str = ANY

    def covers(self, other: "Atom") -> bool:
        return (
            self.verb in (ANY, other.verb)
            and self.group in (ANY, other.group)
            and _covers_resource(self.resource, other.resource)
            and self.name in (ANY, other.name)
            and self.namespace in (ANY, other.namespace)
        )


def _covers_resource(mine: str, theirs: str) -> bool:
    """`*` is all of a group, subresources too; `*/scale` that subresource of all."""
    if mine in (ANY, theirs):
        return True
    plural, slash, part = mine.partition("/")
    return plural == ANY and bool(slash) and theirs.endswith(f"/{part}")


def list_uncovered(wanted: Iterable[Right], given: Iterable[Right]) -> list[Right]:
    """What of each is not in the others: rules with fewer verbs, resources or names."""
    there = [atom for each in given for atom in each.atoms()]
    return [left for each in wanted if (left := _remove(each, there)) is not None]


def list_excess(given: Iterable[Right], wanted: Iterable[Right]) -> list[Right]:
    """What of each nobody needs. Who may list objects sees all of them: `get` and `watch` beside it are no more."""
    needed = [atom for each in wanted for atom in each.atoms()]
    needed += [atom._replace(verb=verb) for atom in needed if atom.verb == "list" for verb in ("get", "watch")]
    return [left for each in given if (left := _remove(each, needed)) is not None]


def _remove(right: Right, covering: list[Atom]) -> Right | None:
    """The smallest rule that has all that is not covered; None: all of it is."""
    left = [atom for atom in right.atoms() if not any(each.covers(atom) for each in covering)]
    if not left:
        return None
    resources, verbs, names = ({atom[place] for atom in left} for place in (2, 0, 3))
    return Right(
        group=right.group,
        resources=tuple(each for each in right.resources if each in resources),
        verbs=tuple(each for each in right.verbs if each in verbs),
        why=right.why,
        names=tuple(each for each in right.names if each in names),
        namespace=right.namespace,
    )
