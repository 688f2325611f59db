"""One object, all that is said of it: by the policies, and by our own checks."""

import functools
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auditor.audit.ledger import Gap, Judged
from auditor.audit.setting import Setting
from auditor.checks import Stored, run_checks
from auditor.intake.stored import ask_stored, judge_stored
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result, Verdict, make_fingerprint
from auditor.model.policy import Kind, Severity, name_source
from auditor.model.settings import Check
from auditor.tracing import span

log = logging.getLogger(__name__)

_NAME: Final = "judging"
JUDGING: Final = name_source(Kind.CHECK, _NAME)
"""The source of what is said of objects that could not be judged at all."""
_NO_VERDICT = Verdict()


@dataclass(frozen=True, slots=True)
class Answer:
    judged: Judged
    recheck_at: datetime | None = None
    evaluations: int = 0
    """Rules that were asked."""


_NOTHING = Answer(Judged())


def judge(setting: Setting, thing: JsonObject, now: datetime) -> Answer:
    """A defect of ours is an error of this object, and does not keep the others from being judged."""
    try:
        return _judge(setting, thing, now)
    except Exception as error:
        metadata = thing.get("metadata") or {}
        name, namespace = str(metadata.get("name")), str(metadata.get("namespace") or "")
        log.exception("%s %s/%s could not be judged: a defect of auditor", setting.resource.resource, namespace, name)
        identity = (setting.resource.group, str(thing.get("kind")), namespace, name, "")
        finding = Finding(
            policy=_NAME,
            rule="",
            result=Result.ERROR,
            severity=Severity.MEDIUM,
            message=f"could not be judged, which is a defect of auditor: {type(error).__name__}: {error}",
            fingerprint=make_fingerprint(Kind.CHECK, _NAME, "", *identity),
            kind=Kind.CHECK,
        )
        return Answer(Judged.of([finding]))


def _judge(setting: Setting, thing: JsonObject, now: datetime) -> Answer:
    namespace = thing["metadata"].get("namespace") or ""
    if namespace in setting.excluded_namespaces:
        return _NOTHING
    request = ask_stored(
        thing,
        setting.resource,
        namespaced=setting.namespaced,
        world=setting.world,
        namespace_object=setting.namespace(namespace) if namespace else None,
        time=now,
    )
    verdict = _NO_VERDICT
    if setting.kind.checks[Check.POLICY].enabled or setting.kind.checks[Check.BYPASS].enabled:
        ways = setting.ways if setting.splits else None
        verdict = judge_stored(setting.engine, request, ways, passes=setting.passes)
    name = thing["metadata"]["name"]
    later: list[datetime] = []

    def exists(owner: JsonObject) -> bool | None:
        found = setting.owners(owner, namespace)
        if isinstance(found, datetime):
            later.append(found)
            return None
        return found

    with span("checks"):
        outcome = run_checks(
            Stored(
                request=request,
                verdict=verdict,
                engine=setting.engine,
                schema=setting.schema,
                facts=setting.facts,
                ways=setting.ways,
                convertible=setting.convertible,
                enforced_since=setting.enforced_since(),
                pardons=lambda: setting.pardons(f"{namespace}/{name}" if namespace else name),
                owners=exists,
                settings=setting.kind,
            )
        )
    told = verdict if setting.kind.checks[Check.POLICY].enabled else _NO_VERDICT
    times = [*later, *(time for time in (told.recheck_at, outcome.recheck_at) if time is not None)]
    for each in outcome.findings:
        if each.result is Result.ERROR:
            _log_once(each.policy, each.rule)
    drift = (*outcome.findings, *(setting.debts(thing) if setting.debts is not None else ()))
    if not told.findings and not drift:
        judged = _judge_right(told.passed, outcome.asked, told.not_applicable, outcome.not_applicable)
    else:
        findings = (*told.findings, *drift)
        passed = (*told.passed, *_pass(outcome.asked))
        judged = Judged.of(findings, passed, (*told.not_applicable, *outcome.not_applicable))
    return Answer(judged, min(times, default=None), len(told.findings) + len(told.passed))


@functools.lru_cache(maxsize=1024)
def _log_once(check: str, rule: str) -> None:
    """Of ten thousand objects the same would be said; and what is said may have values of one of them in it."""
    log.warning("check %s: %s could not be asked of some objects; their reports say why", check, rule or "it")


@functools.lru_cache(maxsize=4096)
def _judge_right(
    passed: tuple[tuple[str, str], ...], asked: tuple[str, ...], gaps: tuple[Gap, ...], more: tuple[Gap, ...]
) -> Judged:
    """Of most objects the same comes out as of others: it is made once."""
    return Judged.of((), (*passed, *_pass(asked)), (*gaps, *more))


def _pass(checks: Iterable[str]) -> Iterable[tuple[str, str]]:
    """As what passed, each as a whole; where one found something the ledger counts that alone."""
    return ((name_source(Kind.CHECK, check), "") for check in checks)
