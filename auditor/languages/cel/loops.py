"""The list functions of Kubernetes as loops over the list, which the library evaluates by itself.

Written in Python they would get copies of the lists, and a list with an optional in it would crash the process.
"""

from typing import Final

from auditor.languages.cel.ast import Fold, Node, Unsigned
from auditor.languages.cel.build import Builder
from auditor.languages.cel.types import DOUBLE, DURATION, DYN, UINT, Type

_ITEM: Final = "@item"
_INDEX: Final = "@index"
_FOUND: Final = "@found"
_LIST: Final = "@list"
_WANTED: Final = "@wanted"


def sum_of(build: Builder, items: Node, type_: Type) -> Node:
    step = build.call("_+_", build.name(_FOUND), build.name(_ITEM))
    if type_ != DYN:
        return _loop(build, items, _zero(build, type_), step)
    first = build.call("type", build.call("_[_]", build.name(_LIST), build.constant(0)))
    zero = build.choice(_is_empty(build), build.constant(0), _zero_like(build, first))
    return build.bind(_LIST, items, _loop(build, build.name(_LIST), zero, step))


def _zero(build: Builder, type_: Type) -> Node:
    if type_ == DURATION:
        return build.call("duration", build.constant("0s"))
    return build.constant(0.0 if type_ == DOUBLE else Unsigned(0) if type_ == UINT else 0)


def _zero_like(build: Builder, type_: Node) -> Node:
    """By the type of the first element."""
    is_double = build.call("_==_", type_, build.name("double"))
    return build.choice(is_double, build.constant(0.0), build.constant(0))


def extreme_of(build: Builder, items: Node, *, function: str) -> Node:
    """`min` or `max`; of an empty list it is an error. What cannot be compared is passed over."""
    better = build.call("_<_" if function == "min" else "_>_", build.name(_ITEM), build.name(_FOUND))
    worse = build.call("@not_strictly_false", build.call("!_", better))
    first = build.call("_[_]", build.name(_LIST), build.constant(0))
    step = build.choice(worse, build.name(_FOUND), build.name(_ITEM))
    error = build.call("@error", build.constant(f"{function} called on empty list"))
    loop = _loop(build, build.name(_LIST), first, step)
    return build.bind(_LIST, items, build.choice(_is_empty(build), error, loop))


def is_sorted(build: Builder, items: Node) -> Node:
    before = build.call("_[_]", build.name(_LIST), build.call("_-_", build.name(_INDEX), build.constant(1)))
    is_first = build.call("_==_", build.name(_INDEX), build.constant(0))
    in_order = build.call("@not_strictly_false", build.call("_<=_", before, build.name(_ITEM)))
    loop = _indexed_loop(
        build,
        build.name(_LIST),
        initial=build.constant(value=True),
        condition=build.name(_FOUND),
        step=build.choice(is_first, build.constant(value=True), in_order),
    )
    return build.bind(_LIST, items, loop)


def index_of(build: Builder, items: Node, wanted: Node, *, last: bool) -> Node:
    """The first or last position of what equals the wanted, -1 where nothing does."""
    goes_on: Node = build.constant(value=True)
    if not last:
        goes_on = build.call("_==_", build.name(_FOUND), build.constant(-1))
    is_it = build.call("_==_", build.name(_ITEM), build.name(_WANTED))
    step = build.choice(is_it, build.name(_INDEX), build.name(_FOUND))
    loop = _indexed_loop(build, items, initial=build.constant(-1), condition=goes_on, step=step)
    return build.bind(_WANTED, wanted, loop)


def unwrap(build: Builder, items: Node) -> Node:
    """The values of those optionals that have one."""
    value = build.call("value", target=build.name(_ITEM))
    more = build.call("_+_", build.name(_FOUND), build.list(value))
    has_value = build.call("hasValue", target=build.name(_ITEM))
    return _loop(build, items, build.list(), build.choice(has_value, more, build.name(_FOUND)))


def _is_empty(build: Builder) -> Node:
    return build.call("_==_", build.call("size", build.name(_LIST)), build.constant(0))


def _loop(build: Builder, items: Node, initial: Node, step: Node) -> Fold:
    return Fold(build.id(), _ITEM, items, _FOUND, initial, build.constant(value=True), step, build.name(_FOUND))


def _indexed_loop(build: Builder, items: Node, *, initial: Node, condition: Node, step: Node) -> Fold:
    return Fold(build.id(), _INDEX, items, _FOUND, initial, condition, step, build.name(_FOUND), _ITEM)
