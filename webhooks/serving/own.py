"""Our own kinds at admission: what would not work is refused, with every mistake and where it is.

Nobody is locked out by it: the webhook is registered as Ignore, and an update that leaves the spec alone passes, so
that finalizers go, labels change and status is written also on an object that is wrong.

A Conversion by which objects are converted now cannot be deleted, or they could no longer be read. That stands in
nobody's way who takes all away: `auditor registration remove` takes back this webhook, too; with the CRD of the
converted kind, or our own, goes what needs it; and Kubernetes' own parts, as its garbage collector, which would ask
again for ever, are let through. Who insists says so by an annotation.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from auditor.cluster.access import dig_text
from auditor.cluster.conditions import render_time
from auditor.engine.mistakes import Mistake, PolicyError
from auditor.intake.live.config import latest_end, too_long_by
from auditor.intake.live.reading import read_live_conversion, read_live_exception, read_live_policy
from auditor.intake.live.view import View
from auditor.intake.own import check_own
from auditor.intake.packs import LABEL
from auditor.intake.packs.folder import pack_names
from auditor.intake.packs.pack import find_pack
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Enforcement, Policy, Severity
from auditor.model.request import Operation, Request
from auditor.model.world import SYSTEM_USERS
from auditor.webhooks.judge import Judgement
from auditor.webhooks.registration import Address, find_scale_gaps
from auditor.webhooks.registration.sections import describe_loss, describe_use, leads_to_us
from auditor.webhooks.wording import one_line

PATH: Final = "validate/own"
ALLOWED: Final = Judgement(allowed=True)


ANYWAY: Final = "auditor.dev/delete"
"""Annotation of a Conversion: `anyway` lets it go though it is in use."""


def judge_own(current: Callable[[], View | None], address: Address) -> Callable[[Request], Judgement]:
    """`current` gives what is known of the cluster at the moment, and `address` is where API servers call us."""

    def judge(request: Request) -> Judgement:
        thing, old = request.object, request.old_object
        if request.operation is Operation.DELETE:
            return _judge_deletion(request, current(), address)
        if thing is None or request.subresource:
            return ALLOWED
        view = current()
        mistakes = read_mistakes(thing, view)
        warnings = tuple(_say(each) for each in mistakes if each.warning)
        errors = [each for each in mistakes if not each.warning]
        if errors and old is not None and old.get("spec") == thing.get("spec"):
            return Judgement(allowed=True, warnings=(*warnings, *(f"still wrong: {_say(each)}" for each in errors)))
        findings = tuple(_find(each, thing) for each in errors)
        return Judgement(allowed=not findings, findings=findings, warnings=warnings)

    return judge


def _judge_deletion(request: Request, view: View | None, address: Address) -> Judgement:
    old = request.old_object
    if old is None or view is None or request.kind.kind != "Conversion" or _comes_from_kubernetes(request):
        return ALLOWED
    name = dig_text(old, "metadata", "name")
    kind = view.kinds.get(name)  # it has the name of the CRD
    if kind is None or kind.terminating or not leads_to_us(kind, address) or not (use := describe_use(kind)):
        return ALLOWED
    if dig_text(old, "metadata", "annotations", ANYWAY) == "anyway":
        return Judgement(allowed=True, warnings=(one_line(f"from now on: {describe_loss(kind)}"),))
    insist = f"Or insist, with what is lost by that: kubectl annotate conversion {name} {ANYWAY}=anyway"
    finding = deny(f"Conversion {name}", f"{use}. {insist}", reason="Forbidden")
    return Judgement(allowed=False, findings=(finding,))


def _comes_from_kubernetes(request: Request) -> bool:
    return request.user is not None and request.user.username in SYSTEM_USERS


def read_mistakes(thing: JsonObject, view: View | None = None) -> Sequence[Mistake]:
    kind = thing.get("kind")
    if kind == "Policy":
        compiled, mistakes = read_live_policy(thing, {} if view is None else view.schemas)
        if compiled is None or view is None:
            return mistakes
        others = [each.policy for each in view.compiled() if each.policy.name != compiled.policy.name]
        others += _policies_of_pack(dig_text(thing, "metadata", "labels", LABEL))
        return [*mistakes, *find_scale_gaps(compiled, view.kinds, others=others)]
    if kind == "PolicyException":
        exception, mistakes = read_live_exception(thing)
        return mistakes if exception is None or view is None else [*mistakes, *_find_too_long(exception, view)]
    if kind == "Conversion":
        return read_live_conversion(thing)[1]
    try:
        return check_own({name: value for name, value in thing.items() if name != "status"})[1]
    except PolicyError as error:
        return error.mistakes


@lru_cache(maxsize=32)  # more than there are; it may be any text
def _policies_of_pack(name: str) -> Sequence[Policy]:
    """Of one that ships with us: those of them that this one needs may be about to come."""
    return find_pack(name).read_policies() if name in pack_names() else ()


def _find_too_long(exception: PolicyException, view: View) -> Iterator[Mistake]:
    settings, now = view.settings, datetime.now(UTC)
    if too_long_by(exception, settings, now) > 0:
        limit = f"{settings.exception_days} days ahead (spec.exceptions.maxDays of AuditConfig default)"
        until = render_time(latest_end(settings, now))
        what = f"must not be more than {limit}: write {until} or earlier, and extend it if it is needed for longer"
        yield Mistake(policy=exception.name, pointer="/spec/expires", message=what)


def _say(mistake: Mistake) -> str:
    """Without the name: kubectl says that."""
    rule = f"rule {mistake.rule}: " if mistake.rule else ""
    inside = f"{mistake.line}:{mistake.column}: " if mistake.line else ""
    return one_line(f"{rule}{inside}{mistake.message}")


def _find(mistake: Mistake, thing: JsonObject) -> Finding:
    inside = f"at {mistake.line}:{mistake.column}: " if mistake.line else ""
    policy = f"{thing.get('kind')} {mistake.policy or 'unnamed'}"
    return deny(policy, f"{inside}{mistake.message}", rule=mistake.rule, path=mistake.pointer)


def deny(policy: str, message: str, *, rule: str = "", path: str = "", reason: str = "") -> Finding:
    return Finding(
        policy=policy,
        rule=rule,
        result=Result.FAIL,
        severity=Severity.HIGH,
        message=message,
        path=path,
        fingerprint=make_fingerprint(policy, rule, path, message),
        enforcements=(Enforcement.DENY,),
        blocks=True,
        reason=reason,
    )
