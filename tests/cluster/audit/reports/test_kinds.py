"""The kinds of reports: not there, installed later, gone again, installed by others."""

import logging
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from auditor import crds
from auditor.audit.install import install_report_crds
from auditor.cluster import Client
from auditor.cluster.access import dig_text
from auditor.cluster.conditions import find_condition
from auditor.cluster.resource import CRDS
from auditor.model.settings import ReportApi, ReportSettings
from auditor.report.crs import FORMS
from tests.cluster.audit.reports.conftest import (
    CONFIG_MAPS,
    POLICY_REPORTS,
    REPORTS,
    World,
    make_finding,
    remove_crds,
    until,
)


@pytest.mark.parametrize("api", list(FORMS))
def test_installed_where_absent(without_kinds: Client, api: ReportApi) -> None:
    assert install_report_crds(without_kinds, api)
    for form in FORMS[api]:
        found = without_kinds.get(CRDS, form.crd)
        for condition in ("Established", "NamesAccepted"):
            assert dig_text(find_condition(found["status"]["conditions"], condition), "status") == "True"
        assert find_condition(found["status"]["conditions"], "NonStructuralSchema") is None
    assert not install_report_crds(without_kinds, api)


def test_none_is_to_be_installed(without_kinds: Client) -> None:
    assert not install_report_crds(without_kinds, ReportApi.NONE)
    assert not [crd for crd in without_kinds.list(CRDS) if "report" in crd["metadata"]["name"]]


def test_never_over_anothers(without_kinds: Client, shared_data: Path) -> None:
    theirs = yaml.safe_load((shared_data / "reports" / "openreports.io_reports.yaml").read_text())
    made = without_kinds.create(CRDS, theirs)
    assert install_report_crds(without_kinds, ReportApi.OPENREPORTS)  # the other one was missing
    found = without_kinds.get(CRDS, "reports.openreports.io")
    assert found["spec"] == made["spec"]
    assert found["metadata"]["uid"] == made["metadata"]["uid"]


@pytest.mark.parametrize("api", list(FORMS))
def test_written_with_the_kinds_of_upstream(
    without_kinds: Client, world: World, space: str, shared_data: Path, api: ReportApi
) -> None:
    """With strict checking of fields."""
    for path in sorted((shared_data / "reports").glob(f"{FORMS[api][0].group}_*.yaml")):
        without_kinds.create(CRDS, yaml.safe_load(path.read_text()))
    world.reports = ReportSettings(api=api, max_findings=2)
    subject = world.create(CONFIG_MAPS, "one", space)
    world.say(subject, *[make_finding(f"r{i}") for i in range(5)])
    world.writer.start()
    until(lambda: world.report(subject, REPORTS if api is ReportApi.OPENREPORTS else POLICY_REPORTS))
    world.settle()
    assert world.writer.status.written == 1
    until(lambda: not world.writer.trouble)  # of the other kind, which comes up a second later
    remove_crds(without_kinds, api)


def test_later_and_gone_and_again(
    without_kinds: Client, world: World, space: str, caplog: pytest.LogCaptureFixture
) -> None:
    subject = world.create(CONFIG_MAPS, "one", space)
    world.writer.start()
    world.say(subject, make_finding())
    until(lambda: world.writer.trouble)
    assert "no Report in openreports.io/v1alpha1. Install the CRDs of openreports.io" in world.writer.trouble
    assert world.metric("in_trouble") == 1
    install_report_crds(without_kinds, ReportApi.OPENREPORTS)
    until(lambda: world.report(subject))
    until(lambda: not world.writer.trouble)
    remove_crds(without_kinds, ReportApi.OPENREPORTS)
    world.say(subject, make_finding(message="other"))
    until(lambda: world.writer.trouble)
    install_report_crds(without_kinds, ReportApi.OPENREPORTS)
    until(lambda: world.report(subject), 30)
    told = [record for record in caplog.records if record.levelno >= logging.WARNING and "no reports" in record.message]
    assert len(told) <= 4  # of two kinds, twice; not each second


def test_who_creates_them_is_not_told_to(
    without_kinds: Client, world: World, space: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.registry = CollectorRegistry()
    world.writer = world.make_writer(creates=True)
    subject = world.create(CONFIG_MAPS, "one", space)
    world.writer.start()
    world.say(subject, make_finding())
    until(lambda: world.writer.trouble)
    install_report_crds(without_kinds, ReportApi.OPENREPORTS)
    world.writer.hurry()
    until(lambda: world.report(subject))
    assert not [record for record in caplog.records if "no reports" in record.message]


def test_our_own_kinds_are_not_disturbed() -> None:
    assert all("auditor.dev" in crds.read(name) for name in crds.names())
