"""A compiled expression, and its evaluation."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from typing import Final

from cel_expr_python import cel as library

from auditor.dataclass import dataclass
from auditor.errors import CompileError, Problem
from auditor.languages.cel import environment, wire
from auditor.languages.cel.ast import Name, Node, children
from auditor.languages.cel.bindings import UNREAD, Bindings
from auditor.languages.cel.build import Builder, depth, renumber
from auditor.languages.cel.cost import bound
from auditor.languages.cel.evaluation import Evaluation
from auditor.languages.cel.libraries import IMPLEMENTED
from auditor.languages.cel.libraries.bridge import select_results
from auditor.languages.cel.resolve import VARIABLE
from auditor.languages.cel.rewrite import is_tolerant, tolerate
from auditor.languages.cel.types import Type
from auditor.languages.outcome import Outcome

# The library reads trees of at most 100 nested messages (the limit of protocol buffers); every variable that is used
# costs two levels, every level of an expression about four.
MAX_DEPTH: Final = 96

# Nodes that are put in last have ids above those of all trees, which have no meaning to the library but must differ.
_LARGE_ID: Final = 1 << 32

# Nanoseconds. The longest that all others wait for one evaluation; nearly all take less than a thousandth of it.
MAX_COST: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class Selected:
    """A path of literal field names, as it stands in the expression."""

    root: str
    path: tuple[str, ...]
    line: int
    column: int


@dataclass(slots=True, eq=False)
class Program:
    source: str
    type: Type
    """What the checker knows of its result."""
    tree: Node
    references: Mapping[int, bytes]
    variables: Mapping[str, "Program"]
    """Those that it uses itself."""
    selected: tuple[Selected, ...] = ()
    hides_optional: bool = False
    """A value of it may hold an optional that its type does not tell of."""
    names: frozenset[str] = field(init=False)
    """Of the names that the scope offers those that it reads, its variables included."""
    _tree: Node = field(init=False)
    """With the variables."""
    _references: dict[int, bytes] = field(init=False)
    _build: Builder = field(init=False)
    _asks: bool = field(init=False)
    """Whether a field is there: then there is a tolerant tree, made when it is needed."""
    _evaluation: Evaluation = field(init=False)
    _tolerant: library.Expression | None = field(default=None, init=False)
    _text: bytes | None = field(default=None, init=False)
    _is_short: dict[int | tuple[int, int], bool] = field(default_factory=dict, init=False)
    """Whether it cannot take long, by the binary digits of the size of the bindings, and of that and of their items."""

    def __post_init__(self) -> None:
        """Puts the variables in front, each evaluated when it is first used and at most once."""
        build = self._build = Builder()
        references = self._references = {}
        used: dict[str, Program] = {}
        _collect(self, used)
        tree = renumber(self.tree, build, dict(self.references), references)
        if self.type.name == "optional_type":
            tree = build.call("value", target=tree)  # an optional as the result is its value
        for name, each in reversed(used.items()):
            value = renumber(each.tree, build, dict(each.references), references)
            tree = build.bind_lazily(VARIABLE + name, value, tree)
        self._tree = tree
        self.names = frozenset(name.partition(".")[0] for name in _names(tree))
        self._asks = is_tolerant(tree)
        self._evaluation = Evaluation(
            strict=_load(self._encoded(tree)),
            tolerant=self._expression if self._asks else None,
            is_bool=self.type.name == "bool",
            is_authorized="authorizer" in self.names,
        )

    def run(self, bindings: Bindings) -> Outcome:
        """Never raises: whatever goes wrong is an outcome.

        What may take long is evaluated in another process, where it can be stopped.
        """
        if self.is_short(bindings):
            return self._evaluation.run(bindings)
        from auditor.languages.cel import apart  # for those few that may take long

        return apart.run(self._portable(), bindings, self.names)

    def is_short(self, bindings: Bindings) -> bool:
        """Whether it cannot take long, so that it is evaluated here."""
        return self._is_short.get(bindings.digits) or self._takes_no_long(bindings)

    def _takes_no_long(self, bindings: Bindings) -> bool:
        """First for all values of about that size, then for those of them with not more elements and entries."""
        if bindings.digits == UNREAD:
            bindings.read()
            if self._is_short.get(bindings.digits):
                return True
        digits, of_items = shape = bindings.shape(self.names)
        size = float((1 << digits) - 1)
        # The shortest elements are those of `[1,1,1]`.
        if self._is_within(digits, size, size / 2 + 1):
            return True
        return self._is_within(shape, size, float((1 << of_items) - 1))

    def _is_within(self, key: int | tuple[int, int], size: float, items: float) -> bool:
        """The answer is kept: it takes 0.1 ms, and more where loops are nested."""
        if key not in self._is_short:
            self._is_short[key] = bound(self._tree, size, items, twice=self._asks) <= MAX_COST
        return self._is_short[key]

    def _portable(self) -> bytes:
        """What another process needs to evaluate it."""
        if self._text is None:
            tolerant = None
            if self._asks:
                with suppress(CompileError):  # it nests too deeply: then the error of the strict one stands
                    tolerant = self._encoded(tolerate(self._tree, self._build))
            from auditor.languages.cel import apart

            self._text = apart.pack(self._encoded(self._tree), tolerant, self._evaluation)
        return self._text

    def _expression(self) -> library.Expression:
        if self._tolerant is None:
            self._tolerant = _load(self._encoded(tolerate(self._tree, self._build)))
        return self._tolerant

    def _encoded(self, tree: Node) -> bytes:
        tree = select_results(tree, IMPLEMENTED, Builder(_LARGE_ID))
        if depth(tree) > MAX_DEPTH:
            raise CompileError([Problem("the expression nests too deeply, with the variables that it uses", 1, 1)])
        return wire.encode(tree, self._references)


def _load(serialized: bytes) -> library.Expression:
    return environment.evaluation().deserialize(serialized)


def _collect(program: Program, used: dict[str, Program]) -> None:
    """All variables that it needs, the earlier ones first."""
    for name, each in program.variables.items():
        if name not in used:
            _collect(each, used)
            used[name] = each


def _names(node: Node) -> Iterator[str]:
    if isinstance(node, Name):
        yield node.name
    for child in children(node):
        yield from _names(child)
