"""A cluster with two teams, as a watcher would have written it; every name and text of a team has its word in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Kind, Severity
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import (
    DoorDecision,
    DoorTotals,
    ExceptionChange,
    History,
    Interval,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Record,
    Release,
    Tally,
    Writer,
)

GROUP = "db.example.com"
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
START = NOW - timedelta(days=20)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UID = "5b7a2c1e-0000-4000-8000-000000000001"
TEAMS = ("zebra", "quokka")
WIDE = "walrus"
"""Of what is in no namespace."""
POLICIES = {
    "quorum": ("Database clusters keep a quorum", ("odd-replicas", "members"), Severity.HIGH, "SOC2-A1.2"),
    "storage": ("Storage is encrypted and backed up", ("encrypted", "backup"), Severity.CRITICAL, "ISO27001-8.24"),
    "images": ("Images come from the registry", ("registry", "pinned"), Severity.MEDIUM, "SOC2-CC6.8"),
    "names": ("Names tell the owner", ("owner",), Severity.LOW, ""),
}
MESSAGES = {
    "odd-replicas": ("replicas must be odd, so that a majority remains", "/spec/replicas"),
    "members": ("a member asks for more CPUs than a node has", "/spec/members/0"),
    "encrypted": ("storage.encrypted must be true", "/spec/storage/encrypted"),
    "backup": ("there is no backup schedule", "/spec/backup"),
    "registry": ("the image must come from registry.example.com", "/spec/image"),
    "pinned": ("the image must be pinned by a digest", "/spec/image"),
    "owner": ("the label owner is missing", "/metadata/labels"),
}


def make_world(url: str, *, objects: int = 14, others: int | None = None, uid: str = UID) -> list[str]:
    """Gives the fingerprints, by teams in turn. `others`: objects of all but the first team."""
    history = History.open(url, cluster=uid, name="production-eu", now=START)
    others = objects if others is None else others
    history.write(list(_tell_setting()))
    fingerprints: list[str] = []
    for place, count in zip(("", *reversed(TEAMS)), (min(3, others), others, objects), strict=True):
        history.write(list(_tell_findings(place, count, fingerprints)))
    for day in range(20):
        start = START + day * DAY
        history.write(list(_count(start, HOUR, worse=20 - day, others=others)))
    history.write(list(_count(NOW - HOUR / 2, HOUR, worse=2, others=others)))
    history.write(list(_tell_door(others)))
    history.close()
    return fingerprints


def _tell_setting() -> Iterator[Record]:
    yield Release(START, "0.1.0")
    for policy, (title, rules, severity, control) in POLICIES.items():
        yield PolicyChange(
            at=START,
            policy=policy,
            kind="Policy",
            generation=1,
            what="changed",
            title=title,
            rules={rule: [control] if control else [] for rule in rules},
            severities=dict.fromkeys(rules, severity),
        )
    for resource in ("databases", "queues"):
        yield KindCoverage(at=START, group=GROUP, resource=resource, present=30, evaluated=30)
        yield KindPolicies(at=START, group=GROUP, resource=resource, policies=dict.fromkeys(POLICIES, ""))
    yield KindCoverage(
        at=NOW - DAY,
        group="cache.example.com",
        resource="caches",
        present=None,
        evaluated=0,
        reason=f"forbidden: nobody may list {WIDE} caches",
    )
    for team in TEAMS:
        yield ExceptionChange(
            at=START,
            namespace=team,
            name=f"{team}-legacy",
            generation=1,
            what="changed",
            policies=["storage"],
            owner=f"{team}-owner@example.com",
            reason=f"{team} moves to the new storage in winter",
            expires=NOW + 9 * DAY,
        )


def _tell_findings(place: str, objects: int, fingerprints: list[str]) -> Iterator[Record]:
    word = place or WIDE
    for number in range(objects):
        policy = list(POLICIES)[number % len(POLICIES)]
        _, rules, severity, control = POLICIES[policy]
        rule = rules[number // 4 % len(rules)]
        message, path = MESSAGES[rule]
        kind, resource = ("Queue", "queues") if number % 3 == 2 else ("Database", "databases")
        name = f"{word}-{('orders', 'carts', 'sessions', 'billing')[number % 4]}-{number}"
        excused = policy == "storage" and number % 8 == 1 and bool(place)
        result = Result.SKIP if excused else Result.ERROR if number == 7 else Result.FAIL
        finding = Finding(
            policy=policy,
            rule=rule,
            result=result,
            severity=severity,
            message=f"{message} ({name})",
            fingerprint=make_fingerprint(policy, rule, place, name),
            path=path,
            remediation=f"Repair {name}: set it as the policy says.",
            controls=(control,) if control else (),
            exception=f"{place}/{place}-legacy" if excused else "",
            kind=Kind.POLICY,
        )
        fingerprints.append(finding.fingerprint)
        subject = Subject(f"{GROUP}/v1", kind, resource, place, name, f"uid-{name}")
        opened = START + timedelta(hours=7 * number, minutes=3)
        yield FindingTurn(opened, Turn.OPENED, subject, finding)
        if number % 5 == 4:
            yield FindingTurn(opened + 3 * DAY, Turn.RESOLVED, subject, finding)
        if number % 10 == 4:
            yield FindingTurn(opened + 4 * DAY, Turn.OPENED, subject, finding)
        yield Writer(finding.fingerprint, f"{word}-deployer")


def _count(start: datetime, length: timedelta, *, worse: int, others: int) -> Iterator[Interval]:
    for resource in ("databases", "queues"):
        yield Interval(
            start=start,
            length=length,
            group=GROUP,
            resource=resource,
            tallies=[
                Tally(
                    policy=policy,
                    rule=rule,
                    namespace=place,
                    passes=40,
                    fails=2 + worse // 3 + (0 if place == TEAMS[0] else others),
                    evaluations=42,
                )
                for place in (*TEAMS, "")
                for policy, (_, rules, _, _) in POLICIES.items()
                for rule in rules
            ],
        )


def _tell_door(others: int) -> Iterator[Record]:
    totals = {
        ("validate", "", "allow"): 4711 + others,
        ("validate", "", "deny"): 12,
        ("validate", "quorum", "deny"): 12,
    }
    yield DoorTotals(instance="a", at=NOW - HOUR, start=NOW - 2 * HOUR, length=HOUR, totals=totals)
    for number in range(12):
        team = TEAMS[number % 2]
        if number % 2 and number > others:
            continue
        yield DoorDecision(
            id=f"decision-{number}",
            at=NOW - (number + 1) * HOUR,
            webhook="validate",
            operation="CREATE" if number % 3 else "UPDATE",
            group=GROUP,
            version="v1",
            kind="Database",
            namespace=team,
            name=f"{team}-orders-{number}",
            outcome="denied" if number % 5 else "allowed",
            allowed=not number % 5,
            broke_glass=not number % 5,
            user=f"{team}-developer@example.com",
            findings=[
                {"policy": "quorum", "rule": "odd-replicas", "result": "fail", "blocks": True, "path": "/spec/replicas"}
            ],
        )


def make_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'history.db'}"
