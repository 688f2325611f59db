"""Turns a checked tree into the one that is evaluated."""

from collections.abc import Callable, Set
from dataclasses import replace
from typing import Final

from auditor.languages.cel import loops
from auditor.languages.cel.ast import Call, Constant, Entry, Fold, MapLiteral, Name, Node, Select, children
from auditor.languages.cel.build import Builder, map_children, renumber, set_anew
from auditor.languages.cel.libraries.quantity import Quantity
from auditor.languages.cel.libraries.readings import READINGS
from auditor.languages.cel.types import DURATION, DYN, STRING, TIMESTAMP, Type, is_opaque
from auditor.languages.cel.wire import Tree

_OPTIONAL: Final = "@of"
_INSERT: Final = "cel.@mapInsert"


class Rewriter:
    """Replaces what the library cannot evaluate, or evaluates otherwise than Kubernetes."""

    def __init__(
        self,
        tree: Tree,
        *,
        types: Callable[[int], Type],
        meanings: dict[str, Node],
        objects: Set[int],
        hides_optional: bool,
    ) -> None:
        self.tree = tree
        self.hides_optional = hides_optional
        self.objects = objects
        self.types = types
        self.meanings = meanings
        self.build = Builder(max([0, *tree.positions, *tree.types, *tree.references]) + 1)

    def rewrite(self, node: Node) -> Node:
        match node:
            case Name(name=name) if name in self.meanings:
                return renumber(self.meanings[name], self.build, {}, {})
            case Fold():
                return self._fold(node)
            case Call():
                return self._call(node)
            case MapLiteral() if node.id in self.objects:
                return replace(node, entries=tuple(map(self._object_entry, node.entries)))
        return map_children(node, self.rewrite)

    def _object_entry(self, entry: Entry) -> Entry:
        """In an object of a mutation an optional stands for its value, even without a question mark."""
        value = self.rewrite(entry.value)
        if not entry.optional and self.types(entry.value.id).name == "optional_type":
            value = self.build.call("value", target=value)
        return replace(entry, value=value, key=entry.key if isinstance(entry.key, str) else self.rewrite(entry.key))

    def _call(self, node: Call) -> Node:
        call = replace(
            node,
            target=None if node.target is None else self.rewrite(node.target),
            arguments=tuple(map(self.rewrite, node.arguments)),
        )
        build, target, arguments = self.build, call.target, call.arguments
        match node.function:
            case "validate" | "format.named":
                # Python cannot return an optional; neither an empty list nor an empty text is a result.
                return build.call("optional.ofNonZeroValue", call)
            case "optional.unwrap":
                return loops.unwrap(build, arguments[0])
            case "unwrapOpt" if target:
                return loops.unwrap(build, target)
            case "sum" if target:
                return loops.sum_of(build, target, self.types(node.id))
            case ("min" | "max") as name if target and not arguments:
                return loops.extreme_of(build, target, function=name)
            case "isSorted" if target:
                return loops.is_sorted(build, target)
            case ("indexOf" | "lastIndexOf") as name if target and len(arguments) == 1 and node.target:
                receiver = self.types(node.target.id)
                if receiver.name == "list":
                    return loops.index_of(build, target, arguments[0], last=name == "lastIndexOf")
                if receiver == DYN:
                    return self._index_of_either(call, target, arguments[0])
            case "_[_]":
                operand = self.types(node.arguments[0].id)
                if operand.name == "optional_type" or (operand == DYN and self.hides_optional):
                    return self._index(call, maybe=operand == DYN)
            case "lists.range":
                return build.call("lists.range", build.call("@bounded", *arguments))
            case ("_==_" | "_!=_") as operator if Quantity.TYPE in (self.types(a.id) for a in node.arguments):
                # Equal quantities can have different texts: `1000m` and `1`.
                equal = build.call("@equal", *arguments)
                return equal if operator == "_==_" else build.call("!_", equal)
            case "format" if target:
                return build.call("@format", target, *arguments)
            case "getMilliseconds" if target and node.target and self.types(node.target.id) == DURATION:
                return _total_milliseconds(build, target)
            case "string" | "int" | "uint" | "double" | "timestamp" | "duration":
                return self._conversion(call, self.types(node.arguments[0].id))
        return call

    def _index(self, call: Call, *, maybe: bool) -> Node:
        """Of an optional: what is not there is no value, as with `[?key]`, but a list has no keys that are no numbers.

        The library makes an optional of the error, which then has a value.
        """
        build = self.build
        of, key = build.name(_OPTIONAL), build.name("@key")
        value = build.call("value", target=of)
        is_list = build.call("_==_", build.call("type", value), build.name("list"))
        is_number = build.call("@in", build.call("type", key), build.list(*map(build.name, _NUMBERS)))
        is_wrong = build.call("_&&_", build.call("hasValue", target=of), is_list)
        is_wrong = build.call("_&&_", is_wrong, build.call("!_", is_number))
        error = build.call("@error", build.constant("the index of a list is no number"))
        found: Node = build.choice(is_wrong, error, build.call("_[?_]", of, key))
        if maybe:
            is_optional = build.call("_==_", build.call("type", of), build.name("optional_type"))
            found = build.choice(is_optional, found, replace(call, arguments=(of, key)))
        body = renumber(found, build, self.tree.references, self.tree.references)
        return build.bind(_OPTIONAL, call.arguments[0], build.bind("@key", call.arguments[1], body))

    def _conversion(self, call: Call, of: Type) -> Node:
        """Where the library reads texts that Kubernetes refuses, or writes others."""
        build, argument = self.build, call.arguments[0]
        if call.function == "string":
            if is_opaque(of):
                return build.call("@string", argument)
            return build.call("@trim", call) if of in (TIMESTAMP, DURATION) else call
        check = f"@{call.function}_text"
        match argument:
            case Constant(value=str() as text):
                return replace(call, arguments=(build.constant(READINGS[call.function](text)),))
        if of == STRING:
            return replace(call, arguments=(build.call(check, argument),))
        if of != DYN:
            return call
        is_text = build.call("_==_", build.call("type", build.name("@from")), build.name("string"))
        checked = build.call(check, build.name("@from"))
        converted: Node = replace(call, arguments=(build.choice(is_text, checked, build.name("@from")),))
        if call.function == "int":
            # Of a boolean the library makes 0 or 1, the API server an error.
            is_bool = build.call("_==_", build.call("type", build.name("@from")), build.name("bool"))
            error = build.call("@error", build.constant("no such overload: int(bool)"))
            converted = build.choice(is_bool, error, converted)
        return build.bind("@from", argument, converted)

    def _index_of_either(self, call: Call, target: Node, wanted: Node) -> Node:
        """Of a list or of a text, which shows only when it runs."""
        build = self.build
        is_list = build.call("_==_", build.call("type", build.name("@receiver")), build.name("list"))
        of_list = loops.index_of(build, build.name("@receiver"), wanted, last=call.function == "lastIndexOf")
        again = renumber(wanted, build, self.tree.references, self.tree.references)
        of_text = build.call(call.function, again, target=build.name("@receiver"))
        return build.bind("@receiver", target, build.choice(is_list, of_list, of_text))

    def _fold(self, node: Fold) -> Node:
        """`transformMap` and its like insert into a map, which the library declares and does not have.

        They become a list of pairs, and the map is made of that.
        """
        fold = map_children(set_anew(node), self.rewrite)
        if not isinstance(fold, Fold) or not _inserts(fold.step):
            return fold
        build = self.build

        def collect(step: Node) -> Node:
            match step:
                case Call(function=function, arguments=(accumulated, *pair)) if function == _INSERT:
                    if len(pair) == 1 and isinstance(pair[0], MapLiteral):
                        pairs = [build.list(e.key, e.value) for e in pair[0].entries if not isinstance(e.key, str)]
                    else:
                        pairs = [build.list(*pair)]
                    return build.call("_+_", accumulated, build.list(*pairs))
                case Call(function="_?_:_", arguments=(condition, yes, no)):
                    return build.choice(condition, collect(yes), collect(no))
            return step

        result = build.call("@map_of_pairs", fold.result)
        return Fold(
            fold.id,
            fold.variable,
            fold.range,
            fold.accumulator,
            build.list(),
            fold.condition,
            collect(fold.step),
            result,
            fold.second_variable,
        )


