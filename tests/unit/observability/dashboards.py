"""Writes the dashboards of Grafana: python -m tests.unit.observability.dashboards.

What a person decides about a panel (question, unit, words) stands here; ids, places and the forms of Grafana follow.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.json import Json, JsonObject
from tests.unit.observability.queries import FILES

WIDTH: Final = 24
"""Of a dashboard, in Grafana's columns."""
SCHEMA: Final = 39
"""Of dashboards, as Grafana 11 writes them; newer ones read it."""
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    title: str
    told: str
    """For whoever asks what it shows, and what to do about it."""
    queries: Sequence[tuple[str, str]]
    """What is asked, and the legend of its lines."""
    unit: str = "short"
    runbook: str = ""
    """The alert whose page tells more."""
    bad: float | None = None
    """From here on it is red; below zero: the other way round, so that 1 is good and less is bad."""
    stat: bool = False
    width: int = 8
    height: int = 7


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Panel]


def stat(
    title: str, told: str, expr: str, *, unit: str = "short", bad: float | None = None, runbook: str = ""
) -> Panel:
    return Panel(
        title=title, told=told, queries=[(expr, "")], unit=unit, bad=bad, runbook=runbook, stat=True, width=4, height=4
    )


ONE: Final = '{job=~"$job"}'
LEADS: Final = 'on (job, instance) auditor_cluster_leading{job=~"$job", lease=~".+-webhook"} == 1'


def quantiles(name: str, by: str = "") -> list[tuple[str, str]]:
    labels = f"{by}, le" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return [
        (
            f"histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket{ONE}[$__rate_interval])))",
            f"p{share * 100:.0f}{legend}",
        )
        for share in (0.5, 0.99)
    ]


def found(result: str) -> str:
    return f'rate(auditor_webhook_findings_total{{job=~"$job", result="{result}"}}[$__rate_interval])'


def results(operator: str, result: str) -> str:
    return f'auditor_audit_results{{job=~"$job", result{operator}"{result}"}}'


PROCESSES: Final = Row(
    "Processes",
    [
        Panel(
            title="CPU",
            told="Cores that each process uses, without the processes that run rules.",
            queries=[(f"rate(process_cpu_seconds_total{ONE}[$__rate_interval])", "{{instance}}")],
            width=6,
        ),
        Panel(
            title="Memory of the container",
            told="The share of its limit that it uses; beyond it the kernel ends it. Nothing where there is no limit.",
            queries=[(f"auditor_memory_bytes{ONE} / auditor_memory_limit_bytes{ONE}", "{{instance}}")],
            unit="percentunit",
            runbook="AuditorMemoryNearLimit",
            bad=0.9,
            width=6,
        ),
        Panel(
            title="Memory of the process",
            told="Of the process itself, without the processes that run rules.",
            queries=[(f"process_resident_memory_bytes{ONE}", "{{instance}}")],
            unit="bytes",
            width=6,
        ),
        Panel(
            title="Starts",
            told="How often a process was started in half an hour.",
            queries=[(f"changes(process_start_time_seconds{ONE}[30m])", "{{instance}}")],
            runbook="AuditorRestarts",
            bad=3,
            width=6,
        ),
        Panel(
            title="Calls to the API server",
            told="By answer. 0: there was none; 429: it asks us to wait.",
            queries=[(f"sum by (code) (rate(auditor_cluster_calls_total{ONE}[$__rate_interval]))", "{{code}}")],
            unit="reqps",
            runbook="AuditorApiServerFails",
        ),
        Panel(
            title="Time of calls to the API server",
            told="Until the answer began: a watch is a call, too.",
            queries=quantiles("auditor_cluster_call_seconds", "verb"),
            unit="s",
        ),
        Panel(
            title="Rules that were stopped",
            told="They took too much time or memory (rule), or their process ended (outside): errors all.",
            queries=[
                (
                    f"sum by (language, reason) (rate(auditor_expression_stops_total{ONE}[$__rate_interval]))",
                    "{{language}} {{reason}}",
                )
            ],
            unit="ops",
            runbook="AuditorExpressionsStopped",
        ),
    ],
)

