"""From a policy to one that can judge, or to all of its mistakes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from auditor.engine.compiled import CompiledMutation, CompiledPolicy, CompiledRule
from auditor.engine.match import compile_match
from auditor.engine.mistakes import Mistake, collect
from auditor.engine.typos import Schemas, find_typos
from auditor.errors import CompileError
from auditor.languages import cel, jq, schema
from auditor.model.policy import Change, Expression, Language, Mutation, Policy, Rule

# The variables of jq programs. What they stand for: bindings.py.
JQ_NAMES = ("request", "old", "params", "namespace", "lookups")

T = TypeVar("T")


def compile_policy(policy: Policy, schemas: Schemas | None = None) -> tuple[CompiledPolicy | None, list[Mistake]]:
    """The compiled policy, if there is no mistake that is more than a warning, and all mistakes.

    `schemas` are those of the kinds that it matches, where they are known: paths are checked against them.
    """
    compiler = _Compiler(policy, schemas or {})
    compiled = compiler.compile()
    failed = any(not mistake.warning for mistake in compiler.mistakes)
    return (None if failed else compiled), compiler.mistakes


class _Compiler:
    def __init__(self, policy: Policy, schemas: Schemas) -> None:
        self.policy = policy
        self.schemas = schemas
        self.mistakes: list[Mistake] = []
        self.programs: list[cel.Program] = []
        has_params = policy.param_kind is not None or policy.params is not None
        self.conditions_scope = cel.admission_scope(params=has_params)
        self.scope = self._with_lookups(self.conditions_scope)
        self.message_scope = self._with_lookups(cel.admission_scope(params=has_params, authorizer=False))

    def _with_lookups(self, scope: cel.Scope) -> cel.Scope:
        """Each by its name; one that the policy does not declare is a mistake."""
        if not self.policy.lookups:
            return scope
        lists = {each.name: cel.list_of(cel.DYN) for each in self.policy.lookups}
        return replace(scope, names={**scope.names, "lookups": cel.object_of(lists)})

    def compile(self) -> CompiledPolicy:
        policy = self.policy
        self._check_names()
        conditions = tuple(
            (each.name, program)
            for each in policy.conditions
            if (program := self._cel(each, self.conditions_scope)) is not None
        )
        for each in policy.variables:
            program = self._cel(each, self.scope, cel.ANY)
            if program is not None:
                self.scope = self.scope.with_variable(each.name, program)
                self.message_scope = self.message_scope.with_variable(each.name, program)
        rules = tuple(self._rule(rule) for rule in policy.rules)
        mutations = tuple(self._mutation(mutation) for mutation in policy.mutations)
        annotations = tuple(
            (each.name, program)
            for each in policy.audit_annotations
            if (program := self._cel(each, self.scope, cel.STRING_OR_NULL)) is not None
        )
        return CompiledPolicy(
            policy,
            tuple(compile_match(match, custom_only=not policy.native) for match in policy.matches),
            conditions,
            rules,
            _together(rules),
            mutations,
            annotations,
            conditions_need_user=any(needs_user(program) for _, program in conditions),
            names=frozenset(name for program in self.programs for name in program.names),
        )

    def _check_names(self) -> None:
        for what, named in (
            ("rule", [(rule.name, rule.pointer) for rule in self.policy.rules]),
            ("mutation", [(mutation.name, mutation.pointer) for mutation in self.policy.mutations]),
            ("variable", [(each.name, each.pointer) for each in self.policy.variables]),
        ):
            seen = set()
            for name, pointer in named:
                if name in seen:
                    self._wrong(f"another {what} is named {name!r} already", pointer)
                seen.add(name)

    def _wrong(self, message: str, pointer: str) -> None:
        self.mistakes.append(Mistake(policy=self.policy.name, pointer=pointer, message=message))

    def _try(self, act: Callable[[], T], pointer: str, rule: str = "") -> T | None:
        try:
            return act()
        except CompileError as error:
            self.mistakes += collect(error, policy=self.policy.name, pointer=pointer, rule=rule)
            return None

    def _cel(
        self, expression: Expression, scope: cel.Scope, result: cel.Type = cel.BOOL, rule: str = ""
    ) -> "cel.Program | None":
        program = self._try(lambda: cel.compile(expression.text, scope, result), expression.pointer, rule)
        if program is not None:
            self.programs.append(program)
            self._typos(_object_paths(program), expression.pointer, rule)
        return program

    def _typos(self, paths: Iterator[tuple[tuple[str, ...], int, int]], pointer: str, rule: str) -> None:
        """In CEL of our own policies an error, as a type error is; for native ones and jq, which work, a warning."""
        is_cel = not pointer.endswith(("/jq", "/deny"))
        for problem in find_typos(paths, self.schemas):
            self.mistakes.append(
                Mistake.of(
                    problem,
                    policy=self.policy.name,
                    pointer=pointer,
                    rule=rule,
                    warning=self.policy.native or not is_cel,
                )
            )

    def _jq(self, text: str, pointer: str, rule: str) -> "jq.Program | None":
        program = self._try(lambda: jq.compile(text, JQ_NAMES), pointer, rule)
        if program is not None:
            paths = ((p.path, p.line, p.column) for p in jq.selected_paths(text))
            self._typos((t for t in paths if all(isinstance(s, str) for s in t[0])), pointer, rule)  # type: ignore[misc]
        return program

    def _rule(self, rule: Rule) -> CompiledRule:
        pointer = f"{rule.pointer}/{rule.language}"
        message = None
        if rule.message_expression:
            expression = Expression(rule.name, rule.message_expression, f"{rule.pointer}/messageExpression")
            message = self._cel(expression, self.message_scope, cel.STRING, rule.name)
        match rule.language:
            case Language.CEL:
                if self.policy.native:
                    pointer = f"{rule.pointer}/expression"
                program = self._cel(Expression(rule.name, rule.body, pointer), self.scope, cel.BOOL, rule.name)
                if program is None:
                    return CompiledRule(rule)
                return CompiledRule(
                    rule, cel=program, message=message, path=_only(program), needs_user=needs_user(program)
                )
            case Language.JQ | Language.DENY:
                compiled = self._jq(rule.body, pointer, rule.name)
                user = compiled is not None and "request" in compiled.uses and "userInfo" in rule.body
                return CompiledRule(rule, jq=compiled, message=message, path=_only_jq(rule), needs_user=user)
            case Language.SCHEMA:
                checked = self._try(lambda: schema.compile(rule.body, sensitive=rule.sensitive), pointer, rule.name)
                return CompiledRule(rule, schema=checked, message=message)

    def _mutation(self, mutation: Mutation) -> CompiledMutation:
        match mutation.change:
            case Change.JQ:
                return CompiledMutation(mutation, jq=self._jq(mutation.body, f"{mutation.pointer}/jq", mutation.name))
            case Change.JSON_PATCH | Change.MERGE_PATCH:
                return CompiledMutation(mutation, patch=mutation.body)
        scope = cel.Scope(
            names=self.scope.names, variables=self.scope.variables, refused=self.scope.refused, mutation=True
        )
        results = {Change.APPLY_CONFIGURATION: cel.OBJECT, Change.CEL_JSON_PATCH: cel.JSON_PATCH}
        result = results.get(mutation.change) or (cel.OBJECT if "Object{" in mutation.body else cel.JSON_PATCH)
        pointer = mutation.pointer if self.policy.native else f"{mutation.pointer}/cel"
        program = self._cel(Expression(mutation.name, mutation.body, pointer), scope, result, mutation.name)
        return CompiledMutation(mutation, cel=program)


def _together(rules: Sequence[CompiledRule]) -> "cel.Conjunction | None":
    programs = [rule.cel for rule in rules if rule.cel is not None and not rule.needs_user]
    return cel.Conjunction(programs) if len(programs) > 1 else None


def needs_user(program: "cel.Program") -> bool:
    return "authorizer" in program.names or any(
        s.root == "request" and s.path[:1] == ("userInfo",) for s in all_selected(program)
    )


def all_selected(program: "cel.Program") -> "Iterator[cel.Selected]":
    yield from program.selected
    for variable in program.variables.values():
        yield from all_selected(variable)


def _object_paths(program: "cel.Program") -> Iterator[tuple[tuple[str, ...], int, int]]:
    for each in program.selected:
        if each.root in ("object", "oldObject"):
            yield each.path, each.line, each.column


def _only(program: "cel.Program") -> str:
    """The pointer of the only path that it reads from the object; empty where it reads several."""
    paths = {each.path for each in all_selected(program) if each.root == "object"}
    longest = max(paths, key=len, default=())
    if all(longest[: len(path)] == path for path in paths):
        return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in longest)
    return ""


def _only_jq(rule: Rule) -> str:
    try:
        paths = {tuple(p.path) for p in jq.selected_paths(rule.body)}
    except (CompileError, ValueError):
        return ""
    only = paths.pop() if len(paths) == 1 else ()
    return "" if None in only else jq.pointer(list(only))  # None: every item


def check_unique(policies: list[Policy]) -> list[Mistake]:
    seen: set[tuple[str, str, str]] = set()
    mistakes = []
    for policy in policies:
        key = (policy.kind, policy.name, policy.binding)
        if key in seen:
            what = f"another {policy.kind} is named {policy.name!r} already"
            mistakes.append(Mistake(policy=policy.name, pointer="/metadata/name", message=what))
        seen.add(key)
    return mistakes