def _total_milliseconds(build: Builder, duration: Node) -> Node:
    """The library counts those of the last second only."""
    seconds = build.call("getSeconds", target=build.name("@duration"))
    rest = build.call("getMilliseconds", target=build.name("@duration"))
    total = build.call("_+_", build.call("_*_", seconds, build.constant(1000)), rest)
    return build.bind("@duration", duration, total)


def _inserts(step: Node) -> bool:
    match step:
        case Call(function="_?_:_", arguments=(_, yes, _)):
            return _inserts(yes)
        case Call(function=function):
            return function == _INSERT
    return False


_NUMBERS: Final = ("int", "uint", "double")
_SCALARS: Final = (
    "null_type",
    "bool",
    *_NUMBERS,
    "string",
    "bytes",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
)


def is_tolerant(node: Node) -> bool:
    """Does the tree ask whether a field is there? Then null and scalars matter, see `tolerate`."""
    match node:
        case Select(test=True):
            return True
        case Call(function="_?._" | "_[?_]" | "orValue"):
            return True
    return any(map(is_tolerant, children(node)))


def tolerate(node: Node, build: Builder) -> Node:
    """The same tree, in which null and scalars have no fields; as it is, to ask them for one is an error."""

    def change(each: Node) -> Node:
        changed = map_children(_unchained(each, build), change)
        asked: Node
        match changed:
            case Select(test=True, operand=operand):
                asked = Select(changed.id, build.name("@asked"), changed.field, test=True)
                nothing = build.constant(value=False)
                return build.bind("@asked", operand, build.choice(_is_scalar(build), nothing, asked))
            case Call(function="orValue", target=target) if target is not None:
                # A plain value is its own, up to Kubernetes 1.36.
                asked = replace(changed, target=build.name("@asked"))
                choice = build.choice(_is_optional(build), asked, build.name("@asked"))
                return build.bind("@asked", target, choice)
            case Call(function="_?._" | "_[?_]", arguments=(operand, key)):
                asked = Call(changed.id, changed.function, (build.name("@asked"), key))
                none = build.call("optional.none")
                is_optional = _is_optional(build)
                value = build.call("value", target=build.name("@asked"))
                holds_scalar = build.call(
                    "_&&_",
                    build.call("hasValue", target=build.name("@asked")),
                    build.bind("@held", value, _is_scalar(build, "@held")),
                )
                bad = build.choice(is_optional, holds_scalar, _is_scalar(build))
                return build.bind("@asked", operand, build.choice(bad, none, asked))
        return changed

    return change(node)


def _unchained(node: Node, build: Builder) -> Node:
    """Behind an optional `.x` means `.?x`, and `has` asks whether that has a value."""
    match node:
        case Select(operand=operand, field=field, test=test) if _is_chain(operand):
            value = build.call("_?._", operand, build.constant(field))
            return build.call("hasValue", target=value) if test else value
    return node


def _is_chain(node: Node) -> bool:
    match node:
        case Call(function="_?._" | "_[?_]"):
            return True
        case Fold(accumulator=accumulator):
            return accumulator == _OPTIONAL
        case Select(operand=operand, test=False):
            return _is_chain(operand)
    return False


def _is_optional(build: Builder) -> Node:
    return build.call("_==_", build.call("type", build.name("@asked")), build.name("optional_type"))


def _is_scalar(build: Builder, name: str = "@asked") -> Node:
    return build.call("@in", build.call("type", build.name(name)), build.list(*map(build.name, _SCALARS)))
