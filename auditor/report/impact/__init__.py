"""What a change would do, as text for people and as JSON: both hold the same."""

from dataclasses import dataclass, field

from auditor.intake.impact.crd import CrdImpact
from auditor.intake.impact.decisions import Replay
from auditor.intake.impact.policies import Impact


@dataclass(slots=True)
class Foreseen:
    """All that one command found out, so far."""

    policies: Impact | None = None
    decisions: Replay | None = None
    crds: list[CrdImpact] = field(default_factory=list)

    @property
    def incomplete(self) -> bool:
        return (
            (self.policies is not None and self.policies.incomplete)
            or (self.decisions is not None and self.decisions.incomplete)
            or any(each.incomplete for each in self.crds)
        )

    @property
    def refuses(self) -> bool:
        """Something would be refused, or lost."""
        return (
            (self.policies is not None and self.policies.refused > 0)
            or (self.decisions is not None and self.decisions.refused > 0)
            or any(each.harmful for each in self.crds)
        )
