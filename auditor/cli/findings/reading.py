"""Findings of objects, out of the reports in a cluster, and what keeps these from being all that there is to tell."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from auditor.audit.overview import Facts, find_wrong
from auditor.audit.status import is_excluded, is_readable
from auditor.cli.named import Sought
from auditor.cluster import Client, Resource
from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.cluster.resource import NAMESPACES
from auditor.errors import ForbiddenError, InputError, NotFoundError, UnknownKindError, UsageError
from auditor.intake.live.config import read_settings
from auditor.json import Json, JsonObject
from auditor.model.finding import Result
from auditor.model.policy import Kind, Severity
from auditor.model.resource import name_kind
from auditor.model.settings import ReportApi
from auditor.report.crs import FORMS, SELECTOR, Form, kind_name_of, left_out_of, name_of, uid_of

if TYPE_CHECKING:
    from auditor.cluster.discovery import Discovery

ABOUT: Final = frozenset({"rights", "watcher", "coverage", "policy"})
"""What keeps findings from being known, of all that may be wrong with an installation; kinds are looked at by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finding, as its report has it."""

    kind: str
    """`plural.group`."""
    scope: JsonObject
    result: Result
    severity: Severity
    policy: str
    rule: str
    message: str
    path: str = ""
    remediation: str = ""
    fingerprint: str = ""
    exception: str = ""
    source: Kind = Kind.CHECK
    since: datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.policy}/{self.rule}" if self.rule else self.policy

    @property
    def excusable(self) -> bool:
        """By a PolicyException."""
        return self.source is Kind.POLICY and self.result in (Result.FAIL, Result.WARN)


@dataclass(slots=True)
class Found:
    rows: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Reports that have no room for all findings of their object, as sentences."""
    gaps: list[str] = field(default_factory=list)
    """Why there may be more to find than what is told."""


def read_reports(
    client: Client, discovery: "Discovery", facts: Facts, sought: Sequence[Sought], *, namespace: str
) -> Found:
    """Of the objects and kinds that are sought; of none, all. An empty namespace means the whole cluster."""
    forms = FORMS[choose_api(facts)]
    found = Found()
    try:
        _fill(found, client, discovery, forms, sought, namespace)
    except UnknownKindError as error:  # then nothing was ever reported
        found.gaps.append(f"reports: {error}")
    if namespace and not found.rows:
        _check_namespace(client, namespace)
    found.gaps += find_gaps(facts, sought, namespace=namespace)
    return found


def _check_namespace(client: Client, name: str) -> None:
    """That nothing is reported there is not to be taken for a clean one if there is none."""
    try:
        client.get(NAMESPACES, name)
    except NotFoundError as error:
        raise InputError(f"there is no namespace {name}") from error
    except ForbiddenError:  # who may read reports of one namespace need not be allowed to read namespaces
        return


def _fill(
    found: Found,
    client: Client,
    discovery: "Discovery",
    forms: tuple[Form, Form],
    sought: Sequence[Sought],
    namespace: str,
) -> None:
    if not sought:
        for form in forms if not namespace else forms[:1]:
            _take(found, client.list(_resource(discovery, form), namespace=namespace, labels=SELECTOR))
    for each in sought:
        form = forms[0 if each.resource.namespaced else 1]
        reports = _resource(discovery, form)
        if each.name:
            _take(found, _of_object(client, reports, each))
        else:  # by the annotation, as the label of a long name is a hash
            listed = client.list(reports, namespace=each.namespace, labels=SELECTOR)
            _take(found, (report for report in listed if kind_name_of(report) == each.resource.name))


def choose_api(facts: Facts) -> ReportApi:
    """The one that the watcher writes."""
    api = read_settings(facts.config).reports.api
    if api is ReportApi.NONE:
        raise UsageError(
            "no reports are written here, as spec.reports.api of AuditConfig default says: `auditor scan --cluster` "
            "judges the objects now"
        )
    return api


