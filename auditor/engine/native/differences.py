"""Where native policies are not judged as the API server judges them, and why. Pinned by tests."""

from typing import Final

from auditor.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    what: str
    server: str
    ours: str
    why: str


DIFFERENCES: Final = (
    Difference(
        what="several denials",
        server="tells the first, in an order that differs from request to request",
        ours="all, in the order of the policies",
        why="who has to repair an object wants to know everything at once",
    ),
    Difference(
        what="order of mutating policies, of their bindings and of their params",
        server="random",
        ours="by name",
        why="an audit must give the same answer twice",
    ),
    Difference(
        what="an apply configuration with an item that lacks a key of its list",
        server="takes it, and refuses the object by its schema, which requires the key",
        ours="is an error of the mutation",
        why="the outcome is the same: such an item has no place in the list",
    ),
    Difference(
        what="a mutation that changes apiVersion, kind, namespace or uid, or leaves no object",
        server="refuses the request in the end, with 400, 422 or 500, whatever the failurePolicy",
        ours="refuses it likewise, as an error of the mutation with 403",
        why="the finding names the mutation that did it",
    ),
    Difference(
        what="apply configurations for built-in kinds, and for kinds whose CRD is not known",
        server="merges lists and maps as the kind declares it, and checks types",
        ours="merges maps, replaces lists, and checks the metadata only",
        why="the schemas of built-in kinds are no part of this engine, which is made for custom resources",
    ),
    Difference(
        what="an object that matches a policy through another version (matchPolicy Equivalent)",
        server="converts it",
        ours="judges it where a Conversion is given, else the policy's result is an error",
        why="only the CRD's webhook knows how to convert; an error is never a pass",
    ),
    Difference(
        what="the authorizer",
        server="answers",
        ours="has answers only where they were asked for; else it is an error, without a user not applicable",
        why="the engine asks nobody",
    ),
    Difference(
        what="cost of expressions",
        server="stops an expression beyond its cost budget",
        ours="stops it by limits of the CEL library on iterations and depth",
        why="the library counts no cost",
    ),
    Difference(
        what="metadata that only the server sets",
        server="uid, creationTimestamp, generation and managedFields of a new object are there",
        ours="are there in a stored object, and not in a file",
        why="a file does not have them",
    ),
    Difference(
        what="a variable that is declared twice",
        server="takes the policy; the last declaration counts, also in expressions above it",
        ours="refuses it",
        why="it is a mistake, and the server's answer to it an accident",
    ),
)


@dataclass(frozen=True, slots=True)
class Wording:
    """An error that reads otherwise; the verdict is the same. Both are regular expressions."""

    server: str
    ours: str
    why: str


_NO_NAMES: Final = "the CEL library says what it met, not what it looked for"
_NO_GO: Final = "the libraries differ in what they say of it"
WORDINGS: Final = (
    Wording(r"JSON Patch: .*", r"JSON Patch: .*", _NO_GO),
    Wording(
        r"error applying patch: failed to convert (patch|original) object to typed object: .*",
        r"error applying patch: failed to convert (patch|original) object to typed object: .*",
        "several errors come in any order, and values are shown as Go holds them",
    ),
    Wording(r"got 'types\.\w+', expected iterable type", r"no such overload", _NO_NAMES),
    Wording(r"no such key: .*", r"Invalid container type: '\w+'", _NO_NAMES),
    Wording(r"index out of range: \d+", r"<string>\.\w+\(.*", _NO_NAMES),
    Wording(r"no such overload", r"no such key: .*", "of two errors in one && or || the library tells the other"),
)
