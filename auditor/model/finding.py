"""The result of one rule on one object at one path."""

from datetime import datetime
from enum import StrEnum

from auditor.dataclass import dataclass
from auditor.json import Json
from auditor.model.policy import Enforcement, Kind, Severity, name_source


class Result(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    WARN = "warn"
    ERROR = "error"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    policy: str
    rule: str
    result: Result
    severity: Severity
    message: str
    fingerprint: str
    path: str = ""
    """A JSON pointer into the object; empty: the object as a whole."""
    value: Json = None
    """What stands at the path; never of what looks secret."""
    enforcements: tuple[Enforcement, ...] = ()
    blocks: bool = False
    """Whether it refuses the request: a violation under Deny, or an error under failurePolicy Fail at Deny."""
    remediation: str = ""
    controls: tuple[str, ...] = ()
    reason: str = ""
    exception: str = ""
    """namespace/name of the PolicyException that excuses it."""
    kind: Kind = Kind.POLICY
    """Of the policy."""
    binding: str = ""
    """Of a native policy; empty where the policy as a whole is wrong."""
    writer: str = ""
    """Who probably wrote what it is about, by the name of a field manager; empty: nobody has asked."""

    @property
    def source(self) -> str:
        return name_source(self.kind, self.policy, self.binding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All that the engine says of one request."""

    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    audit_annotations: tuple[tuple[str, str], ...] = ()
    passed: tuple[tuple[str, str], ...] = ()
    """(source, rule) of those that passed, where they were not asked for as findings: telling them costs more."""
    not_applicable: tuple[tuple[str, str], ...] = ()
    """Policies and rules that could not be asked here, with the reason: for the coverage, never a finding."""
    recheck_at: datetime | None = None
    """When the verdict may change by itself: an exception expires."""

    @property
    def allowed(self) -> bool:
        return not any(finding.blocks for finding in self.findings)


def make_fingerprint(*parts: str) -> str:
    """Policy, rule, group, kind, namespace, name and path: the same finding tomorrow, on any cluster, has it again."""
    from hashlib import sha256  # and with it OpenSSL: 3 ms for who has nothing to tell of

    return sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]
