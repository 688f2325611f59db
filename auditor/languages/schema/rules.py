"""x-kubernetes-validations: CEL rules at every level of a schema."""

import re
from collections.abc import Iterator, Mapping

from auditor.dataclass import dataclass
from auditor.errors import CompileError, Problem
from auditor.json import Json
from auditor.languages import cel
from auditor.languages.outcome import Outcome
from auditor.languages.schema import fielderror
from auditor.languages.schema.celtypes import Cast, cast_of, type_of
from auditor.languages.schema.correlation import Correlation, by_key, find
from auditor.languages.schema.node import Node, Rule
from auditor.languages.schema.place import ROOT, Place
from auditor.languages.schema.reorder import Reorder, reorder_of
from auditor.languages.schema.rulepath import RulePath, parse_rule_path
from auditor.languages.schema.violation import Violation

OWN_LIMITS = ("budget", "iteration", "cannot be read", "is not available here", "nests too deeply")
"""Marks of errors that the server would not have: nothing is known then, so it is no violation."""
MAX_MESSAGE = 5 * 1024
"""Bytes of an evaluated messageExpression; the API server takes no longer ones."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """`program` is None where the rule does not compile here; then every object gets `fault`."""

    rule: Rule
    program: cel.Program | None
    message: cel.Program | None
    path: RulePath
    uses_old: bool
    fault: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The rules of one level of the schema, compiled."""

    rules: tuple[CompiledRule, ...]
    cast: Cast | None
    reorder: Reorder | None
    problems: tuple[Problem, ...]


@dataclass(slots=True, eq=False)
class RuleBranch:
    """A level of the schema that has rules, or under which there are some.

    Compiled when an object first reaches it: large schemas have hundreds of rules, and most objects few of the parts.
    """

    node: Node
    path: str
    root: bool
    properties: "Mapping[str, RuleBranch]"
    items: "RuleBranch | None"
    values: "RuleBranch | None"
    _level: Level | None = None

    def level(self) -> Level:
        if self._level is None:
            self._level = _compile_level(self)  # two threads may both do it: the same comes out
        return self._level

    def problems(self) -> Iterator[Problem]:
        """Of this level, and of all below."""
        for below in (*self.properties.values(), self.items, self.values):
            if below is not None:
                yield from below.problems()
        yield from self.level().problems


def find_rules(root: Node) -> RuleBranch | None:
    """None where the schema has no rules."""
    return _find(root, "", root=True)


def _find(node: Node, path: str, *, root: bool = False) -> RuleBranch | None:
    properties = {
        name: found
        for name, child in node.properties.items()
        if (found := _find(child, f"{path}.properties[{name}]")) is not None
    }
    items = _find(node.items, f"{path}.items") if node.items is not None else None
    values = _find(node.values, f"{path}.additionalProperties") if node.values is not None else None
    if not (node.rules or properties or items or values):
        return None
    return RuleBranch(node, path, root, properties, items, values)


def _compile_level(branch: RuleBranch) -> Level:
    node, problems = branch.node, []
    rules: list[CompiledRule] = []
    own = type_of(node, root=branch.root) if node.rules else None
    for i, rule in enumerate(node.rules):
        at = f"{branch.path}.x-kubernetes-validations[{i}]".lstrip(".")
        compiled, wrong = _compile_rule(rule, node, own)
        rules.append(compiled)
        problems += [Problem(f"{at}.{p.message}", p.line, p.column) for p in wrong]
    old = any(rule.uses_old for rule in rules)
    return Level(tuple(rules), cast_of(node) if rules else None, reorder_of(node) if old else None, tuple(problems))


def _compile_rule(rule: Rule, node: Node, own: cel.Type | None) -> tuple[CompiledRule, list[Problem]]:
    problems: list[Problem] = []
    path, fault = parse_rule_path(rule.field_path, node)
    if fault:
        problems.append(Problem(f"fieldPath: {fault}"))
    program = message = None
    if own is None:
        problems.append(Problem("rule: there is no type here that CEL could see"))
    else:
        scope = cel.crd_scope(own, old=True, optional_old=rule.optional_old_self)
        program = _program("rule", rule.rule, scope, cel.BOOL, problems)
        if rule.message_expression.strip():
            message = _program("messageExpression", rule.message_expression, scope, cel.STRING, problems)
    uses_old = program is not None and "oldSelf" in program.names
    if program is not None and rule.optional_old_self and not uses_old:
        problems.append(Problem("optionalOldSelf: may not be set if oldSelf is not used in rule"))
    fault = "; ".join(p.message for p in problems) if program is None else ""
    return CompiledRule(rule, program, message, path, uses_old, fault), problems


def _program(field: str, text: str, scope: cel.Scope, result: cel.Type, problems: list[Problem]) -> cel.Program | None:
    try:
        return cel.compile(text, scope=scope, result=result)
    except CompileError as error:
        problems += (Problem(f"{field}: {p.message}", p.line, p.column) for p in error.problems)
        return None


