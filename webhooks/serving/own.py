"""Our own kinds at admission: what would not work is refused, with every mistake and where it is.

Nobody is locked out by it: the webhook is registered as Ignore, and an update that leaves the spec alone passes, so
that finalizers go, labels change and status is written also on an object that is wrong.
"""

from collections.abc import Callable, Sequence
from typing import Final

from auditor.engine.mistakes import Mistake, PolicyError
from auditor.intake.live.reading import read_live_conversion, read_live_exception, read_live_policy
from auditor.intake.live.view import View
from auditor.intake.own import check_own
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Enforcement, Severity
from auditor.model.request import Request
from auditor.webhooks.judge import Judgement
from auditor.webhooks.registration import find_scale_gaps
from auditor.webhooks.wording import one_line

PATH: Final = "validate/own"
ALLOWED: Final = Judgement(allowed=True)


def judge_own(current: Callable[[], View | None]) -> Callable[[Request], Judgement]:
    """`current` gives what is known of the cluster at the moment."""

    def judge(request: Request) -> Judgement:
        thing, old = request.object, request.old_object
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


def read_mistakes(thing: JsonObject, view: View | None = None) -> Sequence[Mistake]:
    kind = thing.get("kind")
    if kind == "Policy":
        compiled, mistakes = read_live_policy(thing, {} if view is None else view.schemas)
        gaps = [] if compiled is None or view is None else find_scale_gaps([compiled], view.kinds)
        return [*mistakes, *gaps]
    if kind == "PolicyException":
        return read_live_exception(thing)[1]
    if kind == "Conversion":
        return read_live_conversion(thing)[1]
    try:
        return check_own({name: value for name, value in thing.items() if name != "status"})[1]
    except PolicyError as error:
        return error.mistakes


def _say(mistake: Mistake) -> str:
    """Without the name: kubectl says that."""
    rule = f"rule {mistake.rule}: " if mistake.rule else ""
    inside = f"{mistake.line}:{mistake.column}: " if mistake.line else ""
    return one_line(f"{rule}{inside}{mistake.message}")


def _find(mistake: Mistake, thing: JsonObject) -> Finding:
    kind, name = str(thing.get("kind")), mistake.policy or "unnamed"
    inside = f"at {mistake.line}:{mistake.column}: " if mistake.line else ""
    return Finding(
        policy=f"{kind} {name}",
        rule=mistake.rule,
        result=Result.FAIL,
        severity=Severity.HIGH,
        message=f"{inside}{mistake.message}",
        path=mistake.pointer,
        fingerprint=make_fingerprint(kind, name, mistake.rule, mistake.pointer, mistake.message),
        enforcements=(Enforcement.DENY,),
        blocks=True,
    )
