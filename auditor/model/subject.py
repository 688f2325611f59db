"""Which object a finding is about."""

from auditor.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    api_version: str
    kind: str
    resource: str
    """The plural name."""
    namespace: str
    """Empty for objects that are in none."""
    name: str
    uid: str
    """Of this very object: one that is deleted and made again has another."""

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