DOOR: Final = [
    Row(
        "At a glance",
        [
            stat(
                "Replicas ready",
                "Those that may be asked.",
                f"sum(auditor_webhook_ready{ONE})",
                bad=-1,
                runbook="AuditorDoorDown",
            ),
            stat(
                "Registered as it has to be",
                "1: all of it, as who leads says.",
                f"min(auditor_registration_in_force{ONE} and {LEADS})",
                bad=-1,
                runbook="AuditorNotRegistered",
            ),
            stat(
                "Policies that do not compile",
                "stale: the last good form is in force; wrong: whatever they match is an error.",
                'max(sum by (instance) (auditor_webhook_policies{job=~"$job", state=~"stale|wrong"}))',
                bad=1,
                runbook="AuditorPolicyWrong",
            ),
            stat(
                "Requests that cannot be judged",
                "Of all requests. The failurePolicy decides on them.",
                f"sum(rate(auditor_webhook_errors_total{ONE}[$__rate_interval]))"
                f" / sum(rate(auditor_webhook_requests_total{ONE}[$__rate_interval]))",
                unit="percentunit",
                bad=0.05,
                runbook="AuditorDoorRefusesByErrors",
            ),
            stat(
                "Slowest of a hundred reviews",
                "The API server waits for 10 s, unless a policy says otherwise.",
                f"histogram_quantile(0.99, sum by (le) (rate(auditor_webhook_seconds_bucket{ONE}[$__rate_interval])))",
                unit="s",
                bad=1,
                runbook="AuditorDoorSlow",
            ),
            stat(
                "First certificate ends in",
                "Serving certificates are renewed when 30 of their 90 days are left.",
                f"min(auditor_webhook_certificate_expiry_timestamp_seconds{ONE}) - time()",
                unit="s",
                bad=-14 * 86400,
                runbook="AuditorCertificateEnds",
            ),
        ],
    ),
    Row(
        "Reviews",
        [
            Panel(
                title="Reviews by outcome",
                told="allowed, patched, denied, errored (it could not be judged).",
                queries=[
                    (f"sum by (outcome) (rate(auditor_webhook_requests_total{ONE}[$__rate_interval]))", "{{outcome}}")
                ],
                unit="reqps",
            ),
            Panel(
                title="Time of a review",
                told="From its body to its answer. The name has how a webhook fails, and how long it may take.",
                queries=quantiles("auditor_webhook_seconds", "webhook"),
                unit="s",
                runbook="AuditorDoorSlow",
            ),
            Panel(
                title="What could not be judged",
                told="By reason: cluster, internal, request, unreadable, busy, not ready, conversion.",
                queries=[
                    (
                        f"sum by (webhook, reason) (rate(auditor_webhook_errors_total{ONE}[$__rate_interval]))",
                        "{{webhook}} {{reason}}",
                    )
                ],
                unit="reqps",
                runbook="AuditorDoorErrs",
            ),
            Panel(
                title="Violations by policy",
                told="The ten with the most; what is only audited is among them.",
                queries=[
                    (f"topk(10, sum by (policy) ({found('fail')}))", "{{policy}}"),
                ],
                unit="ops",
            ),
            Panel(
                title="Rules that err, by policy",
                told="An error is never a pass: under failurePolicy Fail it refuses.",
                queries=[
                    (f"topk(10, sum by (policy) ({found('error')}))", "{{policy}}"),
                ],
                unit="ops",
                runbook="AuditorRuleErrs",
            ),
            Panel(
                title="In hand, late, by break-glass",
                told="Reviews under way; answers too late, and admissions by the break-glass group, in an hour.",
                queries=[
                    (f"sum(auditor_webhook_in_flight{ONE})", "in hand"),
                    (f"sum(increase(auditor_webhook_late_total{ONE}[1h]))", "late"),
                    (f"sum(increase(auditor_webhook_break_glass_total{ONE}[1h]))", "by break-glass"),
                ],
                runbook="AuditorDoorLate",
            ),
        ],
    ),
    Row(
        "What it judges by",
        [
            Panel(
                title="Policies by state",
                told="in force; stale: the last good form goes on; wrong: whatever they match is an error.",
                queries=[(f"max by (state) (auditor_webhook_policies{ONE})", "{{state}}")],
                runbook="AuditorPolicyStale",
            ),
            Panel(
                title="Age of what it has heard",
                told="Of each kind that it follows; up to a minute is usual.",
                queries=[
                    (f"max by (resource) (auditor_webhook_cache_age_seconds{ONE})", "{{resource}}"),
                    (f"max(auditor_webhook_lookups_age_seconds{ONE})", "lookups"),
                ],
                unit="s",
                bad=300,
                runbook="AuditorCacheOld",
            ),
            Panel(
                title="TLS handshakes that failed",
                told="refused: the client does not trust us; client: we do not let it in; stalled: it went silent.",
                queries=[
                    (
                        f"sum by (reason) (rate(auditor_webhook_handshake_failures_total{ONE}[$__rate_interval]))",
                        "{{reason}}",
                    )
                ],
                unit="ops",
                runbook="AuditorHandshakesFail",
            ),
        ],
    ),
    Row(
        "Registration and certificates",
        [
            Panel(
                title="Writes",
                told="change: of policies; drift: somebody else had changed what is registered.",
                queries=[
                    (
                        f"sum by (object, reason) (increase(auditor_registration_writes_total{ONE}[1h]))",
                        "{{object}} {{reason}}",
                    )
                ],
                runbook="AuditorRegistrationContested",
            ),
            Panel(
                title="Attempts that failed",
                told="To read or write what is registered, in an hour.",
                queries=[(f"sum by (object) (increase(auditor_registration_failures_total{ONE}[1h]))", "{{object}}")],
                runbook="AuditorRegistrationFails",
            ),
            Panel(
                title="Certificates end in",
                told="Of each replica, and of the authority that issued them.",
                queries=[
                    (
                        f"auditor_webhook_certificate_expiry_timestamp_seconds{ONE} - time()",
                        "{{certificate}} {{instance}}",
                    )
                ],
                unit="s",
                runbook="AuditorCertificateEnds",
            ),
        ],
    ),
    PROCESSES,
]

