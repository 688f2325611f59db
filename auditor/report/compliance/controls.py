"""Control by control, with the rules that give evidence for it."""

from collections import defaultdict
from collections.abc import Iterable

from auditor.report.compliance.book import Book, Rule
from auditor.report.compliance.counting import Counted
from auditor.report.compliance.covering import Known
from auditor.report.compliance.scope import RuleKey, Scope, framework_of
from auditor.report.compliance.tree import ControlLine, Results, RuleLine


def make_controls(book: Book, known: Known, counts: Iterable[Counted], scope: Scope) -> tuple[ControlLine, ...]:
    results: dict[RuleKey, Results] = defaultdict(Results)
    for each in counts:
        results[each.rule] += each.results
    by_control: dict[str, list[RuleLine]] = defaultdict(list)
    for rule in sorted(book.rules(), key=lambda each: each.key):
        if rule.controls and book.admits(scope, rule.key):
            line = _make_rule(rule, results.get(rule.key, Results()), book, known, scope)
            for control in rule.controls:
                if not scope.framework or framework_of(control) == scope.framework:
                    by_control[control].append(line)
    return tuple(_make_control(control, tuple(rules)) for control, rules in sorted(by_control.items()))


def _make_rule(rule: Rule, results: Results, book: Book, known: Known, scope: Scope) -> RuleLine:
    kind, policy, name = rule.key
    gap = known.gap_of((kind, policy), scope)
    if book.policies[kind, policy].broken:
        gap = "the policy has mistakes: it is not in force as it is written"
    elif gap is None:
        # A history that is older than this knowledge: what gave results was evaluated.
        gap = "" if results.total and not known.policies else "no kind that it matches is there"
    if not gap and results.errors:
        gap = f"{results.errors} error{'' if results.errors == 1 else 's'}"
    return RuleLine(policy_kind=kind, policy=policy, rule=name, severity=rule.severity, results=results, gap=gap)


def _make_control(control: str, rules: tuple[RuleLine, ...]) -> ControlLine:
    total = sum((each.results for each in rules), Results())
    if total.fails:
        status = "failed"
    elif any(each.gap for each in rules):
        status = "incomplete"
    elif total.warns:
        status = "warned"
    else:
        status = "passed" if total.passes else "excused" if total.excused else "empty"
    return ControlLine(control=control, status=status, results=total, rules=rules)
