"""Finds what the names in an expression mean, before its types are checked.

The library checks types against environments, and a new one costs 2 ms. So that all expressions can share one, each
name of ours, with as many of the fields behind it as have a known type, is replaced by a name for its type that the
environment declares beforehand: `request.operation` and `variables.image` become the first and the second of the
names for strings.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from difflib import get_close_matches
from typing import Final

from auditor.dataclass import dataclass
from auditor.errors import Problem
from auditor.languages.cel.ast import Call, Constant, Entry, Fold, ListLiteral, MapLiteral, Name, Node, Select, children
from auditor.languages.cel.edits import Edit, line_and_column
from auditor.languages.cel.environment import name_of
from auditor.languages.cel.escaping import unescape
from auditor.languages.cel.guess import held, join, type_of_call
from auditor.languages.cel.scope import AUTHORIZER, RESOURCE_CHECK, Scope
from auditor.languages.cel.types import DYN, ObjectType, Type, list_of, optional_of, spell
from auditor.languages.cel.wire import Tree

VARIABLE: Final = "@variables."
"""What stands before a variable's name in the tree that is evaluated."""

_FIELD: Final = re.compile(r"\s*\.\s*(\??)\s*([_a-zA-Z][_a-zA-Z0-9]*)")
_QUOTED_FIELD: Final = re.compile(r"\s*\.\s*\??\s*`")
_BEFORE_COLON: Final = re.compile(r"([_a-zA-Z][_a-zA-Z0-9]*)\s*$")
_JSON_PATCH_FIELDS = frozenset({"op", "path", "from", "value"})


@dataclass(slots=True)
class Resolution:
    """The edits for the checker, what its names stand for, and the mistakes that it would not find."""

    edits: list[Edit] = field(default_factory=list)
    meanings: dict[str, Node] = field(default_factory=dict)
    """The tree to evaluate in place of each name of the checker's."""
    types: dict[str, Type] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    objects: set[int] = field(default_factory=set)
    """Where the braces of `Object{` are."""


def resolve(source: str, tree: Tree, scope: Scope) -> Resolution:
    resolver = _Resolver(source, tree, scope)
    resolver.visit(tree.root, {})
    return resolver.found


