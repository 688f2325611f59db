import json
from datetime import UTC, datetime, timedelta

from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.delivery import Parcel
from auditor.report.delivery.template import fill_json
from auditor.report.news import Change, Item, write_news
from auditor.report.news.letter import WORDS
from auditor.report.news.listing import Line

NOW = datetime(2026, 11, 2, 5, tzinfo=UTC)


def make_item(number: int = 1, change: Change = Change.NEW, severity: Severity = Severity.HIGH, **more: str) -> Item:
    said = {"how": str(change).lower(), "namespace": "shop", "policy": "quorum", **more}
    return Item(id=number, change=change, result=Result.FAIL, severity=severity, **said)


def make_line(item: Item, **changes: str) -> Line:
    said = {"message": "must be odd", "path": "/spec", "name": f"n{item.id}", "rule": "odd"} | changes
    return Line(
        item=item,
        api_version="a.b/v1",
        kind="Thing",
        resource="things",
        policy_kind="Policy",
        remediation="",
        controls=(),
        writer="",
        fingerprint=str(item.id),
        **said,
    )


def write(items: list[Item], lines: list[Line] | None = None, audience: str = "") -> Parcel:
    return write_news(
        items,
        [make_line(each) for each in items] if lines is None else lines,
        key="k",
        notification="urgent",
        audience=audience,
        cluster="prod",
        start=NOW,
        end=NOW + timedelta(seconds=3),
        at=NOW,
    )


def test_one() -> None:
    parcel = write([make_item()])
    assert parcel.subject == "1 new finding in prod: 1 high"
    assert parcel.text.splitlines() == [
        "1 new finding in prod: 1 high",
        "Found 2026-11-02 05:00:00 UTC to 2026-11-02 05:00:03 UTC.",
        "- new, high: Thing shop/n1 at /spec: quorum/odd: must be odd",
    ]
    assert set(parcel.words) == set(WORDS)
    assert parcel.facts["findings"][0]["apiVersion"] == "a.b/v1"


def test_several_sorts() -> None:
    items = [
        make_item(1, severity=Severity.CRITICAL),
        make_item(2, Change.REOPENED),
        make_item(3, Change.RESOLVED, Severity.CRITICAL, how="excused"),
    ]
    parcel = write(items, audience="payments")
    assert parcel.subject == "1 new, 1 reopened, 1 resolved findings of payments in prod: 1 critical, 1 high"
    assert "- excused, critical: Thing shop/n3" in parcel.text
    words = parcel.words
    assert (words["total"], words["worst"], words["critical"], words["resolved"]) == (3, "critical", 2, 1)
    assert write(items[2:]).subject == "1 resolved finding in prod"


def test_what_is_not_named_is_counted() -> None:
    items = [make_item(number, policy=f"p{number % 7}") for number in range(70)]
    parcel = write(items, [make_line(each) for each in items[:2]])
    last = parcel.text.splitlines()[-1]
    assert last.startswith("And 68 more: 10 of p")
    assert last.endswith(" of others.")
    assert write(items, []).words["listed"] == 0


def test_nobody_writes_lines_of_his_own() -> None:
    """Names and messages come from whoever may write objects."""
    sly = make_line(make_item(), message="odd\n- new, critical: all is lost \u202e\x1b[31m <!channel> " + "x" * 9_000)
    parcel = write([sly.item], [sly])
    assert len(parcel.text.splitlines()) == 3
    assert not set(parcel.text) & {"\u202e", "\x1b"}
    assert len(parcel.text) < 700
    assert "&lt;!channel&gt;" in str(parcel.words["escapedText"])
    body = fill_json('{"text": "${escapedText}", "n": "${total}"}', parcel.words)
    assert json.loads(body) == {"text": parcel.words["escapedText"], "n": 1}
    assert len(json.dumps(parcel.facts)) < 5_000
