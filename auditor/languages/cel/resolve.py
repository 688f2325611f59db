"""Finds what the names in an expression mean, before its types are checked.

The library checks types against environments, and a new one costs 2 ms. So that all expressions can share one, each
name of ours, with as many of the fields behind it as have a known type, is replaced by a name for its type that the
environment declares beforehand: `request.operation` and `variables.image` become the first and the second of the
names for strings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from auditor.errors import Problem
from auditor.languages.cel.ast import Call, Constant, Entry, Fold, ListLiteral, MapLiteral, Name, Node, Select, children
from auditor.languages.cel.edits import Edit, line_and_column
from auditor.languages.cel.environment import name_of
from auditor.languages.cel.scope import AUTHORIZER, RESOURCE_CHECK, Scope
from auditor.languages.cel.types import BYTES, DURATION, DYN, TIMESTAMP, ObjectType, Type, spell
from auditor.languages.cel.wire import Tree

VARIABLE: Final = "@variables."
"""What stands before a variable's name in the tree that is evaluated."""

_CONVERSIONS = {TIMESTAMP: "timestamp", DURATION: "duration", BYTES: "@bytes_of_base64"}
_FIELD = re.compile(r"\s*\.\s*([_a-zA-Z][_a-zA-Z0-9]*)")
_QUOTED_FIELD = re.compile(r"\s*\.\s*`")
_BEFORE_COLON = re.compile(r"([_a-zA-Z][_a-zA-Z0-9]*)\s*$")
_ESCAPES = {"__underscores__": "__", "__dot__": ".", "__dash__": "-", "__slash__": "/"}
_ESCAPED = re.compile("|".join(_ESCAPES))
_KEYWORDS = re.compile(
    "true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void"
    "|while"
)
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
            case Name() | Select():
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
            case Call(function="_[_]"):
                if isinstance(types[0], ObjectType):
                    self._problem(node.id, "an object with known fields has no index; write a dot and the field")
                return types[0].parameters[-1] if types[0].parameters else DYN
            case ListLiteral() if types and all(t == types[0] for t in types):
                return Type("list", (types[0],))
        return DYN

    def _visit_exists_one(self, node: Call, target: Node, inner: Mapping[str, Type], bound: Mapping[str, Type]) -> Type:
        """With two variables the library knows it by its other name only."""
        name = self.source.rfind("exists_one", 0, self.positions.get(node.id, 0))
        self.found.edits.append(Edit(name, name + len("exists_one"), "existsOne"))
        self.visit(target, bound)
        return self.visit(node.arguments[2], inner)

    def _visit_fold(self, node: Fold, bound: Mapping[str, Type]) -> Type:
        range_type = self.visit(node.range, bound)
        initial_type = self.visit(node.initial, bound)
        element = range_type.parameters[-1] if range_type.name == "list" else DYN
        inner = {**bound, node.accumulator: initial_type}
        if node.second_variable:
            value = range_type.parameters[-1] if range_type.parameters else DYN
            inner |= {node.variable: DYN, node.second_variable: value}
        else:
            inner[node.variable] = element
        for part in (node.condition, node.step, node.result):
            self.visit(part, inner)
        # `filter` keeps the elements as they are; its accumulator starts as an empty list.
        return range_type if _is_filter(node) else DYN

    def _visit_path(self, node: Name | Select, bound: Mapping[str, Type]) -> Type:
        path: list[Select] = []
        root: Node = node
        while isinstance(root, Select):
            path.insert(0, root)
            root = root.operand
        if not isinstance(root, Name):
            type_ = self.visit(root, bound)
            return self._walk(type_, path, root)
        if root.name in bound:
            return self._walk(bound[root.name], path, root)
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

    def _variable(self, root: Name, path: list[Select], start: int) -> Type:
        match_ = _FIELD.match(self.source, start + len(root.name))
        if not path or match_ is None:
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

    def _authorizer_resource(self, root: Name, path: list[Select], start: int) -> Type:
        match_ = _FIELD.match(self.source, start + len(root.name))
        if match_ and "authorizer" in self.scope.names:
            name = "authorizer.requestResource"
            self._replace(start, match_.end(), (name,), RESOURCE_CHECK, Name(root.id, name))
        elif "authorizer" in self.scope.refused:
            self._problem(root.id, self.scope.refused["authorizer"])
            self._replace(start, start + len(root.name), ("authorizer",), AUTHORIZER, root)
        return DYN

    def _scope_name(self, root: Name, path: list[Select], start: int) -> Type:
        """Takes as many fields into the replaced part as have a known type."""
        type_ = self.scope.names[root.name]
        meaning: Node = Name(root.id, root.name)
        if type_.name == "optional_type":
            # An optional cannot be handed over; the binding is a list of one value or none.
            meaning = Call(0, "_[?_]", (meaning, Constant(0, 0)))
        end = start + len(root.name)
        taken: tuple[str, ...] = (root.name,)
        rest = path
        converts = False  # in CRDs a text's format decides on its type, elsewhere nothing does
        while rest and not rest[0].test and isinstance(type_, ObjectType):
            match_ = _FIELD.match(self.source, end)
            next_type = self._field_type(type_, rest[0])
            if match_ is None or next_type is None:
                break
            name = unescape(rest[0].field) if type_.escaped else rest[0].field
            converts = type_.escaped
            meaning, end, taken = Select(rest[0].id, meaning, name), match_.end(), (*taken, name)
            type_, rest = next_type, rest[1:]
        if converts and len(taken) > 1 and type_ in _CONVERSIONS:
            meaning = Call(0, _CONVERSIONS[type_], (meaning,))
        self._replace(start, end, taken, type_, meaning)
        return self._walk(type_, rest)

    def _walk(self, type_: Type, path: list[Select], root: Node | None = None) -> Type:
        """Checks the fields of objects that are reached in other ways, such as the elements of a list."""
        for at, select in enumerate(path):
            place = self._place_of_field(select)
            if place is None and _QUOTED_FIELD.match(self.source, self.positions.get(select.id, 0)):
                self._problem(select.id, "field names in backquotes are not known to Kubernetes; write x['name']")
            if not isinstance(type_, ObjectType):
                type_ = type_.parameters[1] if type_.name == "map" and len(type_.parameters) == 2 else DYN
                continue
            escaped = type_.escaped
            name = unescape(select.field) if escaped else select.field
            if name != select.field and place:
                self.found.edits.append(Edit(*place, f"`{name}`"))
            found = self._field_type(type_, select)
            type_ = found or DYN
            if escaped and found in _CONVERSIONS and at == len(path) - 1 and not select.test and root and place:
                self._convert(root, place[1], _CONVERSIONS[type_])
        return type_

    def _place_of_field(self, select: Select) -> tuple[int, int] | None:
        """Where its name stands; of a `has(...)` only the beginning is known."""
        start = self.positions.get(select.id, 0)
        if select.test:
            match_ = re.compile(rf"\.\s*({re.escape(select.field)})\s*\)").search(self.source, start)
        else:
            match_ = _FIELD.match(self.source, start)
        return match_.span(1) if match_ else None

    def _convert(self, root: Node, end: int, function: str) -> None:
        """Puts a conversion around what begins with the root, where that is a whole expression."""
        while not isinstance(root, Name):
            first = root.target if isinstance(root, Call) and root.target else next(iter(children(root)), None)
            if first is None:
                return
            root = first
        start = self.positions.get(root.id, 0)
        if _is_balanced(self.source[start:end]):
            self.found.edits.append(Edit(start, start, f"{function}("))
            self.found.edits.append(Edit(end, end, ")"))

    def _field_type(self, type_: ObjectType, select: Select) -> Type | None:
        name = unescape(select.field) if type_.escaped else select.field
        found = type_.fields.get(name)
        if found is None and not type_.open:
            place = self._place_of_field(select)
            message = f"there is no field {name!r} here{nearest(name, type_.fields)}"
            self._problem(select.id, message, place[0] if place else None)
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


def _is_balanced(text: str) -> bool:
    level = 0
    for character in text:
        level += (character in "([") - (character in ")]")
        if level < 0:
            return False
    return level == 0


def _is_filter(node: Fold) -> bool:
    match node.step:
        case Call(
            function="_?_:_", arguments=(_, Call(function="_+_", arguments=(_, ListLiteral(elements=(Name(),)))), _)
        ):
            return node.step.arguments[1].arguments[1].elements[0].name == node.variable  # type: ignore[union-attr]
    return False


def unescape(name: str) -> str:
    """The property that a field name of a CRD rule stands for."""
    if name.startswith("__") and name.endswith("__") and _KEYWORDS.fullmatch(name[2:-2]):
        return name[2:-2]
    return _ESCAPED.sub(lambda m: _ESCAPES[m.group()], name)


def nearest(name: str, known: Mapping[str, object]) -> str:
    """`, did you mean x?` where something is near."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
