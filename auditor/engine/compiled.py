"""A policy that is ready to judge: its texts are programs."""

from typing import TYPE_CHECKING

from auditor.dataclass import dataclass
from auditor.engine.match import MatchProgram
from auditor.json import Json
from auditor.model.policy import Mutation, Policy, Rule

if TYPE_CHECKING:  # a start pays for the languages that its policies use
    from auditor.languages.cel import Conjunction
    from auditor.languages.cel import Program as CelProgram
    from auditor.languages.jq import Program as JqProgram
    from auditor.languages.schema import JsonSchemaProgram


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    rule: Rule
    cel: "CelProgram | None" = None
    jq: "JqProgram | None" = None
    schema: "JsonSchemaProgram | None" = None
    message: "CelProgram | None" = None
    path: str = ""
    """Where a violation is when the rule itself does not say: the one field that it reads."""
    needs_user: bool = False
    """Without a user it does not apply: a stored object has none."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledMutation:
    mutation: Mutation
    cel: "CelProgram | None" = None
    jq: "JqProgram | None" = None
    patch: Json = None


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPolicy:
    policy: Policy
    matches: tuple[MatchProgram, ...]
    conditions: "tuple[tuple[str, CelProgram], ...]" = ()
    rules: tuple[CompiledRule, ...] = ()
    together: "Conjunction | None" = None
    """Its rules in CEL, where there are several; those that need a user are not among them."""
    mutations: tuple[CompiledMutation, ...] = ()
    audit_annotations: "tuple[tuple[str, CelProgram], ...]" = ()
    conditions_need_user: bool = False
    names: frozenset[str] = frozenset()
    """Of request, params, namespaceObject and authorizer those that its CEL reads."""