@dataclass(frozen=True, slots=True)
class Ratchet:
    """The part of an update that belongs to a level of the schema, or the nearest level above that has one."""

    current: Correlation | None = None
    above: Correlation | None = None

    def forgives(self) -> bool:
        part = self.current or self.above
        return part is not None and part.unchanged()

    def key(self, name: str) -> "Ratchet":
        if self.current is None:
            return self
        if self.above is None and name in ("apiVersion", "kind"):
            return NOTHING_FORGIVEN
        return Ratchet(self.current.key(name), self.current)

    def index(self, i: int) -> "Ratchet":
        return self if self.current is None else Ratchet(self.current.index(i), self.current)


NOTHING_FORGIVEN = Ratchet()


def check_rules(branch: RuleBranch, obj: Json, old: Json, ratchet: Ratchet) -> list[Violation]:
    return list(_check(branch, obj, old, ROOT, ratchet))


def _check(branch: RuleBranch, value: Json, old: Json, place: Place, ratchet: Ratchet) -> Iterator[Violation]:
    if value is None:
        return  # a rule of a value that may be null has to stand above it
    if branch.node.rules:
        yield from _check_here(branch, value, old, place, ratchet)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        if branch.values is not None:
            for name, item in value.items():
                at = place.key(name)
                yield from _check(branch.values, item, before.get(name), at, ratchet.key(name))
        for name, below in branch.properties.items():
            if name in value:
                at = place.child(name)
                yield from _check(below, value[name], before.get(name), at, ratchet.key(name))
    elif isinstance(value, list) and branch.items is not None:
        is_map = branch.node.list_type == "map" and isinstance(old, list)
        olds = by_key(branch.node, old) if is_map else {}
        for i, item in enumerate(value):
            match = find(branch.node, olds, item) if olds else None
            yield from _check(branch.items, item, match, place.item(i), ratchet.index(i))


def _check_here(branch: RuleBranch, value: Json, old: Json, place: Place, ratchet: Ratchet) -> Iterator[Violation]:
    level = branch.level()
    seen = level.cast(value) if level.cast is not None else value
    names: dict[str, Json] = {"self": seen}
    if old is not None and level.reorder is not None:
        before = level.reorder(value, old)
        names["oldSelf"] = level.cast(before) if level.cast is not None else before
    bindings = cel.Bindings(**names)
    optional = None
    for each in level.rules:
        if each.uses_old and old is None and not each.rule.optional_old_self:
            continue
        if each.program is None:
            yield fielderror.internal(place, f"rule compile error: {each.fault}", value)
            continue
        used = bindings
        if each.rule.optional_old_self:
            olds = [names["oldSelf"]] if "oldSelf" in names else []
            optional = optional or cel.Bindings(self=seen, oldSelf=olds)
            used = optional
        outcome = each.program.run(used)
        if outcome.value is True:
            continue
        if outcome.error is not None:
            yield _failed(each, outcome.error, branch.node, value, place)
        elif each.uses_old or not ratchet.forgives():
            yield _violated(each, _detail(each, bindings), branch.node, value, place)


_MISSING_KEY = re.compile(r'^Key not found in map : "?(.*?)"?$')
_OUT_OF_BOUNDS = re.compile(r"^Index error: index=(-?\d+) size=\d+$")
_NO_OVERLOAD = "No matching overloads found"


def _failed(each: CompiledRule, error: str, node: Node, value: Json, place: Place) -> Violation:
    """An error of the rule is a violation to the server; one that only our evaluation can have is an internal error."""
    text = (each.rule.message or each.rule.rule).strip()
    if any(mark in error for mark in OWN_LIMITS):
        return fielderror.internal(place, f"{error} evaluating rule: {text}", value)
    if error.startswith(_NO_OVERLOAD):
        detail = "'no such overload': call arguments did not match a supported operator, function or macro signature"
        return fielderror.invalid(place, node.type, f"{detail} for rule: {text}", value=value)
    return fielderror.invalid(place, node.type, f"{_in_go(error)} evaluating rule: {text}", value=value)


def _in_go(error: str) -> str:
    """The commonest errors in the server's words."""
    if error == "divide by zero":
        return "division by zero"
    if found := _MISSING_KEY.match(error):
        return f"no such key: {found[1]}"
    if found := _OUT_OF_BOUNDS.match(error):
        return f"index out of bounds: {found[1]}"
    return error


def _detail(each: CompiledRule, bindings: cel.Bindings) -> str:
    if each.message is not None:
        outcome = each.message.run(bindings)
        text = _usable(outcome)
        if text:
            return text
    return each.rule.message.strip() or f"failed rule: {each.rule.rule.strip()}"


def _usable(outcome: Outcome) -> str:
    """Nothing where the server would fall back to the message: an error, an empty text, line breaks, too long."""
    if outcome.error is not None or not isinstance(outcome.value, str):
        return ""
    text = outcome.value.strip()
    return "" if "\n" in text or len(text.encode("utf-8", "replace")) > MAX_MESSAGE else text


def _violated(each: CompiledRule, detail: str, node: Node, value: Json, place: Place) -> Violation:
    at = each.path.under(place)
    composite = node.type in ("object", "array")
    match each.rule.reason:
        case "FieldValueForbidden":
            return fielderror.forbidden(at, value, detail)
        case "FieldValueRequired":
            return fielderror.required(at, detail)
        case "FieldValueDuplicate":
            return fielderror.duplicate_composite(at, value) if composite else fielderror.duplicate(at, value)
        case _:
            build = fielderror.invalid_composite if composite else fielderror.invalid
            return build(at, value, detail)
