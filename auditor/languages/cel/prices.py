"""What each function may cost at the very worst, by how large its arguments may be, and how large its result may be.

Nanoseconds, measured with the worst arguments that could be found for each, and rounded up. All prices are sums and
products with positive factors of the sizes, so that they are convex: `cost` relies on it. A function that is not here
has no bound.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from auditor.languages.cel.extent import BYTE, FIXED, SCALAR, Extent, added, comparing, joined, smaller
from auditor.languages.cel.libraries.format import FORMATS as NAMED_FORMATS
from auditor.languages.cel.libraries.internal import MAX_RANGE
from auditor.languages.cel.libraries.regex import compiled

Priced: TypeAlias = tuple[float, Extent]
Price: TypeAlias = Callable[[Sequence[Extent]], Priced]

NODE: Final = 150.0
PYTHON: Final = 15_000.0
"""One call of a function that is written in Python."""
APPEND: Final = 75.0
"""For each element of a list that is copied: the library copies the list for each element that a loop puts in. A third
of that where the pages of memory are at hand."""

# A regular expression is compiled for each call; where its automaton has too many states, each character costs a look
# at each instruction. An `x{1000}`, the most that RE2 allows, makes 1,000 instructions of its few characters.
_COMPILE: Final = 700.0
_MATCH: Final = 10.0
_REPEATED: Final = 1000.0
_FEW: Final = 64.0
_LONG_NUMBER: Final = 320.0
_LONGEST_NUMBER: Final = 1400.0
_QUANTITY: Final = Extent(bytes=4500.0)  # Python writes no longer integer
_MESSAGES: Final = 2000.0

AUTHORIZER: Final = Extent(bytes=4000.0)
"""What it was asked, or what it answered: a reason is some words."""


def _scalar(fixed: float, *, byte: float = 0.0) -> Price:
    """A small result."""

    def price(arguments: Sequence[Extent]) -> Priced:
        return fixed + sum(byte * a.bytes for a in arguments), SCALAR

    return price


def _same(fixed: float, *, byte: float = 0.0, item: float = 0.0, growth: float = 1.0, plus: float = 0.0) -> Price:
    """A result of the size of all arguments together, times `growth`."""

    def price(arguments: Sequence[Extent]) -> Priced:
        whole = added(arguments)
        result = replace(whole, bytes=growth * whole.bytes + plus, most=MAX_RANGE)
        return fixed + byte * whole.bytes + item * whole.items, result

    return price


def _one_of(fixed: float) -> Price:
    """Hands out an argument or a part of one."""
    return lambda arguments: (fixed, joined(arguments) if arguments else SCALAR)


def _part(arguments: Sequence[Extent]) -> Priced:
    """`a[k]`: the key is looked up."""
    whole, *keys = arguments
    return NODE + sum(k.bytes for k in keys), replace(whole, literal=None, is_list=False, most=MAX_RANGE)


def _comparison(arguments: Sequence[Extent]) -> Priced:
    one, other = arguments
    return NODE + comparing(smaller(one, other)), SCALAR


def _in(arguments: Sequence[Extent]) -> Priced:
    wanted, where = arguments
    return NODE + wanted.bytes + 60.0 * where.items + BYTE * where.bytes, SCALAR


def _plus(arguments: Sequence[Extent]) -> Priced:
    whole = added(arguments)
    text = 0.0 if whole.is_list else whole.bytes
    return NODE + text + APPEND * whole.count, whole


def _size(arguments: Sequence[Extent]) -> Priced:
    (of,) = arguments
    return NODE + (0.0 if of.is_list else of.bytes), replace(SCALAR, most=max(of.bytes, of.count))


def _search(arguments: Sequence[Extent]) -> Priced:
    """The needle is tried at each place."""
    text, needle = arguments[:2]
    return NODE + text.bytes * (6.0 + 0.04 * needle.bytes), SCALAR


def _starts(arguments: Sequence[Extent]) -> Priced:
    one, other = arguments
    return NODE + BYTE * smaller(one, other).bytes, SCALAR


def _program(pattern: Extent) -> float:
    """The instructions of a regular expression."""
    if pattern.literal is None:
        return _REPEATED * pattern.bytes
    try:
        return float(compiled(pattern.literal).programsize)
    except ValueError:
        return 0.0


def _matches(arguments: Sequence[Extent]) -> Priced:
    text, pattern = arguments
    program = _program(pattern)
    return 4000.0 + _COMPILE * program + text.bytes * (5.0 + _MATCH * program), SCALAR


def _find(arguments: Sequence[Extent]) -> Priced:
    cost, _ = _matches(arguments)
    return PYTHON + cost, replace(arguments[0], literal=None)


def _find_all(arguments: Sequence[Extent]) -> Priced:
    """Each match may look through all that follows."""
    text, pattern, *_ = arguments
    each = 5.0 + _MATCH * _program(pattern)
    cost = _COMPILE * _program(pattern) + text.bytes * (4000.0 + each * text.bytes)
    return PYTHON + cost, _pieces(text, text.bytes + 1.0)


def _pieces(text: Extent, count: float) -> Extent:
    return Extent(bytes=4.0 * text.bytes + 3.0, items=count, count=count, depth=text.depth, is_list=True)


def _split(arguments: Sequence[Extent]) -> Priced:
    text, separator, *_ = arguments
    length = max(1, len(separator.literal or ""))
    count = text.bytes / length + 1.0
    return _search(arguments)[0] + 100.0 * count + text.bytes, _pieces(text, count)


def _join(arguments: Sequence[Extent]) -> Priced:
    texts, *separators = arguments
    between = sum(s.bytes for s in separators)
    size = texts.bytes + texts.count * between
    return NODE + 30.0 * texts.items + 2.0 * size, Extent(bytes=size, depth=max(a.depth for a in arguments))


def _replace(arguments: Sequence[Extent]) -> Priced:
    text, old, new, *_ = arguments
    places = text.bytes / max(1, len(old.literal or "")) + 1.0
    size = text.bytes + places * new.bytes
    result = Extent(bytes=size, depth=max(a.depth for a in arguments[:3]))
    return _search(arguments)[0] + 60.0 * places + size, result


def _sort(arguments: Sequence[Extent]) -> Priced:
    whole = added(arguments)
    rounds = math.log2(whole.items + 2.0)
    cost = NODE + (40.0 * rounds + 100.0) * whole.items + BYTE * rounds * whole.bytes
    return cost, replace(arguments[0], literal=None, is_list=True)


def _distinct(arguments: Sequence[Extent]) -> Priced:
    """Each with each, unless they are texts."""
    (items,) = arguments
    return NODE + items.count * (80.0 * items.items + BYTE * items.bytes), replace(items, is_list=True)


def _sets(arguments: Sequence[Extent]) -> Priced:
    one, other = arguments
    return NODE + (one.count + 1.0) * (80.0 * other.items + BYTE * other.bytes + 80.0) + one.bytes, SCALAR


def _list_of(item: float) -> Price:
    def price(arguments: Sequence[Extent]) -> Priced:
        of = arguments[0]
        return NODE + item * of.items, replace(of, count=of.items, literal=None, is_list=True)

    return price


def _range(arguments: Sequence[Extent]) -> Priced:
    size = arguments[0].most
    return 40.0 * size, Extent(bytes=8.0 * size, items=size, count=size, depth=arguments[0].depth, is_list=True)


def _bounded(arguments: Sequence[Extent]) -> Priced:
    return PYTHON, replace(SCALAR, most=min(MAX_RANGE, arguments[0].most), depth=arguments[0].depth)


def _format(arguments: Sequence[Extent]) -> Priced:
    """A precision of 1,000 digits for each argument, escapes and all digits of a double within them."""
    text, values = arguments
    size = text.bytes + 6.0 * values.bytes + _LONG_NUMBER * values.items + _LONGEST_NUMBER * values.count
    cost = PYTHON + 3000.0 * values.items + 100.0 * values.bytes + 5.0 * size + 500.0 * text.bytes
    return cost, Extent(bytes=size, depth=max(text.depth, values.depth))


def _accessor(arguments: Sequence[Extent]) -> Priced:
    """Of times; a time zone that is no literal may have to be looked up among files."""
    known = all(zone.literal is not None or zone.depth == FIXED for zone in arguments[1:])
    return 1000.0 if known else 100_000.0, SCALAR


def _validate(arguments: Sequence[Extent]) -> Priced:
    whole = added(arguments)
    return PYTHON + 200.0 * whole.bytes, Extent(
        bytes=2.0 * whole.bytes + _MESSAGES, items=_FEW, count=_FEW, depth=whole.depth, is_list=True
    )


def _query(arguments: Sequence[Extent]) -> Priced:
    (url,) = arguments
    return PYTHON + 2500.0 * url.bytes, Extent(bytes=6.0 * url.bytes, items=url.bytes, count=url.bytes, depth=url.depth)


def _question(arguments: Sequence[Extent]) -> Priced:
    """The question so far, to which a part is added; as JSON a character has up to six."""
    question, *parts = arguments
    more = added(parts)
    size = question.bytes + 6.0 * more.bytes + _FEW
    return 2 * PYTHON + 10.0 * size, Extent(bytes=size, depth=max(question.depth, more.depth))


def _named(price: Price, names: str) -> dict[str, Price]:
    return dict.fromkeys(names.split(), price)


PRICES: Final[Mapping[str, Price]] = {
    **_named(_scalar(NODE), "_&&_ _||_ !_ -_ _-_ _*_ _/_ _%_ @not_strictly_false type hasValue optional.none"),
    **_named(_comparison, "_==_ _!=_ _<_ _<=_ _>_ _>=_"),
    **_named(_part, "_[_] _[?_] _?._"),
    **_named(_one_of(NODE), "optional.of optional.ofNonZeroValue value or orValue dyn first last"),
    **_named(_search, "contains indexOf lastIndexOf"),
    **_named(_starts, "startsWith endsWith"),
    **_named(_same(NODE, byte=5.0), "lowerAscii upperAscii trim substring charAt bytes string"),
    **_named(_same(NODE, byte=10.0, growth=4.0, plus=2.0), "strings.quote"),
    **_named(_scalar(500.0, byte=5.0), "int uint double bool timestamp duration"),
    **_named(_list_of(80.0), "reverse slice flatten"),
    **_named(lambda _: (PYTHON, Extent(bytes=_FEW)), "@error " + " ".join(f"format.{name}" for name in NAMED_FORMATS)),
    **_named(_same(PYTHON, byte=10.0, plus=_FEW), "format.named"),
    **_named(_sort, "sort @sortByAssociatedKeys"),
    **_named(_sets, "sets.contains sets.intersects sets.equivalent"),
    **_named(
        _accessor,
        "getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds"
        " getMilliseconds",
    ),
    **_named(_same(PYTHON, byte=50.0), "@int_text @uint_text @double_text @timestamp_text @trim @string"),
    **_named(_same(PYTHON, byte=2500.0), "@duration_text"),
    **_named(_same(2 * PYTHON, byte=40.0, plus=_FEW), "quantity"),
    **_named(lambda arguments: (5 * PYTHON + 40.0 * added(arguments).bytes, _QUANTITY), "add sub"),
    **_named(
        _scalar(5 * PYTHON, byte=300.0), "isGreaterThan isLessThan compareTo @equal sign asInteger asApproximateFloat"
    ),
    **_named(_scalar(PYTHON, byte=300.0), "isQuantity isInteger isSemver major minor patch"),
    **_named(_same(2 * PYTHON, byte=300.0, growth=2.0, plus=_FEW), "semver"),
    **_named(_same(2 * PYTHON, byte=60.0, growth=2.0, plus=_FEW), "ip cidr masked url"),
    **_named(
        _scalar(2 * PYTHON, byte=100.0),
        "isIP isCIDR ip.isCanonical family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast"
        " isGlobalUnicast containsIP containsCIDR prefixLength isURL",
    ),
    **_named(
        _same(PYTHON, byte=100.0, growth=3.0),
        "getScheme getHost getHostname getPort getEscapedPath jsonpatch.escapeKey",
    ),
    **_named(
        _question, "path group serviceAccount resource subresource namespace name fieldSelector labelSelector check"
    ),
    **_named(_same(2 * PYTHON, byte=10.0), "reason error"),
    **_named(_scalar(2 * PYTHON, byte=10.0), "allowed errored"),
    **_named(_same(PYTHON, item=3000.0, byte=1.0), "@map_of_pairs"),
    "validate": _validate,
    "getQuery": _query,
    "_?_:_": lambda arguments: (NODE, joined(arguments[1:])),
    "@in": _in,
    "_+_": _plus,
    "size": _size,
    "matches": _matches,
    "find": _find,
    "findAll": _find_all,
    "split": _split,
    "join": _join,
    "replace": _replace,
    "distinct": _distinct,
    "lists.range": _range,
    "@bounded": _bounded,
    "@format": _format,
}
