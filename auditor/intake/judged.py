"""What is kept of an object that was judged: who it is, where it was read, and what is to be told. Never its body."""

from collections.abc import Mapping

from auditor.dataclass import dataclass
from auditor.intake.yaml import Position
from auditor.model.finding import Finding
from auditor.model.request import Request
from auditor.model.subject import Subject


@dataclass(frozen=True, slots=True)
class Place:
    """One object, and where it was read. Without a file it is in a cluster, where its kind and name say where."""

    subject: Subject
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else ""


@dataclass(frozen=True, slots=True)
class Judged:
    """An object of which there is something to tell."""

    place: Place
    findings: tuple[Finding, ...]
    positions: Mapping[str, Position]
    """By the paths of the findings, where these are in the file."""

    @property
    def subject(self) -> Subject:
        return self.place.subject

    def position_of(self, finding: Finding) -> Position:
        """In the file; that of the object for what has no place of its own."""
        return self.positions.get(finding.path) or Position(self.place.line, self.place.column)


def subject_of(request: Request) -> Subject:
    kind = request.kind
    thing = request.object or request.old_object or {}
    metadata = thing.get("metadata")
    uid = metadata.get("uid") if isinstance(metadata, dict) else ""
    in_none = (kind.group, kind.kind) == ("", "Namespace")  # its requests carry its own name as their namespace
    return Subject(
        api_version=kind.api_version,
        kind=kind.kind,
        resource=request.resource.resource,
        namespace="" if in_none else request.namespace,
        name=request.name,
        uid=uid if isinstance(uid, str) else "",
    )
