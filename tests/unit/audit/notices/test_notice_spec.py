import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from auditor.audit.dispatch.wish import Routing
from auditor.audit.notices.spec import read_notification
from auditor.errors import CompileError
from auditor.languages.schema.structural import StructuralSchema
from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.news import Change
from auditor.report.news.letter import WORDS
from tests.unit.audit.notices.making import make_notification, make_thing
from tests.unit.crds.cases import BASES
from tests.unit.crds.schemas import schema_of

SCHEMA = StructuralSchema.compile(schema_of("notification"))
PAGE = Path(__file__).parents[4] / "docs" / "notifications.md"


def test_every_field() -> None:
    """Of the object of which the CRD's tests have every field."""
    read = read_notification(BASES["notification"])
    assert read.namespaces == frozenset({"shop", "bank"})
    assert (read.severity, read.framework) == (Severity.CRITICAL, "SOC2")
    assert read.changes == frozenset({Change.NEW, Change.RESOLVED})
    assert read.results == frozenset({Result.FAIL, Result.ERROR})
    assert (read.routing, read.label) == (Routing.LABEL, "example.com/team")
    assert (read.group_wait, read.interval) == (timedelta(seconds=30), timedelta(minutes=15))
    assert (read.listed, read.retry_for, read.suspended) == (10, timedelta(days=3), False)
    assert list(read.deliveries) == ["mail", "chat", "other"]


def test_the_defaults_are_those_of_the_schema() -> None:
    read = read_notification(SCHEMA.receive(make_thing()).object)
    assert replace(read, deliveries={}) == replace(make_notification(scope={"severity": "high"}), deliveries={})
    assert make_notification(list=0).listed == 0


def test_all_mistakes_at_once() -> None:
    deliveries = [
        {"name": "mail", "email": {"host": "m", "from": "a@b", "to": ["${total}@b"], "subject": "${frog}"}},
        {"name": "chat", "webhook": {"url": "https://a", "body": '{"text": ${text}}'}},
    ]
    with pytest.raises(CompileError) as told:
        make_notification(deliveries=deliveries)
    said = str(told.value)
    assert "delivery mail: there is no word ${total}: there are ${audience}, ${notification}" in said
    assert "delivery mail: there is no word ${frog}" in said
    assert "delivery chat: the body is no JSON" in said


def test_the_documented_examples_are_read() -> None:
    texts = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    things = [thing for text in texts for thing in yaml.safe_load_all(text) if thing.get("kind") == "Notification"]
    assert len(things) >= 2
    for thing in things:
        received = SCHEMA.receive(thing)
        assert received.unknown == []
        assert SCHEMA.validate(received.object) == []
        read_notification(received.object)


def test_all_words_are_documented() -> None:
    assert set(re.findall(r"`\$\{(\w+)\}`", PAGE.read_text())) == set(WORDS)
