"""All of ours in a cluster at one moment, ready to judge by. Never changed: the next moment has its own."""

from collections.abc import Mapping, Sequence
from dataclasses import field

from auditor.cluster.discovery import CrdKind
from auditor.dataclass import dataclass
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import State
from auditor.model.exception import PolicyException
from auditor.model.match import Kinds
from auditor.model.settings import AuditSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    policies: Mapping[str, State[CompiledPolicy]] = field(default_factory=dict)
    """All, also those of which nothing is in force."""
    exceptions: Mapping[str, State[PolicyException]] = field(default_factory=dict)
    too_long: frozenset[str] = frozenset()
    """Of the exceptions, those that reach further ahead than the AuditConfig lets them: they excuse nobody."""
    conversions: Mapping[str, State[Conversion]] = field(default_factory=dict)
    native: Mapping[str, State[CompiledPolicy]] = field(default_factory=dict)
    """Native policies, by KIND/POLICY/BINDING, where they are asked for: see NativePairs. The API server has accepted
    all of them; one that is not in force here has mistakes, and what it matches is not evaluated."""
    config: State[AuditSettings] | None = None
    """None: there is no AuditConfig."""
    kinds: Mapping[str, CrdKind] = field(default_factory=dict)
    """By the name of the CRD."""
    schemas: LiveSchemas

    def compiled(self) -> Sequence[CompiledPolicy]:
        """Those in force, in the order of their names, ours before native ones."""
        states = (state for those in (self.policies, self.native) for _, state in sorted(those.items()))
        return [state.good for state in states if state.good is not None]

    @property
    def settings(self) -> AuditSettings:
        """Those of the AuditConfig as it was when it was last right; without one the defaults."""
        good = None if self.config is None else self.config.good
        return AuditSettings() if good is None else good

    def excusing(self) -> Sequence[PolicyException]:
        """What may excuse, if it has not expired: when it does, the engine sees by itself."""
        states = ((key, state.good) for key, state in sorted(self.exceptions.items()))
        return [good for key, good in states if good is not None and key not in self.too_long]

    def engine(self) -> Engine:
        return Engine.of(self.compiled(), schemas=self.schemas)

    def match_kinds(self) -> Kinds:
        """What `*` in a policy stands for. At the door every version comes by itself: none is equivalent to another."""
        established = [kind for kind in self.kinds.values() if kind.established]
        return Kinds(
            custom=frozenset((kind.group, kind.plural) for kind in established),
            scopes={(kind.group, kind.kind): kind.namespaced for kind in established},
        )
