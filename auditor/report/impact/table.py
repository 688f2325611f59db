"""Text for people: what changes, for whom, and the one line that says whether to go on."""

from collections.abc import Iterable, Iterator

from auditor.intake.impact.crd import CrdImpact, Effect
from auditor.intake.impact.decisions import Replay
from auditor.intake.impact.policies import Fate, Impact, PolicyImpact
from auditor.intake.printable import clean
from auditor.report.impact import Foreseen

PLACES = 5


def write(found: Foreseen) -> str:
    lines: list[str] = []
    if found.policies is not None:
        lines += _policies(found.policies)
    if found.decisions is not None:
        lines += _decisions(found.decisions)
    for each in found.crds:
        lines += _crd(each)
    return "".join(f"{clean(line.replace(chr(10), ' '))}\n" for line in lines)


def _policies(impact: Impact) -> Iterator[str]:
    for error in impact.unread:
        yield f"not read: {error}"
    for warning in impact.warnings:
        yield f"warning: {warning}"
    for each in impact.policies.values():
        yield from _policy(each)
    yield f"{_count(impact.objects, 'object')}: {impact.refused} would be refused that are not now"


def _policy(each: PolicyImpact) -> Iterator[str]:
    yield f"Policy {each.name}  ({'in place of the present one' if each.replaces else 'new'})"
    yield f"  matches     {_count(each.matched, 'object')}"
    told = ", ".join(f"{each.findings[fate]} {fate}" for fate in Fate)
    yield f"  violations  {told}; {_count(each.violating, 'object')} newly in violation"
    if each.refused or each.recreated:
        yield f"  refused     {each.refused} at the next update, {each.recreated} if they were created anew"
    if each.warned:
        yield f"  warned      {each.warned} at the next update"
    if each.changed:
        yield f"  mutated     {each.changed} at the next update"
    if each.errors:
        yield f"  errors      {_count(each.errors, 'object')} could not be judged"
    places = [f"{kind} in {ns} {n}" if ns else f"{kind} {n}" for (kind, ns), n in each.places.most_common(PLACES)]
    if places:
        more = len(each.places) - len(places)
        yield f"  where       {', '.join(places)}{f', and {more} more' if more else ''}"
    for fate, examples in each.examples.items():
        for one in examples:
            yield f"  {fate!s:10}  {one.subject}  {one.rule} {one.path}: {one.message}"


def _decisions(replay: Replay) -> Iterator[str]:
    for reason, count in replay.skipped.items():
        yield f"left out: {_count(count, 'line')} {reason}"
    if replay.redacted:
        yield f"warning: {_count(replay.redacted, 'decision')} with values that the log hides, on which rules may err"
    for each in replay.examples:
        where = f"{each.namespace}/" if each.namespace else ""
        yield f"{each.time} {each.operation} {each.kind} {where}{each.name} by {each.user}"
        yield f"  refused by {', '.join(each.policies)}: {each.message}"
    names = ", ".join(f"{name} {count}" for name, count in replay.by_policy.most_common())
    yield (
        f"{_count(replay.decisions, 'decision')}: {replay.refused} admitted then would be refused"
        f"{f' ({names})' if names else ''}, {replay.admitted} refused then would be admitted, "
        f"{replay.warned} would be warned of, {replay.errors} could not be judged"
    )


def _crd(impact: CrdImpact) -> Iterator[str]:
    for text in impact.unread:
        yield f"not read: {text}"
    for text in impact.warnings:
        yield f"warning: {text}"
    yield f"CRD {impact.name}  ({_count(impact.objects, 'object')})"
    for text in impact.refusals:
        yield f"  refused     {text}"
    for what, effects in (
        ("invalid", impact.invalid),
        ("pruned", impact.pruned),
        ("stranded", impact.stranded),
        ("defaulted", impact.defaulted),
    ):
        yield from _effects(what, effects)
    if impact.unasked:
        asked = (
            f"{_count(impact.unasked, 'object')}: x-kubernetes-validations, as long as the object is invalid otherwise"
        )
        yield f"  not asked   {asked}"
    for reason, count in impact.unjudged.items():
        yield f"  not judged  {_count(count, 'object')} in {reason}"
    already = f", {impact.already} {'is' if impact.already == 1 else 'are'} already" if impact.already else ""
    yield (
        f"{impact.name}: {_count(impact.invalid_objects, 'object')} would be invalid{already}, "
        f"{impact.pruned_objects} would lose fields"
    )


def _effects(what: str, effects: Iterable[Effect]) -> Iterator[str]:
    for each in effects:
        yield f"  {what:10}  {each.version} {each.path}: {each.what}  ({_count(each.objects, 'object')})"
        names = ", ".join(str(subject) for subject in each.examples)
        yield f"              {names}{', ...' if each.objects > len(each.examples) else ''}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
