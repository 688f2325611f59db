"""Several conditions in one evaluation: where all of them hold, as they do for most objects, that is known at once."""

from collections.abc import Sequence
from typing import Final

from auditor.errors import CompileError
from auditor.languages.cel.ast import Node
from auditor.languages.cel.bindings import Bindings
from auditor.languages.cel.build import Builder, renumber
from auditor.languages.cel.program import Program
from auditor.languages.cel.types import BOOL

_WORTH_IT: Final = 3
"""Times that it is asked before it is made: that takes as long as fifty evaluations save."""


class Conjunction:
    """Of conditions with the same bindings. CEL's `&&` yields true only if both sides do, without an error."""

    __slots__ = ("_asked", "_program", "_programs")

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs
        self._program: Program | None = None
        self._asked = 0

    def holds(self, bindings: Bindings) -> bool:
        """False: they have to be asked one by one, as one does not hold, or is not known quickly."""
        program = self._program
        if program is None:
            self._asked += 1
            if self._asked == _WORTH_IT:
                self._program = _join(self._programs)
            return False
        return program.is_short(bindings) and program.run(bindings).value is True


def _join(programs: Sequence[Program]) -> Program | None:
    """None: together they nest too deeply."""
    build = Builder()
    references: dict[int, bytes] = {}
    trees = [renumber(each.tree, build, dict(each.references), references) for each in programs]
    variables = {name: variable for each in programs for name, variable in each.variables.items()}
    try:
        return Program(source="", type=BOOL, tree=_balance(trees, build), references=references, variables=variables)
    except CompileError:
        return None


def _balance(trees: Sequence[Node], build: Builder) -> Node:
    """With as few levels as there can be."""
    if len(trees) == 1:
        return trees[0]
    half = len(trees) // 2
    return build.call("_&&_", _balance(trees[:half], build), _balance(trees[half:], build))
