"""An AuditConfig as settings. What it leaves open is as in the CRD, and so is all of it where there is none."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.policy import Severity
from auditor.model.settings import (
    DEFAULT_CHECKS,
    AuditSettings,
    Check,
    CheckSettings,
    KindSettings,
    Reading,
    ReportApi,
    ReportSettings,
)

NAME: Final = "default"
"""There is one, and the CRD takes no other name."""
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=36_500)
"""The CRD takes more, and a time that is added to leaves the calendar then."""


def read_settings(thing: JsonObject | None) -> AuditSettings:
    """`thing` is as the CRD has it, with or without the defaults that the API server fills in."""
    if thing is None:
        return AuditSettings()
    spec = thing.get("spec") or {}
    plain = AuditSettings()
    checks = _checks(spec.get("checks") or {}, DEFAULT_CHECKS)
    default = KindSettings(checks=checks, managers=frozenset(spec.get("managers") or ()))
    exclude = spec.get("exclude") or {}
    return AuditSettings(
        default=default,
        kinds={(each["group"], each["resource"]): _kind(each, default) for each in spec.get("kinds") or ()},
        excluded_users=frozenset(exclude.get("users") or ()),
        excluded_namespaces=frozenset(exclude.get("namespaces") or ()),
        exception_days=(spec.get("exceptions") or {}).get("maxDays", plain.exception_days),
        reports=_reports(spec.get("reports") or {}),
        reading=Reading((spec.get("reading") or {}).get("mode", plain.reading)),
        generation=int((thing.get("metadata") or {}).get("generation") or 0),
    )


def _kind(each: JsonObject, default: KindSettings) -> KindSettings:
    managers = each.get("managers")
    return KindSettings(
        follow=each.get("follow", True) is not False,
        named=True,
        checks=_checks(each.get("checks") or {}, default.checks),
        managers=default.managers if managers is None else frozenset(managers),
    )


def _checks(given: JsonObject, others: Mapping[Check, CheckSettings]) -> Mapping[Check, CheckSettings]:
    """What is absent is as in `others`."""
    return {check: _check(given.get(check) or {}, others[check]) for check in Check}


def _check(given: JsonObject, other: CheckSettings) -> CheckSettings:
    severity = given.get("severity")
    return replace(
        other,
        enabled=given.get("enabled", other.enabled) is True,
        severity=Severity(severity) if severity else other.severity,
        lag=read_duration(given["lag"]) if "lag" in given else other.lag,
        deletion=read_duration(given["deletion"]) if "deletion" in given else other.deletion,
    )


def read_duration(text: str) -> timedelta:
    """`90s`, `10m`, `2h` or `1d`."""
    count = int(text[:-1])
    return min(timedelta(**{_UNITS[text[-1]]: count}), _LONGEST)


def _reports(given: JsonObject) -> ReportSettings:
    plain = ReportSettings()
    return ReportSettings(
        api=ReportApi(given.get("api", plain.api)),
        passes=given.get("passes", plain.passes) is True,
        max_findings=given.get("maxFindingsPerObject", plain.max_findings),
        max_reports=given.get("maxReports", plain.max_reports),
    )


def latest_end(settings: AuditSettings, now: datetime) -> datetime:
    """Of exceptions that are written now."""
    return now + timedelta(days=settings.exception_days)


def too_long_by(exception: PolicyException, settings: AuditSettings, now: datetime) -> float:
    """Seconds by which it reaches further ahead than exceptions may; 0 or less: it does not.

    Counted from now, at any time: that is the same for all who ask, and whoever writes its end anew begins anew. One
    that reached too far when it got in begins to excuse when its end is near enough.
    """
    return (exception.expires - latest_end(settings, now)).total_seconds()
