"""Subjects and findings, plain ones and any."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Enforcement, Kind, Severity
from auditor.model.subject import Subject

UID = "11111111-2222-3333-4444-555555555555"
SEEN = datetime(2026, 5, 4, 3, 2, 1, 999999, tzinfo=UTC)


def make_subject(namespace: str = "shop", uid: str = UID, resource: str = "databases", name: str = "one") -> Subject:
    return Subject("db.example.com/v1", "Database", resource, namespace, name, uid)


def make_finding(rule: str = "replicas", result: Result = Result.FAIL, **more: object) -> Finding:
    fields: dict[str, object] = {
        "policy": "production",
        "rule": rule,
        "result": result,
        "severity": Severity.HIGH,
        "message": "too few",
        "fingerprint": make_fingerprint("production", rule, "db.example.com", "Database", "shop", "one"),
    }
    return Finding(**(fields | more))  # type: ignore[arg-type]


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    ["", "\ud800", "\x7f\x85\u2028", "𐀀" * 30, "a" * 5000, "ü" * 2000, "-", "null", "~", "1"]
)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
FINDINGS = st.builds(
    Finding,
    policy=ANY_TEXT,
    rule=ANY_TEXT,
    result=st.sampled_from(Result),
    severity=st.sampled_from(Severity),
    message=ANY_TEXT,
    fingerprint=st.from_regex("[0-9a-f]{32}", fullmatch=True),
    path=ANY_TEXT,
    enforcements=st.lists(st.sampled_from(Enforcement), max_size=3, unique=True).map(tuple),
    remediation=ANY_TEXT,
    controls=st.lists(ANY_TEXT, max_size=3).map(tuple),
    reason=ANY_TEXT,
    exception=ANY_TEXT,
    kind=st.sampled_from(Kind),
    binding=ANY_TEXT,
)
SUBJECTS = st.builds(
    Subject,
    st.sampled_from(["db.example.com/v1", "v1", f"{'g' * 60}.{'h' * 60}.example.com/v1beta1"]),
    st.sampled_from(["Database", "ConfigMap", "K" * 63]),
    st.sampled_from(["databases", "configmaps", "r" * 63]),
    st.just("") | NAMES,
    NAMES,
    st.uuids().map(str),
)
