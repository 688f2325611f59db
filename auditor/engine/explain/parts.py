"""What an explanation is made of."""

from enum import StrEnum

from auditor.dataclass import dataclass
from auditor.json import Json


class State(StrEnum):
    VALUE = "value"
    ERROR = "error"
    HIDDEN = "hidden"
    """It looks secret, or is of a rule that is sensitive."""
    SKIPPED = "skipped"
    """Not evaluated; the note says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of an expression, in the words of its source, and what came of it."""

    text: str
    state: State
    value: Json = None
    note: str = ""
    """The error, or why there is no value, or which element it is."""
    steps: "tuple[Step, ...]" = ()


@dataclass(frozen=True, slots=True)
class Holds:
    """One part of a match. None: nobody knows."""

    name: str
    holds: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A condition or a variable."""

    name: str
    step: Step


@dataclass(frozen=True, slots=True)
class Looked:
    """Params, or a lookup: what was found."""

    name: str
    found: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RuleAccount:
    name: str
    language: str
    result: str
    """The worst of its findings, or `not asked`."""
    findings: tuple[tuple[str, str, str], ...]
    """(result, path, message) of each."""
    severity: str
    severity_from: str
    enforcement: tuple[str, ...]
    enforcement_from: str
    exception: str
    note: str
    milliseconds: float | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """One policy and one object."""

    policy: str
    """As findings name it: a native one with its kind and binding."""
    state: str
    """`pass`, `fail`, `warn`, `error`, `skip`; or `does not match`, `does not apply`; without rules `changes` or
    `changes nothing`."""
    reason: str
    matches: tuple[Holds, ...]
    conditions: tuple[Named, ...] = ()
    params: Looked | None = None
    lookups: tuple[Looked, ...] = ()
    variables: tuple[Named, ...] = ()
    rules: tuple[RuleAccount, ...] = ()
    patch: tuple[Json, ...] = ()
    """What the mutations of this policy alone change."""
    mutations: tuple[str, ...] = ()
    """The names of those that changed something."""
    findings: tuple[tuple[str, str], ...] = ()
    """(result, message) of the policy as a whole."""
