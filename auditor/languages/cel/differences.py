"""Where CEL here and CEL in Kubernetes 1.36 differ. The documentation is made from this, a test holds each example."""

from enum import StrEnum
from typing import Final

from auditor.dataclass import dataclass


class Here(StrEnum):
    """What happens here instead."""

    REFUSED = "does not compile"
    ACCEPTED = "compiles"
    ERROR = "is an error"
    VALUE = "has another value"


@dataclass(frozen=True, slots=True)
class Difference:
    example: str
    here: Here
    reason: str


DIFFERENCES: Final = (
    Difference(
        '{"a": 1, "a": 2}', Here.ERROR, "a key twice is an error to the library; in Kubernetes the last one wins"
    ),
    Difference(
        'string(timestamp("2020-01-01T01:00:00.5+01:00"))',
        Here.VALUE,
        "the library keeps the instant, not the offset that it was written with: times are always shown in UTC",
    ),
    Difference(
        'double("NaN") < 1.0', Here.VALUE, "ordering against NaN is an error in Kubernetes, false in the library"
    ),
    Difference(
        '1.0 < double("NaN")', Here.VALUE, "ordering against NaN is an error in Kubernetes, false in the library"
    ),
    Difference(
        '"tacocat".indexOf("a", 30)', Here.ERROR, "an offset behind the end of a text is an error to the library"
    ),
    *(
        Difference(example, Here.ERROR, "the number in an optional index is an int to the library, nothing else")
        for example in (
            "object.list[?1.0].hasValue()",
            "object.list[?dyn(1.0)].hasValue()",
            "object.list[?0u].hasValue()",
            "object.?list[?0u].hasValue()",
        )
    ),
    Difference('"".split("")', Here.VALUE, "the library gives a list with an empty text, Kubernetes an empty list"),
    Difference(
        'quantity("1000m") in [quantity("1")]',
        Here.VALUE,
        "quantities in lists are equal only if they were written with the same digits and power of ten; == is exact",
    ),
    Difference(
        'type(ip("1.2.3.4")) == net.IP', Here.REFUSED, "the types of the Kubernetes libraries have no names here"
    ),
    Difference('"%.1001f".format([1.0])', Here.REFUSED, "a precision is at most 1000"),
    Difference('double("1_0")', Here.REFUSED, "the library knows no underscores in numbers"),
    Difference("object.objects.max()", Here.VALUE, "the first of values that have no order is their maximum"),
    Difference(
        '{"a": 1}.transformMap(k, v, optional.of(v)).a.value()',
        Here.REFUSED,
        "an optional within a value that passes through Python would end the process, so that format, transformMap and "
        "transformMapEntry take none",
    ),
    Difference(
        '{"a": timestamp("2020-01-01T00:00:00Z")}.transformMap(k, v, v).a.getFullYear()',
        Here.ERROR,
        "the values of transformMap and transformMapEntry pass through Python, which cannot give back times",
    ),
)

LIMITS: Final = tuple(
    """\
An expression has at most 64 KiB and 32 levels, and with the variables that it uses about 40.
One evaluation has at most 10,000 iterations of all its loops together; Kubernetes counts costs instead.
What may take longer than 0.05 s for an object of that size has 2 s and 768 MiB, in a process of its own.
A list that a loop puts together (map, filter) has some 8,000 elements: each new one costs a copy of those before it.
A text with a NUL character cannot be read: what uses the object, or another value, with such a text in it is an error.
A list of lists.range has at most a million elements, a result at most a million values.
Comparisons of lists and maps in CRD rules take no account of x-kubernetes-list-type.
In CRD rules an escaped field name does not compile where the type of its object is not known, as behind dyn().
Integers beyond 2**53 that a JSONPatch writes become texts in Kubernetes, and stay numbers here.
The documented limits of Kubernetes on the cost of an expression are not enforced.
""".splitlines()
)
