"""Whatever happens, and in whatever order: in the end there are the reports that there have to be, and no other."""

import random
import time
from datetime import UTC, datetime

import pytest

from auditor.errors import AlreadyExistsError, NotFoundError
from auditor.model.finding import Finding
from auditor.model.settings import ReportApi, ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs import build, content_of_report, name_of
from tests.cluster.audit.reports.conftest import CONFIG_MAPS, KIND, POLICY_REPORTS, REPORTS, World, make_finding, until

OBJECTS = 6
STEPS = 80
RESOURCES = {ReportApi.OPENREPORTS: REPORTS, ReportApi.WGPOLICY: POLICY_REPORTS}


@pytest.mark.parametrize("seed", range(4))
def test_any_order(started: World, space: str, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - the same each time
    subjects = [started.create(CONFIG_MAPS, f"c{i}", space) for i in range(OBJECTS)]
    findings: dict[Subject, tuple[Finding, ...]] = {}
    for _ in range(STEPS):
        subject = draw.choice(subjects)
        step = draw.choice(
            ["say", "say", "say", "clear", "edit", "delete", "lost", "unsettled", "api", "recreate", "wait"]
        )
        resource = RESOURCES.get(started.reports.api, REPORTS)
        try:
            if step in ("say", "clear"):
                count = draw.randint(1, 5) if step == "say" else 0
                findings[subject] = tuple(make_finding(f"r{i}", f"m{draw.random()}") for i in range(count))
                started.say(subject, *findings[subject])
            elif step == "edit":
                lie = {"results": [], "metadata": {"labels": draw.choice([None, {"a": "b"}])}}
                started.client.patch_merge(resource, name_of(subject.uid), lie, namespace=space)
            elif step == "delete":
                started.client.delete(resource, name_of(subject.uid), namespace=space)
            elif step == "lost":
                started.lost = not started.lost
            elif step == "unsettled":
                (started.unsettled.discard if KIND in started.unsettled else started.unsettled.add)(KIND)
            elif step == "api":
                started.reports = ReportSettings(api=draw.choice(list(ReportApi)), max_findings=draw.choice([2, 200]))
            elif step == "recreate":
                started.client.delete(CONFIG_MAPS, subject.name, namespace=space)
                findings.pop(subject, None)
                started.say(subject)
                subjects[subjects.index(subject)] = started.create(CONFIG_MAPS, subject.name, space)
            else:
                time.sleep(draw.random() * 0.3)
        except (NotFoundError, AlreadyExistsError):
            continue
    started.lost = False
    started.unsettled.clear()
    started.reports = ReportSettings(api=draw.choice([ReportApi.OPENREPORTS, ReportApi.WGPOLICY]))
    for subject in subjects:  # as a watcher does that has become the owner
        started.writer.mark(KIND, f"{space}/{subject.name}", subject.uid)
    started.writer.sweep()
    until(lambda: found(started, space) == expected(started, findings), 30)


def expected(world: World, findings: dict[Subject, tuple[Finding, ...]]) -> dict[tuple[str, str], bytes]:
    reports = {}
    for subject, all_of_it in findings.items():
        report = build(subject, all_of_it, settings=world.reports, at=datetime.now(UTC))
        if report is not None:
            reports[report["kind"], name_of(subject.uid)] = content_of_report(report)
    return reports


def found(world: World, space: str) -> dict[tuple[str, str], bytes]:
    return {
        (report["kind"], report["metadata"]["name"]): content_of_report(report)
        for resource in RESOURCES.values()
        for report in world.client.list(resource, namespace=space)
    }
