"""Where native policies are not judged as the API server judges them, and why. Pinned by tests."""

from dataclasses import dataclass
from typing import Final


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
WORDINGS: Final = (
    Wording(r"got 'types\.\w+', expected iterable type", r"no such overload", _NO_NAMES),
    Wording(r"no such key: .*", r"Invalid container type: '\w+'", _NO_NAMES),
    Wording(r"no such overload", r"no such key: .*", "of two errors in one && or || the library tells the other"),
)
