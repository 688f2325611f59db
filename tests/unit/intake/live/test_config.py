"""AuditConfigs as settings: defaults as in the CRD, kinds over all kinds, and how far ahead exceptions may end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auditor.intake.live.config import latest_end, read_duration, read_settings, too_long_by
from auditor.intake.live.reading import read_live_settings
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.policy import Severity
from auditor.model.settings import AuditSettings, Check, Reading, ReportApi

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def config(**spec: Any) -> JsonObject:
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "AuditConfig",
        "metadata": {"name": "default", "generation": 3},
        "spec": spec,
    }


def read(**spec: Any) -> AuditSettings:
    """With the defaults of the CRD, as the API server fills them in."""
    settings, mistakes = read_live_settings(config(**spec))
    assert mistakes == []
    assert settings is not None
    return settings


def test_without_one_and_with_an_empty_one_the_same_is_in_force() -> None:
    assert read_settings(None) == AuditSettings()
    filled, bare = read(), read_settings(config())
    assert filled == bare
    assert (filled.default, filled.reports, filled.reading) == (
        AuditSettings().default,
        AuditSettings().reports,
        Reading.LISTED,
    )
    assert (filled.generation, filled.exception_days) == (3, 365)


def test_all_that_can_be_said_is_read() -> None:
    settings = read(
        checks={"schema": {"enabled": False}, "bypass": {"severity": "critical"}, "reconcile": {"lag": "90s"}},
        managers=["argocd-controller"],
        exclude={"users": ["system:serviceaccount:backup:restore"], "namespaces": ["sandbox"]},
        exceptions={"maxDays": 30},
        reports={"api": "none", "passes": True, "maxFindingsPerObject": 7, "maxReports": 9},
        reading={"mode": "all"},
    )
    checks = settings.default.checks
    assert checks[Check.SCHEMA].enabled is False
    assert checks[Check.SCHEMA].severity is Severity.MEDIUM
    assert (checks[Check.BYPASS].enabled, checks[Check.BYPASS].severity) == (True, Severity.CRITICAL)
    assert (checks[Check.RECONCILE].lag, checks[Check.RECONCILE].deletion) == (
        timedelta(seconds=90),
        timedelta(hours=1),
    )
    assert settings.default.managers == {"argocd-controller"}
    assert settings.excluded_users == {"system:serviceaccount:backup:restore"}
    assert settings.excluded_namespaces == {"sandbox"}
    assert settings.exception_days == 30
    assert (settings.reports.api, settings.reports.passes, settings.reports.max_findings) == (ReportApi.NONE, True, 7)
    assert settings.reports.max_reports == 9
    assert settings.reading is Reading.ALL


def test_what_a_kind_says_is_laid_over_what_is_said_of_all() -> None:
    settings = read(
        checks={"schema": {"severity": "high"}, "reconcile": {"lag": "1h", "deletion": "2h"}},
        managers=["flux"],
        kinds=[
            {"group": "db.example.com", "resource": "databases", "checks": {"reconcile": {"lag": "1d"}}},
            {
                "group": "",
                "resource": "services",
                "follow": False,
                "managers": [],
                "checks": {"schema": {"enabled": False}},
            },
        ],
    )
    databases, services = settings.of("db.example.com", "databases"), settings.of("", "services")
    assert (databases.follow, databases.named, databases.managers) == (True, True, frozenset({"flux"}))
    lag, deletion = databases.checks[Check.RECONCILE].lag, databases.checks[Check.RECONCILE].deletion
    assert (lag, deletion) == (timedelta(days=1), timedelta(hours=2))
    assert databases.checks[Check.SCHEMA].severity is Severity.HIGH
    assert (services.follow, services.managers) == (False, frozenset())
    assert services.checks[Check.SCHEMA].enabled is False
    assert settings.of("other.example.com", "things") == settings.default
    assert not settings.default.named


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("9999999d", 36_500 * 86400)]
)
def test_durations(text: str, seconds: int) -> None:
    assert read_duration(text).total_seconds() == seconds


def test_one_that_is_wrong_says_what_is() -> None:
    settings, mistakes = read_live_settings(config(reading={"mode": "some"}))
    assert settings is None
    assert [each.pointer for each in mistakes] == ["/spec/reading/mode"]


def test_an_exception_that_reaches_too_far_ahead() -> None:
    settings = AuditSettings(exception_days=10)
    at_the_limit = exception(latest_end(settings, NOW))
    assert too_long_by(at_the_limit, settings, NOW) == 0
    assert too_long_by(exception(NOW + timedelta(days=11)), settings, NOW) == 86400
    assert too_long_by(exception(NOW + timedelta(days=11)), settings, NOW + timedelta(days=1)) == 0
    assert too_long_by(exception(datetime.max.replace(tzinfo=UTC)), settings, NOW) > 0
    assert too_long_by(exception(datetime.min.replace(tzinfo=UTC)), settings, NOW) < 0


def exception(expires: datetime) -> PolicyException:
    return PolicyException(
        namespace="n", name="e", policies=("*",), rules=(), match=None, owner="o", reason="r", expires=expires
    )
