"""A policy: what it matches, its rules, how it is enforced. Native policies become the same, one for each binding."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from auditor.dataclass import dataclass
from auditor.json import Json, JsonObject
from auditor.model.match import LabelSelector, MatchResources


class Severity(StrEnum):
    """From the worst to the least: `rank` orders them, so that 0 is critical."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Enforcement(StrEnum):
    DENY = "Deny"
    WARN = "Warn"
    AUDIT = "Audit"


class FailurePolicy(StrEnum):
    FAIL = "Fail"
    IGNORE = "Ignore"


class Language(StrEnum):
    """How a rule is written. `deny` is jq, too: one violation for each of its outputs."""

    SCHEMA = "schema"
    JQ = "jq"
    DENY = "deny"
    CEL = "cel"


class Change(StrEnum):
    """How a mutation is written. The last two are those of MutatingAdmissionPolicy."""

    JQ = "jq"
    JSON_PATCH = "jsonPatch"
    MERGE_PATCH = "mergePatch"
    CEL = "cel"
    APPLY_CONFIGURATION = "applyConfiguration"
    CEL_JSON_PATCH = "celJsonPatch"


class Kind(StrEnum):
    """Where a policy comes from, as the kind of its object; or that it is one of our own checks."""

    CHECK = "Check"
    POLICY = "Policy"
    VALIDATING = "ValidatingAdmissionPolicy"
    MUTATING = "MutatingAdmissionPolicy"


@dataclass(frozen=True, slots=True)
class Expression:
    """Text in CEL with a name, and the pointer to it inside the policy's object, for messages about it."""

    name: str
    text: str
    pointer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    name: str
    language: Language
    body: Json
    """The text of the rule; of `schema` the schema itself."""
    pointer: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""
    severity: Severity | None = None
    enforcement: Enforcement | None = None
    remediation: str = ""
    controls: tuple[str, ...] = ()
    sensitive: bool = False
    """The values that it reads are never stored or printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    name: str
    change: Change
    body: Json
    pointer: str


@dataclass(frozen=True, slots=True)
class ParamKind:
    api_version: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamRef:
    name: str = ""
    namespace: str = ""
    selector: LabelSelector | None = None
    allow_missing: bool = False
    """parameterNotFoundAction: with Allow the policy does not apply, with Deny it is an error."""


@dataclass(frozen=True, slots=True)
class Override:
    namespaces: LabelSelector
    enforcement: Enforcement


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Objects of a kind that rules may read. `same` stands for the namespace of the object that is judged."""

    name: str
    group: str
    resource: str
    namespace: str = ""
    selector: LabelSelector | None = None
    indexed_by: str = ""
    """A JSON pointer: only objects with the value there that the judged object has, as for the same host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    name: str
    kind: Kind = Kind.POLICY
    binding: str = ""
    """Of a native policy: the binding that this is for."""
    title: str = ""
    description: str = ""
    severity: Severity = Severity.MEDIUM
    controls: tuple[str, ...] = ()
    remediation: str = ""
    matches: tuple[MatchResources, ...] = ()
    """All of them must match: a native policy has its own and that of its binding."""
    conditions: tuple[Expression, ...] = ()
    params: JsonObject | None = None
    param_kind: ParamKind | None = None
    param_ref: ParamRef | None = None
    lookups: tuple[Lookup, ...] = ()
    variables: tuple[Expression, ...] = ()
    rules: tuple[Rule, ...] = ()
    mutations: tuple[Mutation, ...] = ()
    audit_annotations: tuple[Expression, ...] = ()
    enforcements: tuple[Enforcement, ...] = (Enforcement.AUDIT,)
    """One for our own policies; a native binding may have Warn and Audit, or Deny and Audit."""
    overrides: tuple[Override, ...] = ()
    exceptions: LabelSelector | None = None
    """The namespaces in which exceptions may excuse from it; None: nowhere."""
    ratchets: bool = True
    """`existing: Audit`: an update that makes nothing worse is admitted."""
    failure_policy: FailurePolicy = FailurePolicy.FAIL
    timeout: int = 10
    """Seconds that a request may wait for it at the door."""
    reinvoke: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def native(self) -> bool:
        return self.kind is not Kind.POLICY

    @property
    def key(self) -> str:
        return name_source(self.kind, self.name, self.binding)


def name_source(kind: Kind, name: str, binding: str = "") -> str:
    """What a finding comes from, in one word: ours have their names, native ones judge once for each binding."""
    return name if kind is Kind.POLICY else f"{kind}/{name}/{binding}" if binding else f"{kind}/{name}"
