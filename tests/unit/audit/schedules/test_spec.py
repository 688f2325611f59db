import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from auditor.audit.dispatch.wish import Routing
from auditor.audit.schedules.spec import read_schedule
from auditor.errors import CompileError
from auditor.languages.schema.structural import StructuralSchema
from auditor.model.policy import Severity
from tests.unit.audit.schedules.making import CREATED, make_schedule, make_thing, monday
from tests.unit.crds.cases import BASES
from tests.unit.crds.schemas import schema_of

SCHEMA = StructuralSchema.compile(schema_of("reportschedule"))


def test_every_field() -> None:
    """Of the object of which the CRD's tests have every field."""
    thing = BASES["reportschedule"]
    read = read_schedule(thing)
    assert (read.text, read.zone.key, read.suspended) == ("0 6 * * MON", "Europe/Berlin", False)
    assert (read.deadline, read.retry_for, read.period) == (timedelta(hours=12), timedelta(days=3), "last-week")
    assert read.namespaces == frozenset({"shop", "bank"})
    assert read.selector is not None
    assert len(read.selector.requirements) == 2
    assert [*read.kinds, *read.policies] == ["databases.db.example.com", "databasecluster-quorum"]
    assert (read.severity, read.framework) == (Severity.MEDIUM, "SOC2")
    assert (read.routing, read.label) == (Routing.LABEL, "example.com/team")
    assert read.formats == ("html", "json")
    assert list(read.deliveries) == ["archive", "mail", "chat", "other"]


def test_the_least() -> None:
    read = make_schedule()
    assert read.created == CREATED
    assert read.namespaces is None
    assert read.routing is Routing.ONE
    assert (read.deadline, read.retry_for) == (timedelta(days=1), timedelta(days=7))


def test_all_mistakes_at_once() -> None:
    deliveries = [
        {"name": "mail", "email": {"host": "m", "from": "a@b", "to": ["${percent}@b"], "subject": "${frog}"}},
        {"name": "chat", "webhook": {"url": "https://a", "body": '{"text": ${text}}'}},
    ]
    with pytest.raises(CompileError) as told:
        read_schedule(make_thing(schedule="0 0 31 2 *", timeZone="Mars/Base", deliveries=deliveries))
    said = str(told.value)
    assert "spec.schedule: '0 0 31 2 *' never comes" in said
    assert "spec.timeZone: there is no time zone 'Mars/Base'" in said
    assert "delivery mail: there is no word ${percent}: there are ${audience}, ${schedule}" in said
    assert "delivery mail: there is no word ${frog}" in said
    assert "delivery chat: the body is no JSON" in said


def test_from_one_due_time_to_the_next() -> None:
    period = make_schedule().period_of(monday(2))
    assert (period.start, period.end) == (monday(1), monday(2))
    summer = make_schedule(schedule="0 6 * * MON", timeZone="Europe/Berlin").period_of(
        datetime(2026, 10, 26, 5, tzinfo=UTC)
    )
    assert summer.start == datetime(2026, 10, 19, 4, tzinfo=UTC), "the clock went back in between"


def test_a_named_period_counts_from_the_due_time() -> None:
    period = make_schedule(period="last-month", timeZone="Europe/Berlin").period_of(monday(1))
    assert (period.start, period.end) == (
        datetime(2026, 9, 30, 22, tzinfo=UTC),
        datetime(2026, 10, 31, 23, tzinfo=UTC),
    )
    assert period.months == 1


def test_the_documented_examples_are_read() -> None:
    page = Path(__file__).parents[4] / "docs" / "report-schedules.md"
    things = [
        thing
        for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
        for thing in yaml.safe_load_all(text)
    ]
    schedules = [thing for thing in things if thing.get("kind") == "ReportSchedule"]
    assert len(schedules) >= 2
    for thing in schedules:
        received = SCHEMA.receive(thing)
        assert received.unknown == []
        assert SCHEMA.validate(received.object) == []
        read_schedule(received.object)