def _resource(discovery: "Discovery", form: Form) -> Resource:
    return discovery.find_exact(form.api_version, form.kind)


def _of_object(client: Client, reports: Resource, sought: Sought) -> Iterator[JsonObject]:
    """An object that is not there has no findings, which is not to be taken for a clean one: NotFoundError."""
    thing = client.get(sought.resource, sought.name, namespace=sought.namespace)
    try:
        yield client.get(reports, name_of(dig_text(thing, "metadata", "uid")), namespace=sought.namespace)
    except NotFoundError:
        return


def _take(found: Found, reports: Iterable[JsonObject]) -> None:
    for report in reports:
        read_report(found, report)


def read_report(found: Found, report: JsonObject) -> None:
    if not uid_of(dig_text(report, "metadata", "name")):
        return
    about = name_object(dig(report, "scope"))
    for each in dig_list(report, "results"):
        try:
            found.rows.append(_read_row(report, each))
        except (ValueError, OverflowError, OSError) as error:
            found.gaps.append(f"a row in the report of {about} is not as we write it: {error}")
    if more := left_out_of(report):
        found.left_out.append(f"the report of {about} has no room for {more} more findings")


def name_object(scope: Json) -> str:
    """As kubectl prints it: `databasecluster/main`, with the namespace where there is one."""
    kind, name, namespace = (dig_text(scope, part) for part in ("kind", "name", "namespace"))
    return f"{kind.lower()}/{name}" + (f" in {namespace}" if namespace else "")


def _read_row(report: JsonObject, row: Json) -> Row:
    """Raises ValueError and its kin for what somebody else has written into it."""
    properties = dig(row, "properties")
    seconds = dig(row, "timestamp", "seconds")
    return Row(
        kind=kind_name_of(report),
        scope=dig_object(report, "scope"),
        result=Result(dig_text(row, "result")),
        severity=Severity(dig_text(row, "severity")),
        policy=dig_text(row, "policy"),
        rule=dig_text(row, "rule"),
        message=dig_text(row, "message"),
        path=dig_text(properties, "path"),
        remediation=dig_text(properties, "remediation"),
        fingerprint=dig_text(properties, "resultID"),
        exception=dig_text(properties, "exception"),
        source=Kind(dig_text(properties, "kind")),
        since=datetime.fromtimestamp(seconds, UTC) if type(seconds) is int else None,
    )


def find_gaps(facts: Facts, sought: Sequence[Sought], *, namespace: str) -> Iterator[str]:
    """Why no finding does not mean that all is well: of what is sought, or of everything."""
    for trouble in find_wrong(facts):
        if trouble.incomplete and (trouble.about in ABOUT or (trouble.about == "kind" and not sought)):
            yield f"{trouble.about}{' ' if trouble.name else ''}{trouble.name}: {trouble.message}"
    if namespace in read_settings(facts.config).excluded_namespaces:
        yield f"namespace {namespace} is excluded by AuditConfig default: nothing in it is judged"
    covered = {name_kind(dig_text(each, "group"), dig_text(each, "resource")): each for each in facts.coverage}
    # Of an object that could not be judged its own report tells, so the others of its kind do not matter.
    wholes = {each.resource.name: not each.name for each in sought}
    for kind, whole in wholes.items():
        if reason := _why_not(covered.get(kind), whole=whole):
            yield f"kind {kind}: {reason}"


def _why_not(entry: JsonObject | None, *, whole: bool) -> str:
    if entry is None:
        return "nothing is known of it: the watcher does not follow it, or has not read it yet"
    reason = dig_text(entry, "reason")
    if is_excluded(entry):
        return f"left out on purpose: {reason}" if reason else "left out on purpose"
    if not is_readable(entry):
        return reason or "it cannot be read"
    if whole and dig(entry, "notEvaluated") != 0:
        return reason or "not all of its objects are evaluated"
    return ""