COMPLIANCE: Final = [
    Row(
        "At a glance",
        [
            stat(
                "Coverage",
                "Pairs of kind and policy that are fully judged.",
                f"min(auditor_audit_coverage_percent{ONE})",
                unit="percent",
                bad=-100,
                runbook="AuditorCoverageLow",
            ),
            stat(
                "Violations",
                "Pairs of rule and object.",
                'sum(auditor_audit_results{job=~"$job", result="fail"})',
                bad=1,
            ),
            stat(
                "Errors", "Rules that gave no result.", 'sum(auditor_audit_results{job=~"$job", result="error"})', bad=1
            ),
            stat(
                "Kinds stale or unread",
                "Of these nobody knows how they are now.",
                'sum(auditor_audit_kinds{job=~"$job", state=~"stale|unread"})',
                bad=1,
                runbook="AuditorKindsUnread",
            ),
            stat(
                "Got past the door",
                "Objects that break a rule which was enforced when they were written.",
                'sum(auditor_audit_results{job=~"$job", policy="Check/bypass", result=~"fail|warn"}) or vector(0)',
                bad=1,
                runbook="AuditorDoorBypassed",
            ),
            stat(
                "Watchers that judge",
                "One leads, or several share the kinds.",
                f"sum(auditor_audit_leading{ONE})",
                bad=-1,
                runbook="AuditorNobodyWatches",
            ),
        ],
    ),
    Row(
        "Compliance",
        [
            Panel(
                title="Results",
                told="Pairs of rule and object, without those that passed.",
                queries=[('sum by (result) (auditor_audit_results{job=~"$job", result!="pass"})', "{{result}}")],
            ),
            Panel(
                title="Violations by policy",
                told="The ten with the most; checks begin with Check/.",
                queries=[
                    ('topk(10, sum by (policy) (auditor_audit_results{job=~"$job", result="fail"}))', "{{policy}}")
                ],
            ),
            Panel(
                title="Share that passes",
                told="Of the pairs of rule and object that gave a result; excused ones do not count.",
                queries=[
                    (f"sum({results('=', 'pass')}) / sum({results('!=', 'skip')})", "passes"),
                ],
                unit="percentunit",
            ),
        ],
    ),
    Row(
        "Coverage",
        [
            Panel(
                title="Kinds by state",
                told="judged, partly (an object or more gave no result), stale, unread, left_out (on purpose).",
                queries=[(f"sum by (state) (auditor_audit_kinds{ONE})", "{{state}}")],
                runbook="AuditorKindsUnread",
            ),
            Panel(
                title="Kinds that cannot be read",
                told="Their findings are of before; auditor status says why, and what to do.",
                queries=[(f"max by (kind) (auditor_audit_kind_stale{ONE}) == 1", "{{kind}}")],
                runbook="AuditorKindStale",
            ),
            Panel(
                title="Since the last complete pass",
                told="Of the ten kinds that wait longest; six hours is usual.",
                queries=[
                    (
                        f"topk(10, time() - max by (kind) (auditor_audit_last_complete_pass_timestamp_seconds{ONE}))",
                        "{{kind}}",
                    )
                ],
                unit="s",
                bad=86400,
                runbook="AuditorPassOld",
            ),
            Panel(
                title="Objects by kind",
                told="The ten kinds with the most.",
                queries=[('topk(10, sum by (kind) (auditor_audit_objects{job=~"$job", state="present"}))', "{{kind}}")],
            ),
            Panel(
                title="Objects judged",
                told="By reason: watch (it changed), or what else made it worth another look.",
                queries=[
                    (f"sum by (reason) (rate(auditor_audit_objects_judged_total{ONE}[$__rate_interval]))", "{{reason}}")
                ],
                unit="ops",
            ),
            Panel(
                title="Rules asked, kinds that wait",
                told="Rules a second by reason, and kinds that are to be judged again.",
                queries=[
                    (f"sum by (reason) (rate(auditor_audit_evaluations_total{ONE}[$__rate_interval]))", "{{reason}}"),
                    (f"sum(auditor_audit_passes_waiting{ONE})", "kinds waiting"),
                ],
            ),
        ],
    ),
    Row(
        "Reports",
        [
            Panel(
                title="From a change to its report",
                told="A second is usual.",
                queries=quantiles("auditor_reports_delay_seconds"),
                unit="s",
                bad=30,
                runbook="AuditorReportsLate",
            ),
            Panel(
                title="Writes",
                told="Nothing changed: nothing is written.",
                queries=[
                    (f"sum(rate(auditor_reports_written_total{ONE}[$__rate_interval]))", "written"),
                    (f"sum(rate(auditor_reports_deleted_total{ONE}[$__rate_interval]))", "deleted"),
                    (f"sum(rate(auditor_reports_failed_total{ONE}[$__rate_interval]))", "failed"),
                ],
                unit="ops",
                runbook="AuditorReportsFail",
            ),
            Panel(
                title="Reports",
                told="Those there are, those to be looked at, and objects with findings that have no room.",
                queries=[
                    (f"max(auditor_reports_present{ONE})", "there"),
                    (f"sum(auditor_reports_waiting{ONE})", "waiting"),
                    (f"sum(auditor_reports_cut{ONE})", "cut"),
                    (f"sum(auditor_reports_beyond_limit{ONE})", "beyond the limit"),
                ],
                runbook="AuditorReportsCut",
            ),
        ],
    ),
    Row(
        "History and deliveries",
        [
            Panel(
                title="History",
                told="Records that wait for the database, and those lost in an hour.",
                queries=[
                    (f"sum(auditor_history_waiting{ONE})", "waiting"),
                    (f"sum(increase(auditor_history_dropped_total{ONE}[1h]))", "lost"),
                ],
                runbook="AuditorHistoryAway",
            ),
            Panel(
                title="Doors",
                told="Whether those that are asked for their decisions answer.",
                queries=[(f"max by (answers) (auditor_audit_doors{ONE})", "{{answers}}")],
                runbook="AuditorDoorUnheard",
            ),
            Panel(
                title="Deliveries",
                told="Reports and notifications, attempts in an hour.",
                queries=[
                    (
                        f"sum by (kind, way, outcome) (increase(auditor_deliveries_total{ONE}[1h])) > 0",
                        "{{kind}} {{way}} {{outcome}}",
                    )
                ],
                runbook="AuditorDeliveryFails",
            ),
        ],
    ),
    PROCESSES,
]


