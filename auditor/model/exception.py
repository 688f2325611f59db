"""Who is excused from which rule, why, and until when."""

from datetime import datetime

from auditor.dataclass import dataclass
from auditor.model.match import MatchResources


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyException:
    namespace: str
    name: str
    policies: tuple[str, ...]
    rules: tuple[str, ...]
    """Empty: all rules of the policies."""
    match: MatchResources | None
    owner: str
    reason: str
    expires: datetime

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"