class _Resolver:
    def __init__(self, source: str, tree: Tree, scope: Scope) -> None:
        self.source = source
        self.positions = tree.positions
        self.scope = scope
        self.found = Resolution()
        self.names: dict[tuple[str, ...], str] = {}

    def visit(self, node: Node, bound: Mapping[str, Type]) -> Type:
        """The type of the node, as far as it is known without the checker, which only matters for objects."""
        match node:
            case Constant():
                return DYN
            case Name() | Select() | Call(function="_?._", arguments=(_, Constant(value=str()))):
                return self._visit_path(node, bound)
            case Fold():
                return self._visit_fold(node, bound)
            case MapLiteral(name=name) if name:
                self._visit_object(node)
            case Call(function="exists_one", target=target, arguments=(Name() as first, Name() as second, _)) if target:
                return self._visit_exists_one(node, target, {**bound, first.name: DYN, second.name: DYN}, bound)
            case Call(target=Name(name="jsonpatch")) if not self.scope.mutation:
                self._problem(node.id, "jsonpatch can be used in mutations only")
        types = [self.visit(child, bound) for child in children(node)]
        match node:
            case Call(function="_[_]") if isinstance(types[0], ObjectType):
                self._problem(node.id, "an object with known fields has no index; write a dot and the field")
            case Call(function="@in") if isinstance(types[1], ObjectType):
                self._problem(node.id, "an object with known fields is no map; write has(...)")
            case Call(function="size") if isinstance(types[0], ObjectType):
                self._problem(node.id, "an object with known fields has no size")
            case Call():
                return type_of_call(node, types)
            case ListLiteral():
                return list_of(join(*types))
        return DYN

    def _visit_exists_one(self, node: Call, target: Node, inner: Mapping[str, Type], bound: Mapping[str, Type]) -> Type:
        """With two variables the library knows it by its other name only."""
        name = self.source.rfind("exists_one", 0, self.positions.get(node.id, 0))
        self.found.edits.append(Edit(name, name + len("exists_one"), "existsOne"))
        self.visit(target, bound)
        return self.visit(node.arguments[2], inner)

    def _visit_fold(self, node: Fold, bound: Mapping[str, Type]) -> Type:
        range_type = self.visit(node.range, bound)
        if isinstance(range_type, ObjectType):
            self._problem(node.range.id, "an object with known fields cannot be gone through")
        initial_type = self.visit(node.initial, bound)
        is_map = range_type.name == "map"
        inner = {**bound, node.accumulator: initial_type, node.variable: DYN if is_map else held(range_type)}
        if node.second_variable:
            inner |= {node.variable: DYN, node.second_variable: held(range_type)}
        self.visit(node.condition, inner)
        inner[node.accumulator] = join(initial_type, self.visit(node.step, inner))
        return self.visit(node.result, inner)

    def _visit_path(self, node: Node, bound: Mapping[str, Type]) -> Type:
        path: list[_Step] = []
        root = node
        while step := _last_step(root):
            path.insert(0, step)
            root = step.operand
        if not isinstance(root, Name):
            return self._walk(self.visit(root, bound), path)
        if root.name in bound:
            return self._walk(bound[root.name], path)
        start = self.positions.get(root.id, 0)
        if self.source[start : start + len(root.name)] != root.name:
            return DYN
        if root.name == "variables":
            return self._variable(root, path, start)
        if root.name == "authorizer" and path and path[0].field == "requestResource":
            return self._authorizer_resource(root, path, start)
        if root.name in self.scope.names:
            return self._scope_name(root, path, start)
        if root.name in self.scope.refused:
            self._problem(root.id, self.scope.refused[root.name])
            # So that the checker does not complain of the same again.
            self._replace(start, start + len(root.name), (root.name,), DYN, root)
        return DYN

    def _variable(self, root: Name, path: "list[_Step]", start: int) -> Type:
        match_ = _FIELD.match(self.source, start + len(root.name))
        if not path or match_ is None or path[0].optional:
            self._problem(root.id, "write variables.NAME with the name of a variable that is declared above")
            return DYN
        name = path[0].field
        if name not in self.scope.variables:
            near = nearest(name, self.scope.variables)
            self._problem(path[0].id, f"variables.{name} is not declared above{near}")
            self._replace(start, match_.end(), ("variables", name), DYN, root)
            return DYN
        if name not in self.found.variables:
            self.found.variables.append(name)
        type_ = self.scope.variables[name].type
        if path[0].test:
            # It is declared, so it is there; whether it has a value does not matter.
            there = MapLiteral(0, (Entry(0, Constant(0, name), Constant(0, value=True)),))
            self._replace(start, start + len(root.name), ("variables", "has", name), DYN, there)
            return DYN
        self._replace(start, match_.end(), ("variables", name), type_, Name(root.id, VARIABLE + name))
        return self._walk(type_, path[1:])

    def _authorizer_resource(self, root: Name, path: "list[_Step]", start: int) -> Type:
        match_ = _FIELD.match(self.source, start + len(root.name))
        if match_ and not path[0].optional and "authorizer" in self.scope.names:
            name = "authorizer.requestResource"
            self._replace(start, match_.end(), (name,), RESOURCE_CHECK, Name(root.id, name))
        elif "authorizer" in self.scope.refused:
            self._problem(root.id, self.scope.refused["authorizer"])
            self._replace(start, start + len(root.name), ("authorizer",), AUTHORIZER, root)
        return DYN

    def _scope_name(self, root: Name, path: "list[_Step]", start: int) -> Type:
        """Takes as many fields into the replaced part as have a known type."""
        type_ = self.scope.names[root.name]
        meaning: Node = Name(root.id, root.name)
        if type_.name == "optional_type":
            # An optional cannot be handed over; the binding is a list of one value or none.
            meaning = Call(0, "_[?_]", (meaning, Constant(0, 0)))
        end = start + len(root.name)
        taken: tuple[str, ...] = (root.name,)
        rest = path
        while rest and not rest[0].test and (fields := _fields_of(type_)) is not None:
            step = rest[0]
            match_ = _FIELD.match(self.source, end)
            field_type = self._field_type(fields, step)
            if match_ is None or field_type is None:
                break
            name = self._unescape(step.field)
            meaning, type_ = step.above(meaning, name), step.type_of(type_, field_type)
            end, taken, rest = match_.end(), (*taken, f"?{name}" if step.optional else name), rest[1:]
        self._replace(start, end, taken, type_, meaning)
        return self._walk(type_, rest)

    def _walk(self, type_: Type, path: "list[_Step]") -> Type:
        """Checks the fields of objects that are reached in other ways, such as the elements of a list."""
        for step in path:
            place = self._place_of_field(step)
            if place is None and _QUOTED_FIELD.match(self.source, self.positions.get(step.id, 0)):
                self._problem(step.id, "field names in backquotes are not known to Kubernetes; write x['name']")
            name = self._unescape(step.field)
            inside = held(type_) if type_.name == "optional_type" else type_
            field_type: Type | None
            if isinstance(inside, ObjectType):
                if name != step.field and place:
                    self.found.edits.append(Edit(*place, f"`{name}`"))
                field_type = self._field_type(inside, step)
                if field_type is None:
                    return DYN
            elif inside.name == "map":
                field_type = held(inside)
            else:
                field_type = DYN
                if name != step.field:
                    self._problem(step.id, f"whether {step.field!r} stands for {name!r} is not known here")
            type_ = step.type_of(type_, field_type)
        return type_

    def _unescape(self, name: str) -> str:
        return unescape(name) if self.scope.escaped else name

    def _place_of_field(self, step: "_Step") -> tuple[int, int] | None:
        """Where its name stands; of a `has(...)` only the beginning is known."""
        start = self.positions.get(step.id, 0)
        if step.test:
            match_ = re.compile(rf"\.\s*()({re.escape(step.field)})\s*\)").search(self.source, start)
        else:
            match_ = _FIELD.match(self.source, start)
        return match_.span(2) if match_ else None

    def _field_type(self, type_: ObjectType, step: "_Step") -> Type | None:
        name = self._unescape(step.field)
        found = type_.fields.get(name)
        if found is None:
            place = self._place_of_field(step)
            message = f"there is no field {name!r} here{nearest(name, type_.fields)}"
            self._problem(step.id, message, place[0] if place else None)
        return found

    def _visit_object(self, node: MapLiteral) -> None:
        """`Object.spec{a: 1}` becomes `{"a": 1}`: objects of a mutation have any field that their names allow."""
        start = self.positions.get(node.id, 0)
        allowed = node.name == "JSONPatch" or node.name.partition(".")[0] == "Object"
        if not self.scope.mutation or not allowed:
            self._problem(node.id, f"there is no type {node.name!r} here")
        brace = self.source.find("{", start)
        self.found.edits.append(Edit(start, brace, ""))
        self.found.objects.add(brace)
        for entry in node.entries:
            colon = self.positions.get(entry.id, 0)
            match_ = _BEFORE_COLON.search(self.source, 0, colon)
            if match_:
                self.found.edits.append(Edit(match_.start(1), match_.end(1), f'"{entry.key}"'))
            if node.name == "JSONPatch" and entry.key not in _JSON_PATCH_FIELDS:
                self._problem(entry.id, f"a JSONPatch has op, path, from and value, not {entry.key!r}")
            child = entry.value
            if isinstance(child, MapLiteral) and child.name and node.name != "JSONPatch":
                expected = f"{node.name}.{entry.key}"
                if child.name != expected:
                    self._problem(child.id, f"the field {entry.key!r} is an {expected}, not an {child.name}")

    def _replace(self, start: int, end: int, path: tuple[str, ...], type_: Type, meaning: Node) -> None:
        name = self.names.get(path)
        if name is None:
            number = sum(spell(t) == spell(type_) for t in self.found.types.values())
            name = self.names[path] = name_of(type_, number)
            self.found.types[name] = type_
            self.found.meanings[name] = meaning
        self.found.edits.append(Edit(start, end, name))

    def _problem(self, node: int, message: str, offset: int | None = None) -> None:
        place = self.positions.get(node, 0) if offset is None else offset
        problem = Problem(message, *line_and_column(self.source, place))
        if problem not in self.found.problems:
            self.found.problems.append(problem)


@dataclass(frozen=True, slots=True)
class _Step:
    """One `.field` or `.?field` of a path, or the field that `has` asks for."""

    id: int
    operand: Node
    field: str
    test: bool = False
    optional: bool = False

    def above(self, operand: Node, name: str) -> Node:
        if self.optional:
            return Call(self.id, "_?._", (operand, Constant(0, name)))
        return Select(self.id, operand, name)

    def type_of(self, operand: Type, field_type: Type) -> Type:
        if self.test:
            return DYN
        return optional_of(field_type) if self.optional or operand.name == "optional_type" else field_type


def _last_step(node: Node) -> _Step | None:
    match node:
        case Select(id=number, operand=operand, field=field_, test=test):
            return _Step(number, operand, field_, test=test)
        case Call(id=number, function="_?._", arguments=(operand, Constant(value=str() as field_))):
            return _Step(number, operand, field_, optional=True)
    return None


def _fields_of(type_: Type) -> ObjectType | None:
    """An optional object lends its fields, as optionals."""
    inside = held(type_) if type_.name == "optional_type" else type_
    return inside if isinstance(inside, ObjectType) else None


def nearest(name: str, known: Mapping[str, object]) -> str:
    """`, did you mean x?` where something is near."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