def make(uid: str, title: str, told: str, program: str, rows: Iterable[Row]) -> JsonObject:
    return {
        "uid": uid,
        "title": title,
        "description": told,
        "tags": ["auditor"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "links": [
            {
                "title": "Others of auditor",
                "type": "dashboards",
                "tags": ["auditor"],
                "asDropdown": True,
                "icon": "external link",
            }
        ],
        "templating": {
            "list": [
                {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
                {
                    "name": "job",
                    "label": "Job",
                    "type": "query",
                    "datasource": SOURCE,
                    "definition": f'label_values(auditor_info{{program="{program}"}}, job)',
                    "query": {"query": f'label_values(auditor_info{{program="{program}"}}, job)', "refId": "jobs"},
                    "refresh": 2,
                    "multi": True,
                    "includeAll": True,
                    "current": {"text": ["All"], "value": ["$__all"]},
                },
            ]
        },
        "panels": _place(rows),
    }


def _place(rows: Iterable[Row]) -> list[Json]:
    found: list[Json] = []
    y = 0
    for row in rows:
        found.append(
            {
                "id": len(found) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "panels": [],
                "gridPos": _at(0, y, WIDTH, 1),
            }
        )
        y, x, tallest = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            found.append(_draw(panel, len(found) + 1, _at(x, y, panel.width, panel.height)))
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    return found


def _at(x: int, y: int, width: int, height: int) -> Json:
    return {"x": x, "y": y, "w": width, "h": height}


def _draw(panel: Panel, number: int, place: Json) -> Json:
    link = {"title": "Runbook", "url": f"docs/runbooks/{panel.runbook}.md", "targetBlank": True}
    return {
        "id": number,
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "description": panel.told,
        "datasource": SOURCE,
        "gridPos": place,
        "links": [link] if panel.runbook else [],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": _limits(panel),
                "color": {"mode": "thresholds" if panel.stat else "palette-classic"},
            },
            "overrides": [],
        },
        "options": (
            {
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "colorMode": "value",
                "graphMode": "area",
            }
            if panel.stat
            else {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        ),
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expr, "legendFormat": legend or "__auto"}
            for index, (expr, legend) in enumerate(panel.queries)
        ],
    }


def _limits(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green" if panel.bad is None or panel.bad > 0 else "red", "value": None}]
    if panel.bad is not None:
        steps.append({"color": "red" if panel.bad > 0 else "green", "value": abs(panel.bad)})
    return {"mode": "absolute", "steps": steps}


def write() -> dict[str, str]:
    made = (
        make(
            "auditor-door", "auditor: the door", "Reviews of what is written, and what they rest on.", "webhook", DOOR
        ),
        make(
            "auditor-compliance", "auditor: compliance", "What is stored, judged by the watcher.", "watch", COMPLIANCE
        ),
    )
    return {f"{each['uid'].removeprefix('auditor-')}.json": json.dumps(each, indent=1) + "\n" for each in made}


if __name__ == "__main__":
    for name, text in write().items():
        (FILES / "dashboards" / name).write_text(text)
