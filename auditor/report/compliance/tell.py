"""A report as sections of tables, for all formats that people read: they differ in how they write, not in what."""

from collections.abc import Iterable, Sequence
from typing import Final

from auditor.model.policy import Kind
from auditor.report.compliance.cells import UNKNOWN, Cell, Percent, Points, Section
from auditor.report.compliance.tree import Compliance, Flow, Line, Movement, Open, Results


def tell(report: Compliance) -> Sequence[Section]:
    """All of it, in the order in which it is read. Sections without rows say in their note that there is nothing."""
    return (
        _tell_summary(report),
        _tell_missing(report),
        _tell_trend(report),
        _tell_severities(report),
        _tell_ages(report),
        _tell_controls(report),
        _tell_rules(report),
        _tell_lines("policies", "Policies", report.policies, kind=True),
        _tell_lines("namespaces", "Namespaces", report.namespaces),
        _tell_lines("kinds", "Kinds", report.kinds),
        _tell_findings(report),
        _tell_resolved(report),
        _tell_exceptions(report),
        _tell_coverage(report),
        _tell_admissions(report),
        _tell_denied(report),
        _tell_denials(report),
        _tell_drift(report),
        _tell_news(report),
    )


def describe_scope(report: Compliance) -> str:
    scope = report.scope
    parts = [
        f"{name}: {', '.join(sorted(values)) or 'none'}"
        for name, values in (
            ("namespaces", scope.namespaces),
            ("kinds", scope.kinds or None),
            ("policies", scope.policies or None),
        )
        if values is not None
    ]
    if scope.severity is not None:
        parts.append(f"severity {scope.severity} and worse")
    if scope.framework:
        parts.append(f"framework {scope.framework}")
    return "; ".join(parts) or "the whole cluster"


def _tell_summary(report: Compliance) -> Section:
    results, opened, moved, before = report.results, report.open, report.movement, report.open_before
    rows: list[tuple[str, Cell]] = [
        ("cluster", report.cluster.label),
        ("cluster id", report.cluster.uid),
        ("period", str(report.period)),
        ("scope", describe_scope(report)),
        ("compliance", Percent(report.percent)),
        ("change since the period before", Points(report.change)),
        ("complete", "yes" if report.complete else "no"),
        ("results counted at", report.counted_at),
        ("watched by auditor", ", ".join(report.recorded_by) or UNKNOWN),
        *zip(("passes", "fails", "warnings", "errors", "excused"), _five(results), strict=True),
        *((f"open {name}", value) for name, value in zip(_OPEN, _open_cells(opened), strict=True)),
        ("open violations at the beginning", None if before is None else before.violations),
        *zip(_MOVED, _moved_cells(moved), strict=True),
        ("changed meanwhile", None if moved is None else moved.changed),
        ("excused meanwhile", None if moved is None else moved.excused),
        ("coverage, by pairs of kind and policy", Percent(report.coverage.percent)),
    ]
    return Section(name="summary", title="Summary", heads=("what", "value"), rows=tuple(rows), note=_SUMMARY)


_SUMMARY: Final = (
    "Compliance is passes over passes and fails. These are results: one of each rule on each object that it matches. "
    "What is open, opened and resolved are findings: what is wrong at one place of one object."
)


_RESULTS: Final = ("compliance", "passes", "fails", "warnings", "errors", "excused")
_OPEN: Final = ("violations", "warnings", "errors", "excused", "overdue")
_MOVED: Final = ("opened", "reopened", "resolved", "mean time to repair")


def _five(results: Results | None) -> tuple[Cell, ...]:
    if results is None:
        return (None,) * 5
    return (results.passes, results.fails, results.warns, results.errors, results.excused)


def _result_cells(results: Results | None) -> tuple[Cell, ...]:
    return (None,) * 6 if results is None else (Percent(results.percent), *_five(results))


def _open_cells(opened: Open | None) -> tuple[Cell, ...]:
    if opened is None:
        return (None,) * 5
    return (opened.violations, opened.warnings, opened.errors, opened.excused, opened.overdue)


def _moved_cells(moved: Movement | None) -> tuple[Cell, ...]:
    if moved is None:
        return (None,) * 4
    mean: Cell = "none" if moved.repair_time is None else moved.repair_time
    return (moved.opened, moved.reopened, moved.resolved, mean)


