"""All of ours in a cluster at one moment, ready to judge by. Never changed: the next moment has its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.cluster.discovery import CrdKind
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import State
from auditor.model.exception import PolicyException
from auditor.model.match import Kinds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    policies: Mapping[str, State[CompiledPolicy]] = field(default_factory=dict)
    """All, also those of which nothing is in force."""
    exceptions: Mapping[str, State[PolicyException]] = field(default_factory=dict)
    conversions: Mapping[str, State[Conversion]] = field(default_factory=dict)
    kinds: Mapping[str, CrdKind] = field(default_factory=dict)
    """By the name of the CRD."""
    schemas: LiveSchemas

    def compiled(self) -> Sequence[CompiledPolicy]:
        """Those in force, in the order of their names."""
        return [state.good for _, state in sorted(self.policies.items()) if state.good is not None]

    def engine(self) -> Engine:
        return Engine.of(self.compiled(), schemas=self.schemas)

    def match_kinds(self) -> Kinds:
        """What `*` in a policy stands for. At the door every version comes by itself: none is equivalent to another."""
        established = [kind for kind in self.kinds.values() if kind.established]
        return Kinds(
            custom=frozenset((kind.group, kind.plural) for kind in established),
            scopes={(kind.group, kind.kind): kind.namespaced for kind in established},
        )
