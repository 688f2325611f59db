"""What the checks are asked about, one stored object with what is known around it, and what they say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from auditor.engine.engine import Engine
from auditor.json import JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.finding import Finding, Verdict
from auditor.model.request import GroupVersionKind, Request
from auditor.model.settings import KindSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFacts:
    """Of a kind that a CRD defines."""

    name: str
    """That of the CRD: plural.group."""
    storage_version: str
    served: Mapping[str, bool]
    """The versions that are served, each with whether it is deprecated."""
    stored_versions: tuple[str, ...]
    status_subresource: bool
    """Of the storage version."""


class Ways(Protocol):
    """To the other versions of a kind."""

    def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
        """As the API server would ask for it. Raises AuditorError where no way leads there, or it fails."""


def nobody_knows(_: JsonObject) -> bool | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    request: Request
    """Of the origin STORED: its object has managedFields, its time is now."""
    verdict: Verdict
    """Of the rules."""
    engine: Engine
    """The policies in force."""
    schema: StructuralSchema | None
    """Of the request's resource. None: no CRD defines it, or its schema cannot be used."""
    facts: KindFacts | None
    """None: no CRD defines it."""
    ways: Ways | None = None
    """None: nothing of ours leads to other versions."""
    convertible: tuple[str, ...] = ()
    """The versions to which `ways` leads; the object's own may be among them."""
    enforced_since: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """By policy and rule, since when it denies: status.enforcedSince."""
    pardons: Callable[[], Sequence[datetime]] = tuple
    """When somebody broke the glass for this object."""
    owners: Callable[[JsonObject], bool | None] = nobody_knows
    """Whether the owner that an ownerReference names is there; None where that is not known. The garbage collector
    needs a moment: False only for what has been gone for longer than that."""
    settings: KindSettings = field(default_factory=KindSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    findings: tuple[Finding, ...] = ()
    not_applicable: tuple[tuple[str, str], ...] = ()
    """Checks that could not be asked, or not about everything, with the reason: for the coverage, never a finding.
    The reasons are few and name no object, so that thousands of objects share them."""
    recheck_at: datetime | None = None
    """When something becomes overdue that is not yet."""
    asked: tuple[str, ...] = ()
    """The checks that looked at the object, in full or in part."""