def _flow_cells(flow: Flow | None) -> tuple[Cell, ...]:
    return (None,) * 3 if flow is None else (flow.opened, flow.reopened, flow.resolved)


def _tell_missing(report: Compliance) -> Section:
    return Section(
        name="missing",
        title="What is not known",
        heads=("what",),
        rows=tuple((sentence,) for sentence in report.missing),
        note="" if report.missing else "Nothing is missing in the history of this period.",
    )


def _tell_trend(report: Compliance) -> Section:
    return Section(
        name="trend",
        title="Trend",
        heads=("period", *_RESULTS, "opened", "reopened", "resolved"),
        rows=tuple((str(each.period), *_result_cells(each.results), *_flow_cells(each.flow)) for each in report.trend),
        note="Results are those at the end of each period.",
    )


def _tell_severities(report: Compliance) -> Section:
    return Section(
        name="severities",
        title="Findings by severity",
        heads=("severity", *_OPEN, *_MOVED, "overdue after"),
        rows=tuple(
            (
                str(each.severity),
                *_open_cells(each.open),
                *_moved_cells(each.movement),
                each.allowed if each.allowed is not None else "never",
            )
            for each in report.severities
        ),
    )


def _tell_ages(report: Compliance) -> Section:
    ages = report.ages
    cells: tuple[Cell, ...] = (None,) * 6
    if ages is not None:
        oldest: Cell = "none" if ages.oldest is None else ages.oldest
        cells = (ages.day, ages.week, ages.month, ages.quarter, ages.older, oldest)
    return Section(
        name="ages",
        title="Age of open violations",
        heads=("up to 1 day", "up to 7 days", "up to 30 days", "up to 90 days", "older", "oldest"),
        rows=(cells,),
    )


def _tell_controls(report: Compliance) -> Section:
    return Section(
        name="controls",
        title="Controls",
        heads=("control", "status", *_RESULTS),
        rows=tuple((each.control, each.status, *_result_cells(each.results)) for each in report.controls),
        note=_CONTROLS if report.controls else "No policy names a control.",
    )


_CONTROLS: Final = "A control passes only if all its rules were evaluated, and none was violated."


def _tell_rules(report: Compliance) -> Section:
    return Section(
        name="rules",
        title="Rules behind the controls",
        heads=("control", "policy", "rule", "severity", *_RESULTS, "not evaluated, because"),
        rows=tuple(
            (
                control.control,
                name_policy(rule.policy_kind, rule.policy),
                rule.rule,
                str(rule.severity or UNKNOWN),
                *_result_cells(rule.results),
                rule.gap,
            )
            for control in report.controls
            for rule in control.rules
        ),
        note="" if report.controls else "There are none.",
    )


def name_policy(kind: str, policy: str) -> str:
    """Ours have their names alone."""
    return policy if kind == Kind.POLICY else f"{kind}/{policy}"


def _tell_lines(name: str, title: str, lines: Iterable[Line], *, kind: bool = False) -> Section:
    rows = tuple(
        (
            name_policy(each.kind, each.name) if kind else each.name or "(cluster-scoped)",
            *((each.title,) if kind else ()),
            *_result_cells(each.results),
            *_open_cells(each.open),
        )
        for each in lines
    )
    heads = (_ONE[name], *(("title",) if kind else ()), *_RESULTS, *(f"open {word}" for word in _OPEN))
    return Section(name=name, title=title, heads=heads, rows=rows, note="" if rows else "Nothing was evaluated.")


_ONE: Final = {"policies": "policy", "namespaces": "namespace", "kinds": "kind"}


def _tell_findings(report: Compliance) -> Section:
    rows = tuple(
        (
            str(each.result),
            str(each.severity),
            f"{name_policy(each.policy_kind, each.policy)}/{each.rule}" if each.rule else each.policy,
            name_object(each.kind, each.namespace, each.name),
            each.path,
            each.message,
            f"excused by {each.excused_by}" if each.excused_by else each.remediation,
            each.writer,
            ", ".join(each.controls),
            each.since,
            report.period.end - each.since,
            "yes" if each.new else "no",
            "yes" if each.overdue else "no",
            each.fingerprint,
        )
        for each in report.violations
    )
    heads = ("result", "severity", "rule", "object", "path", "message", "what to do", "written by", "controls")
    note = "" if rows else UNKNOWN if report.open is None else "Nothing is open."
    return Section(
        name="findings",
        title="Open findings",
        heads=(*heads, "since", "age", "new", "overdue", "fingerprint"),
        rows=rows,
        note=note,
        left=report.violations_left,
    )


