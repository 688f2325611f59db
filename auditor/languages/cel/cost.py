"""How long an evaluation can take at the very worst, from the tree alone, for requests of a given size.

The library cannot be interrupted and holds the interpreter, so that somebody has to know beforehand. An evaluation is
bounded by the sum of the prices of its calls (`prices`), each for the largest arguments that can get there. Loops:

- The library stops after 10,000 rounds of all loops of an evaluation together.
- The elements of a list are together not larger than the list. A body whose cost is a convex function f of the size of
  its element costs, over k elements of a list of size n, no more than k f(0) + f(n). (Twice f(n), as a size is two
  numbers, and an element may have its share of one or of the other.) So `items.all(i, i.name.matches(...))` counts as
  reading the items once, not once for each.

The bound is often far too high, never too low. What it is for: telling the many expressions that cannot take long from
the few that may.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from auditor.dataclass import dataclass
from auditor.languages.cel.ast import Call, Constant, Fold, ListLiteral, MapLiteral, Name, Node, Select, children
from auditor.languages.cel.extent import FIXED, SCALAR, Extent, added, joined
from auditor.languages.cel.prices import AUTHORIZER, NODE, PRICES

MAX_ROUNDS: Final = 10_000
"""Of all loops of an evaluation together; more is an error of the library."""
_ROUND: Final = 150.0
# Nodes that are looked at; the body of a loop is four times. Some 40 ms, and far more than any real expression needs.
_MAX_EFFORT: Final = 20_000
# What it takes to make the request known to the library, and to hand out the result.
_READ_BYTE: Final = 3.0
_READ_ITEM: Final = 600.0
_RESULT_BYTE: Final = 2.0
_RESULT_ITEM: Final = 2000.0

_TIMES: Final = 4.0

_NOTHING: Final = Extent(bytes=0.0)


def reading(size: float, items: float) -> float:
    """Nanoseconds to convert a request, done once for all programs."""
    return _READ_BYTE * size + _READ_ITEM * items


def bound(tree: Node, size: float, items: float, *, twice: bool = False) -> float:
    """Nanoseconds for a request of so many bytes as JSON, with so many elements and entries; may be infinite.

    `twice`: what errs is evaluated again as a tolerant tree, up to two times, which has more nodes but no more loops.
    """
    if _effort(tree) > _MAX_EFFORT:
        return math.inf
    result, work = reckon(tree, size, items)
    work *= _TIMES if twice else 1.0
    return reading(size, items) + work + _RESULT_BYTE * result.bytes + _RESULT_ITEM * result.items


def reckon(tree: Node, size: float, items: float) -> tuple[Extent, float]:
    """How large the result can be, and the nanoseconds for it."""
    result, cost = _Reckoning(Extent(bytes=size, items=items, count=items, depth=0)).reckon(tree, {})
    return result, min(cost.total, cost.once + MAX_ROUNDS * cost.round)


def _effort(node: Node) -> int:
    if isinstance(node, Fold) and not _is_binding(node):
        once, body = (node.range, node.initial, node.result), (node.condition, node.step)
        return 1 + sum(map(_effort, once)) + 4 * sum(map(_effort, body))
    return 1 + sum(map(_effort, children(node)))


def _is_binding(fold: Fold) -> bool:
    """A name for a value is a loop without rounds, whose accumulator is the value."""
    return isinstance(fold.range, ListLiteral) and not fold.range.elements


@dataclass(slots=True)
class _Cost:
    total: float = 0.0
    once: float = 0.0
    """What is outside of all loops."""
    round: float = 0.0
    """The most that one round of any loop takes, without the loops in it."""

    def add(self, other: "_Cost") -> None:
        self.total += other.total
        self.once += other.once
        self.round = max(self.round, other.round)


class _Reckoning:
    def __init__(self, request: Extent) -> None:
        self.request = request
        self.loops = 0

    def reckon(self, node: Node, names: dict[str, Extent]) -> tuple[Extent, _Cost]:
        cost = _Cost()
        extent = self._visit(node, names, cost)
        return extent, cost

    def _visit(self, node: Node, names: dict[str, Extent], cost: _Cost) -> Extent:
        price = NODE
        match node:
            case Constant():
                return _literal(node)
            case Name(name=name):
                if name.partition(".")[0] == "authorizer":
                    return AUTHORIZER
                return names.get(name, self.request)
            case Select():
                whole = self._visit(node.operand, names, cost)
                extent = SCALAR if node.test else replace(whole, literal=None, is_list=False)
            case Call():
                of = [] if node.target is None else [node.target]
                arguments = [self._visit(each, names, cost) for each in (*of, *node.arguments)]
                known = PRICES.get(node.function)
                price, extent = known(arguments) if known else (math.inf, self.request)
            case ListLiteral():
                price, extent = self._collect(node.elements, names, cost)
                extent = replace(extent, is_list=True)
            case MapLiteral():
                price, extent = self._collect(children(node), names, cost)
            case Fold():
                return self._fold(node, names, cost)
        cost.total += price
        cost.once += price
        return extent

    def _collect(self, nodes: tuple[Node, ...], names: dict[str, Extent], cost: _Cost) -> tuple[float, Extent]:
        extents = [self._visit(each, names, cost) for each in nodes]
        whole, count = added(extents), float(len(nodes))
        # Each has a comma, or stands behind a bracket.
        size = whole.bytes + 2.0 * count + 2.0
        return NODE * (1.0 + count), replace(whole, bytes=size, items=whole.items + count, count=count)

    def _fold(self, fold: Fold, names: dict[str, Extent], cost: _Cost) -> Extent:
        initial = self._visit(fold.initial, names, cost)
        if _is_binding(fold):
            return self._visit(fold.result, {**names, fold.accumulator: initial}, cost)
        of = self._visit(fold.range, names, cost)
        count = of.count if self.loops else min(of.count, MAX_ROUNDS)
        self.loops += 1
        depth = self.loops
        least = self._names(fold, names, replace(_NOTHING, depth=depth))
        largest = self._names(fold, names, Extent(bytes=of.bytes, items=of.items, count=of.items, depth=depth))
        accumulated = self._accumulated(fold, initial, count=count, least=least, largest=largest)
        accumulated = replace(accumulated, depth=max(0, of.depth, initial.depth))
        for few, element, times in ((True, least, count), (False, largest, 2.0)):
            body = _Cost(total=_ROUND, once=_ROUND)
            element[fold.accumulator] = accumulated
            self._visit(fold.condition, element, body)
            self._visit(fold.step, element, body)
            cost.total += times * body.total
            if not few:
                cost.round = max(cost.round, body.once, body.round)
        self.loops -= 1
        return self._visit(fold.result, {**names, fold.accumulator: accumulated}, cost)

    def _names(self, fold: Fold, names: dict[str, Extent], element: Extent) -> dict[str, Extent]:
        added_names = {fold.variable: element}
        if fold.second_variable:
            added_names[fold.second_variable] = element
        return {**names, **added_names}

    def _accumulated(
        self, fold: Fold, initial: Extent, *, count: float, least: dict[str, Extent], largest: dict[str, Extent]
    ) -> Extent:
        """The accumulator after the last round."""
        grown: list[Extent] = []
        for element, times in ((least, count), (largest, 2.0)):
            parts = list(self._growth(fold.step, fold.accumulator, element))
            if None in parts:
                return Extent(bytes=math.inf, items=math.inf, count=math.inf, depth=0)
            growth = joined([*(p for p in parts if p is not None), _NOTHING])
            grown.append(Extent(bytes=times * growth.bytes, items=times * growth.items, count=times * growth.count))
        whole = added([initial, *grown])
        return replace(whole, is_list=initial.is_list)

    def _growth(self, step: Node, accumulator: str, names: dict[str, Extent]) -> Iterator[Extent | None]:
        """What a round may add to the accumulator, or put in its place; None where that is anything."""
        match step:
            case Name(name=name) if name == accumulator:
                return
            case Call(function="_?_:_", arguments=(_, yes, no)):
                yield from self._growth(yes, accumulator, names)
                yield from self._growth(no, accumulator, names)
            case Call(function="_+_", arguments=(Name(name=name), more)) if name == accumulator:
                yield None if _mentions(more, accumulator) else self.reckon(more, names)[0]
            case Call(function="_&&_" | "_||_" | "@not_strictly_false" | "!_"):
                return
            case _:
                yield None if _mentions(step, accumulator) else self.reckon(step, names)[0]


def _mentions(node: Node, name: str) -> bool:
    match node:
        case Name():
            return node.name == name
        case Fold() if node.accumulator == name:  # it has its own of that name
            return _mentions(node.range, name) or _mentions(node.initial, name)
    return any(_mentions(each, name) for each in children(node))


def _literal(constant: Constant) -> Extent:
    match constant.value:
        case str() as text:
            return Extent(bytes=float(len(text.encode())), depth=FIXED, literal=text)
        case bytes() as data:
            return Extent(bytes=float(len(data)), depth=FIXED)
        case bool() | None | float():
            return SCALAR
        case number:
            return replace(SCALAR, most=float(max(0, number)))
