"""A compiled expression, and its evaluation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cel_expr_python import cel as library

from auditor.errors import CompileError, Problem
from auditor.languages.cel import environment, wire
from auditor.languages.cel.ast import Name, Node, children
from auditor.languages.cel.bindings import Bindings
from auditor.languages.cel.build import Builder, depth, renumber
from auditor.languages.cel.libraries import IMPLEMENTED
from auditor.languages.cel.libraries.authorizer import answering
from auditor.languages.cel.libraries.bridge import RESULT, failure, release, select_results
from auditor.languages.cel.resolve import VARIABLE
from auditor.languages.cel.rewrite import is_tolerant, tolerate
from auditor.languages.cel.types import Type
from auditor.languages.cel.values import to_json
from auditor.languages.outcome import Outcome

# The library reads trees of at most 100 nested messages (the limit of protocol buffers); every variable that is used
# costs two levels, every level of an expression about four.
MAX_DEPTH: Final = 96

# Nodes that are put in last have ids above those of all trees, which have no meaning to the library but must differ.
_LARGE_ID: Final = 1 << 32

_FAILURE: Final = f'Key not found in map : "{RESULT}"'
_TRUE: Final = Outcome.of(True)
_FALSE: Final = Outcome.of(False)


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
    _fast: library.Expression = field(init=False)
    _tolerant: library.Expression | None = field(default=None, init=False)
    _intolerant: tuple[Node, Builder, dict[int, bytes]] | None = field(default=None, init=False)
    """What the tolerant expression will be made of, should it be needed."""
    _authorized: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Puts the variables in front, each evaluated when it is first used and at most once."""
        build = Builder()
        references: dict[int, bytes] = {}
        used: dict[str, Program] = {}
        _collect(self, used)
        tree = renumber(self.tree, build, dict(self.references), references)
        if self.type.name == "optional_type":
            tree = build.call("value", target=tree)  # an optional as the result is its value
        for name, each in reversed(used.items()):
            value = renumber(each.tree, build, dict(each.references), references)
            tree = build.bind_lazily(VARIABLE + name, value, tree)
        self.names = frozenset(name.partition(".")[0] for name in _names(tree))
        self._authorized = "authorizer" in self.names
        self._fast = self._load(tree, references)
        if is_tolerant(tree):
            self._intolerant = tree, build, references

    def _load(self, tree: Node, references: dict[int, bytes]) -> library.Expression:
        tree = select_results(tree, IMPLEMENTED, Builder(_LARGE_ID))
        levels = depth(tree)
        if levels > MAX_DEPTH:
            raise CompileError([Problem("the expression nests too deeply, with the variables that it uses", 1, 1)])
        return environment.evaluation().deserialize(wire.encode(tree, references))

    def run(self, bindings: Bindings) -> Outcome:
        """Never raises: whatever goes wrong is an outcome."""
        try:
            if self._authorized:
                with answering(bindings.authorizer):
                    return self._run(bindings)
            return self._run(bindings)
        except Exception as error:
            # The library raises RuntimeError, MemoryError, ValueError and more.
            return Outcome.failed(_reason(str(error), bindings))
        finally:
            release()

    def _run(self, bindings: Bindings) -> Outcome:
        try:
            value = self._fast.eval(bindings.activation)
        except RuntimeError:
            # Some errors of optionals are raised, past the logical operators that could swallow them.
            if self._intolerant is None:
                raise
            value = self._tolerant_expression(*self._intolerant).eval(bindings.activation)
        plain = value.value() if self.type.name == "bool" else None
        if plain is True:
            return _TRUE
        if plain is False:
            return _FALSE
        type_ = value.type()
        if type_ == library.Type.ERROR and self._intolerant is not None:
            # Null and scalars in place of objects are rare, and the tree that minds them is slower: errors cannot be
            # lost by this order, a logical operator that swallows one has the same result without it.
            value = self._tolerant_expression(*self._intolerant).eval(bindings.activation)
            type_ = value.type()
        if type_ == library.Type.ERROR:
            return Outcome.failed(_reason(str(value), bindings))
        return Outcome.of(to_json(value))

    def _tolerant_expression(self, tree: Node, build: Builder, references: dict[int, bytes]) -> library.Expression:
        if self._tolerant is None:
            self._tolerant = self._load(tolerate(tree, build), references)
        return self._tolerant


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


def _reason(text: str, bindings: Bindings) -> str:
    """The library's message without its codes; for a name without a value, why it has none."""
    head, separator, rest = text.partition(": ")
    message = rest if separator and head.replace("_", "").isupper() else text
    message = message.removesuffix(f" [{head}]")
    if message == _FAILURE:
        message = failure()
    marker = 'No value with name "'
    if message.startswith(marker):
        name = message[len(marker) :].partition('"')[0]
        return f"{name} {bindings.unusable.get(name, 'is not available here')}"
    return message