def name_object(kind: str, namespace: str, name: str) -> str:
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _tell_resolved(report: Compliance) -> Section:
    rows = tuple(
        (
            str(each.severity),
            f"{each.policy}/{each.rule}" if each.rule else each.policy,
            name_object(each.kind, each.namespace, each.name),
            each.at,
            each.after,
            each.fingerprint,
        )
        for each in report.resolved
    )
    return Section(
        name="resolved",
        title="Resolved findings",
        heads=("severity", "rule", "object", "resolved", "after", "fingerprint"),
        rows=rows,
        note="" if rows else UNKNOWN if report.movement is None else "Nothing was resolved.",
        left=report.resolved_left,
    )


def _tell_exceptions(report: Compliance) -> Section:
    rows = tuple(
        (
            f"{each.namespace}/{each.name}",
            each.state,
            ", ".join(each.policies),
            ", ".join(each.rules) or "all",
            each.owner,
            each.reason,
            each.expires,
            each.excuses,
        )
        for each in report.exceptions
    )
    heads = ("exception", "state", "policies", "rules", "owner", "reason", "expires", "findings excused")
    note = "" if rows else "There are none, and none ended."
    return Section(name="exceptions", title="Exceptions", heads=heads, rows=rows, note=note)


def _tell_coverage(report: Compliance) -> Section:
    coverage = report.coverage
    rows = tuple(
        (
            each.kind,
            each.present,
            each.not_evaluated,
            "yes" if each.stale else "no",
            each.reason,
            ", ".join(each.policies),
        )
        for each in coverage.gaps
    )
    left = f" {coverage.excluded} are left out on purpose." if coverage.excluded else ""
    note = f"{len(rows)} of {coverage.kinds} kinds are not fully evaluated.{left}"
    return Section(
        name="coverage",
        title="Not evaluated",
        heads=("kind", "objects", "not evaluated", "stale", "why", "policies"),
        rows=rows,
        note=note,
    )


def _tell_admissions(report: Compliance) -> Section:
    each = report.admissions
    return Section(
        name="admissions",
        title="Admissions",
        heads=("reviews", "denied", "warned", "mutated", "errors", "bypassed", "answered too late"),
        rows=((each.reviews, each.denied, each.warned, each.mutated, each.errors, each.bypassed, each.late),),
        note=" ".join(
            (
                *(("No door told of any request.",) if each.reviews == 0 else ()),
                *((_ALL_REQUESTS,) if report.scope.framework or report.scope.severity is not None else ()),
            )
        ),
    )


_ALL_REQUESTS: Final = "Requests are not told apart by severity or framework: these are all of the rest of the scope."


def _tell_denied(report: Compliance) -> Section:
    rows = tuple(report.admissions.by_policy)
    note = "" if rows else "No policy denied anything."
    return Section(name="denied", title="Denied by policy", heads=("policy", "denied"), rows=rows, note=note)


def _tell_denials(report: Compliance) -> Section:
    rows = tuple(
        (
            each.at,
            each.what,
            each.operation,
            name_object(each.kind, each.namespace, each.name),
            each.user,
            each.policy,
        )
        for each in report.admissions.recent
    )
    heads = ("when", "what", "operation", "object", "user", "policy")
    note = "" if rows else "There are none."
    return Section(name="denials", title="Latest denials and bypasses", heads=heads, rows=rows, note=note)


def _tell_drift(report: Compliance) -> Section:
    rows = tuple((each.check, *_open_cells(each.open), *_moved_cells(each.movement)) for each in report.drift)
    heads = ("check", *(f"open {word}" for word in _OPEN), *_MOVED)
    note = "" if rows else "No check found anything."
    return Section(name="drift", title="Drift", heads=heads, rows=rows, note=note)


def _tell_news(report: Compliance) -> Section:
    rows = tuple(
        (each.at, name_policy(each.kind, each.policy), each.title, each.what, each.generation)
        for each in report.policy_news
    )
    heads = ("when", "policy", "title", "what", "generation")
    note = "" if rows else "No policy changed."
    return Section(name="news", title="Changes of policies", heads=heads, rows=rows, note=note)
