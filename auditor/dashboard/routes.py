"""All that the dashboard has, once: each line is a page, a path of the API, and a part of its description."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson

from auditor.dashboard.answers import denials, findings, reports, standing, story, version
from auditor.dashboard.answers.asked import Asked, Parameter
from auditor.dashboard.answers.desk import Desk
from auditor.dashboard.api.plain import dump
from auditor.json import Json
from auditor.report.compliance import Compliance
from auditor.report.compliance.overview import Overview

API: Final = "/api/v1"


def dump_report(report: object) -> Json:
    """With its digest: what `auditor report -o json` writes."""
    assert isinstance(report, Compliance)  # noqa: S101 - for the types
    return orjson.loads(reports.write(report, "json"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    name: str
    title: str
    path: str
    """Of the page; empty: there is none."""
    ask: Callable[[Desk, Asked], object]
    answer: type
    parameters: tuple[Parameter, ...] = ()
    within: str = ""
    """The route in the navigation that it belongs to; empty: it stands there itself."""
    api_path: str = ""
    """Where that of the page would not do."""
    dump: Callable[[object], Json] = dump

    @property
    def api(self) -> str:
        return self.api_path or self.path

    @property
    def template(self) -> str:
        return f"{self.name}.html"


ROUTES: Final = (
    Route(
        name="overview",
        title="Overview",
        path="/",
        api_path="/overview",
        ask=standing.ask_overview,
        answer=Overview,
    ),
    Route(
        name="findings",
        title="Findings",
        path="/findings",
        ask=findings.ask_findings,
        answer=findings.FindingsPage,
        parameters=findings.PARAMETERS,
    ),
    Route(
        name="finding",
        title="Finding",
        path="/findings/<fingerprint>",
        ask=story.ask_finding,
        answer=story.FindingStory,
        within="findings",
    ),
    Route(
        name="policies",
        title="Policies",
        path="/policies",
        ask=standing.ask_policies,
        answer=standing.Lines,
        parameters=standing.FIND,
    ),
    Route(
        name="policy",
        title="Policy",
        path="/policies/<kind>/<name>",
        ask=standing.ask_policy,
        answer=standing.PolicyStory,
        within="policies",
    ),
    Route(
        name="namespaces",
        title="Namespaces",
        path="/namespaces",
        ask=standing.ask_namespaces,
        answer=standing.Lines,
        parameters=standing.FIND,
    ),
    Route(
        name="kinds",
        title="Kinds",
        path="/kinds",
        ask=standing.ask_kinds,
        answer=standing.Kinds,
        parameters=standing.FIND,
    ),
    Route(
        name="controls",
        title="Controls",
        path="/controls",
        ask=standing.ask_controls,
        answer=standing.Controls,
        parameters=standing.FIND,
    ),
    Route(
        name="exceptions",
        title="Exceptions",
        path="/exceptions",
        ask=standing.ask_exceptions,
        answer=standing.Exceptions,
        parameters=standing.FIND,
    ),
    Route(
        name="denials",
        title="Denials",
        path="/denials",
        ask=denials.ask_denials,
        answer=denials.Decisions,
        parameters=denials.PARAMETERS,
    ),
    Route(
        name="report",
        title="Report",
        path="",
        api_path="/report",
        ask=reports.ask_report,
        answer=Compliance,
        parameters=reports.PARAMETERS,
        dump=dump_report,
    ),
    Route(
        name="version",
        title="Version",
        path="",
        api_path="/version",
        ask=version.ask_version,
        answer=version.Version,
    ),
)
