"""Where our verdict on a custom resource is not the API server's, and why it cannot be, or is not worth it.

Each is pinned by a test: those about objects are asked of the real server in tests/cluster/schema.
"""

from auditor.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """`verdict` says whether the answer itself can differ, or only its words."""

    name: str
    what: str
    why: str
    verdict: bool


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "rule-error-texts",
        "A rule that errs is a violation at the same path with the same cause, but only the commonest errors"
        " (no such key, index out of bounds, division by zero, no such overload) have the server's words.",
        "The CEL library underneath has texts of its own.",
        verdict=False,
    ),
    Difference(
        "cost",
        "The server refuses CRDs whose rules may cost too much, and stops when an evaluation does; ours has the limits"
        " of the CEL library (10,000 iterations, 32 levels) and reports an InternalError.",
        "The library counts no costs.",
        verdict=True,
    ),
    Difference(
        "sets-in-rules",
        "Lists of type set and map are compared without their order between self and oldSelf only, and `+` joins them"
        " as it joins any list.",
        "The CEL library has one sort of list.",
        verdict=True,
    ),
    Difference(
        "unreadable-values",
        "A date or base64 that its format allows and CEL cannot read is an error of the server's rule that uses it;"
        " here it is an InternalError of every rule that sees it. So are dates of the year 0, which the server reads.",
        "The CEL library takes a value as a whole, and counts years from 1.",
        verdict=True,
    ),
    Difference(
        "whole-floats",
        "A rule of the server errs on 1.0 in an integer field, which the schema allows; ours reads it as a number.",
        "Every integer of every object would have to be looked at for a value that serializers do not write.",
        verdict=True,
    ),
    Difference(
        "malformed-metadata",
        "The managedFields of embedded objects are not checked. Metadata of the wrong type (labels that are no texts),"
        " and kinds or versions that are no texts, are refused by the server before any schema. Ours has nothing to say"
        " of them at the root, and of embedded objects in words of its own.",
        "The server reads metadata into its own type while it decodes the request.",
        verdict=True,
    ),
    Difference(
        "own-metadata",
        "Names, labels, owners and the like of the object itself are not checked.",
        "They are no part of the schema; a stored object has passed that check.",
        verdict=True,
    ),
    Difference(
        "order",
        "Violations come in the order of the object and its schema.",
        "The server's order is random, wherever it goes over a map.",
        verdict=False,
    ),
    Difference(
        "email",
        "Comments inside of addresses, groups and encoded words.",
        "They are allowed by Go's mail parser, and are found in no CRD.",
        verdict=True,
    ),
    Difference(
        "crd-checks",
        "Of a CRD itself only what would change a verdict is checked: defaults are not validated, costs not estimated,"
        " names and columns not looked at.",
        "The server does that when the CRD is applied.",
        verdict=False,
    ),
)
