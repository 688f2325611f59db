"""What Kubernetes refuses when a policy is created, beyond the types: mixed literals, constants that cannot work."""

from collections.abc import Callable, Iterator, Set
from typing import Final, TypeAlias

from cel_expr_python import cel as library

from auditor.languages.cel import environment, wire
from auditor.languages.cel.ast import Call, Constant, Fold, ListLiteral, Literal, MapLiteral, Node, children
from auditor.languages.cel.libraries.readings import READINGS
from auditor.languages.cel.libraries.regex import compiled
from auditor.languages.cel.libraries.text import check_arguments
from auditor.languages.cel.types import DYN, Type
from auditor.languages.cel.wire import Tree

Complaints: TypeAlias = Iterator[tuple[str, int]]

_CONVERSIONS: Final = frozenset({"int", "uint", "double", "string", "bool", "bytes", "timestamp", "duration"})
_PATTERNS: Final = frozenset({"matches", "find", "findAll"})
_UNWRAPPING: Final = frozenset({"value", "hasValue", "_?._", "_[?_]", "_[_]", "_==_", "_!=_", "size", "first", "last"})
_NAMES: Final = {"format": "format", "cel.@mapInsert": "transformMap"}
_OBJECT: Final = Type("Object")


def check_tree(tree: Tree, type_of: Callable[[int], Type], objects: Set[int]) -> Complaints:
    """Messages and the nodes that they are about. `objects` are the maps that are written `Object{...}`."""
    yield from _Checks(type_of, objects).visit(tree.root, exempt=False)


def find_hidden_optional(root: Node, type_of: Callable[[int], Type]) -> int | None:
    """A node whose type does not tell that an optional can be in it, which crashes where it gets to Python."""
    if isinstance(root, Call | ListLiteral | MapLiteral | Fold):
        type_ = type_of(root.id)
        unwraps = isinstance(root, Call) and root.function in _UNWRAPPING
        inside = () if unwraps else children(root)
        if isinstance(root, Call) and root.function == "orValue":
            inside = root.arguments
        hides = _has(type_, "dyn") and not _has(type_, "optional_type")
        if hides and any(_has(type_of(each.id), "optional_type") for each in inside):
            return root.id
    found = (find_hidden_optional(child, type_of) for child in children(root))
    return next((each for each in found if each is not None), None)


def hands_lists_to_python(root: Node) -> bool:
    if isinstance(root, Call) and root.function in _NAMES:
        return True
    return any(map(hands_lists_to_python, children(root)))


def check_mutation(root: Node, wanted: str, objects: Set[int]) -> Complaints:
    """Plain maps are no objects, and a list that is always empty is no patch; to the library they are of one type."""
    leaves = list(_leaves(root))
    if wanted == "Object":
        for leaf in leaves:
            if isinstance(leaf, MapLiteral) and leaf.id not in objects:
                yield "must evaluate to Object, this is a map; write Object{...}", leaf.id
    elif wanted == "JSONPatch" and all(isinstance(leaf, ListLiteral) and not leaf.elements for leaf in leaves):
        yield "must evaluate to list(JSONPatch), this is a list of nothing", root.id


def _leaves(node: Node) -> Iterator[Node]:
    """What the expression may evaluate to, by its conditions."""
    if isinstance(node, Call) and node.function == "_?_:_":
        yield from _leaves(node.arguments[1])
        yield from _leaves(node.arguments[2])
    else:
        yield node


class _Checks:
    def __init__(self, type_of: Callable[[int], Type], objects: Set[int]) -> None:
        self._type_of = type_of
        self._objects = objects

    def visit(self, node: Node, *, exempt: bool) -> Complaints:
        match node:
            case ListLiteral() if not exempt:
                yield from self._mixed([(e, i in node.optional) for i, e in enumerate(node.elements)], "list elements")
            case MapLiteral() if not exempt and node.id not in self._objects:
                yield from self._mixed([(e.key, False) for e in node.entries if not isinstance(e.key, str)], "map keys")
                yield from self._mixed([(e.value, e.optional) for e in node.entries], "map values")
            case Call():
                yield from self._call(node)
        # The arguments of `format` may be of all types.
        is_format = isinstance(node, Call) and node.function == "format"
        for child in children(node):
            yield from self.visit(child, exempt=exempt or is_format)

    def _call(self, node: Call) -> Complaints:
        yield from _constant_call(node)
        match node.function:
            case "indexOf" | "lastIndexOf":
                yield from self._list_call(node)
            case "format":
                yield from self._format_call(node)
        if node.function in _NAMES:
            yield from self._python_lists(node)

    def _mixed(self, nodes: list[tuple[Node, bool]], what: str) -> Complaints:
        first: Type | None = None
        for node, is_optional in nodes:
            type_ = self._type_of(node.id)
            if node.id in self._objects:
                type_ = _OBJECT
            elif is_optional and type_.parameters:
                type_ = type_.parameters[0]
            if first is None:
                first = type_
            elif type_ != first:
                yield f"{what} must be of one type: expected {first}, found {type_}", node.id

    def _list_call(self, node: Call) -> Complaints:
        """`indexOf` of a list is declared for all elements, which its element's type narrows down."""
        if node.target is None or len(node.arguments) != 1:
            return
        list_type, wanted = self._type_of(node.target.id), self._type_of(node.arguments[0].id)
        if list_type.name == "list" and DYN not in (wanted, *list_type.parameters):
            (element,) = list_type.parameters
            if element != wanted:
                yield f"found no matching overload for {node.function!r} applied to '{list_type}.({wanted})'", node.id

    def _format_call(self, node: Call) -> Complaints:
        match node:
            case Call(target=Constant(value=str() as text), arguments=(ListLiteral(elements=elements),)):
                for message in check_arguments(text, [self._type_of(e.id) for e in elements]):
                    yield message, node.id

    def _python_lists(self, node: Call) -> Complaints:
        """An optional in a list that gets to Python would crash the process."""
        for each in node.arguments:
            inside = each.elements if isinstance(each, ListLiteral) else (each,)
            for one in inside:
                if _has(self._type_of(one.id), "optional_type"):
                    yield f"{_NAMES[node.function]} cannot take an optional here; write .orValue(...)", one.id


def _has(type_: Type, name: str) -> bool:
    return type_.name == name or any(_has(parameter, name) for parameter in type_.parameters)


def _constant_call(node: Call) -> Complaints:
    match node:
        case Call(function=function, arguments=(Constant(value=value),), target=None) if function in _CONVERSIONS:
            yield from ((message, node.id) for message in _conversion(node, value))
        case Call(function=function, arguments=(*_, Constant(value=str() as pattern))) if function in _PATTERNS:
            yield from _pattern(pattern, node.arguments[-1].id)
        case Call(function="findAll", arguments=(Constant(value=str() as pattern), _)):
            yield from _pattern(pattern, node.arguments[0].id)


def _conversion(node: Call, value: Literal) -> Iterator[str]:
    """Tries the conversion."""
    if isinstance(value, str) and node.function in READINGS:
        try:
            node = Call(node.id, node.function, (Constant(node.arguments[0].id, READINGS[node.function](value)),))
        except ValueError as error:
            yield str(error)
            return
    program = environment.evaluation().deserialize(wire.encode(node, {}))
    result = program.eval(environment.evaluation().Activation({}))
    if result.type() == library.Type.ERROR:
        yield str(result).partition(": ")[2]


def _pattern(pattern: str, node: int) -> Complaints:
    try:
        compiled(pattern)
    except ValueError as error:
        yield str(error), node
