"""From the text of an expression to a program, or to all of its mistakes."""

import re
from collections.abc import Iterator
from typing import Final

from cel_expr_python import cel as library

from auditor.errors import CompileError, Problem
from auditor.languages.cel import environment, wire
from auditor.languages.cel.checks import check_mutation, check_tree, find_hidden_optional, hands_lists_to_python
from auditor.languages.cel.edits import EditedText, line_and_column, offset_of
from auditor.languages.cel.paths import selected_paths
from auditor.languages.cel.program import Program
from auditor.languages.cel.resolve import nearest, resolve
from auditor.languages.cel.rewrite import Rewriter
from auditor.languages.cel.scope import Scope
from auditor.languages.cel.types import BOOL, DYN, STRING, Type

# An API object that holds the expression has at most 1.5 MB; the longest in public policies have less than 10 KB. The
# parser takes 1 ms for each KB.
MAX_LENGTH: Final = 64 * 1024

ANY: Final = Type("any")
OBJECT: Final = Type("Object")
JSON_PATCH: Final = Type("JSONPatch")
STRING_OR_NULL: Final = Type("string or null")

_ERROR = re.compile(r"(?:^|: )ERROR: <input>:(-?\d+):(-?\d+): (.*)$", re.MULTILINE)
_CODE = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_UNDECLARED = re.compile(r"undeclared reference to '(\w+)(?:\.[\w.]+)?'")
_CONTAINER = " (in container '')"


def compile(source: str, scope: Scope, result: Type = BOOL) -> Program:  # noqa: A001 - what it does
    """Raises CompileError with every mistake that was found."""
    if len(source) > MAX_LENGTH:
        raise CompileError(
            [Problem(f"an expression has at most {MAX_LENGTH} characters, this one {len(source)}", 1, 1)]
        )
    if not source.strip():
        raise CompileError([Problem("the expression is empty", 1, 1)])
    if not _is_text(source):
        raise CompileError([Problem("the expression has characters that are no text: halves of surrogate pairs", 1, 1)])
    if environment.PREFIX in source:
        raise CompileError([Problem(f"names with {environment.PREFIX} in them are reserved", 1, 1)])
    parsed = wire.decode(_parse(source).serialize())
    resolution = resolve(source, parsed, scope)
    edited = EditedText(source, resolution.edits)
    try:
        checked = environment.checker(resolution.types).compile(edited.text)
    except RuntimeError as error:
        raise CompileError([*resolution.problems, *_problems(str(error), source, edited, scope)]) from None
    tree = wire.decode(checked.serialize())
    types = {number: wire.read_type(data) for number, data in tree.types.items()}

    def type_of(number: int) -> Type:
        return types.get(number, DYN)

    def place(number: int) -> tuple[int, int]:
        return line_and_column(source, edited.origin(tree.positions.get(number, 0)))

    problems = resolution.problems
    objects = {n for n, offset in tree.positions.items() if edited.origin(offset) in resolution.objects}
    problems += (Problem(message, *place(node)) for message, node in check_tree(tree, type_of, objects))
    problems += (Problem(message, 1, 1) for message in _check_result(type_of(tree.root.id), result))
    problems += (Problem(message, *place(node)) for message, node in check_mutation(tree.root, result.name, objects))
    variables = {name: scope.variables[name] for name in resolution.variables}
    hidden = find_hidden_optional(tree.root, type_of)
    hides_optional = hidden is not None or any(map(_hides, variables.values()))
    if hands_lists_to_python(tree.root) and hides_optional:
        place_of_hidden = place(hidden) if hidden is not None else (1, 1)
        problems.append(
            Problem("an optional without its type cannot be used with format or transformMap", *place_of_hidden)
        )
    if problems:
        raise CompileError(problems)
    rewriter = Rewriter(
        tree, types=type_of, meanings=resolution.meanings, objects=objects, hides_optional=hides_optional
    )
    return Program(
        source=source,
        type=type_of(tree.root.id),
        tree=rewriter.rewrite(tree.root),
        references=tree.references,
        variables=variables,
        selected=tuple(selected_paths(source, parsed)),
        hides_optional=hidden is not None,
    )


def _hides(program: Program) -> bool:
    return program.hides_optional or any(map(_hides, program.variables.values()))


def _is_text(source: str) -> bool:
    try:
        source.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse(source: str) -> library.Expression:
    try:
        return environment.parser().compile(source, disable_check=True)
    except RuntimeError as error:
        raise CompileError(list(_problems(str(error), source, EditedText(source, ())))) from None


def _problems(text: str, source: str, edited: EditedText, scope: Scope | None = None) -> Iterator[Problem]:
    """The library's errors, each with its place in the source, and the name of the scope that may be meant."""
    found = [(int(line), int(column), message) for line, column, message in _ERROR.findall(text)]
    if "recursion" in text:
        yield Problem("the expression nests too deeply: 32 levels are possible", 1, 1)
        return
    if not found:
        yield Problem(_CODE.sub("", text), 1, 1)
    for line, column, message in found:
        offset = edited.origin(offset_of(edited.text, line, column))
        clear = _CODE.sub("", message).replace(_CONTAINER, "")
        if scope is not None and (undeclared := _UNDECLARED.fullmatch(clear)):
            clear += nearest(undeclared[1], {**scope.names, "variables": scope.variables})
        yield Problem(clear, *line_and_column(source, offset))


def _check_result(found: Type, wanted: Type) -> Iterator[str]:
    if wanted == OBJECT and found.name == "map":
        return
    if wanted == JSON_PATCH and found.name == "list" and found.parameters[0].name in ("map", "dyn"):
        return
    if wanted == STRING_OR_NULL and found.name in ("string", "null_type"):
        return
    if wanted in (ANY, found):
        return
    hint = f"; compare it, for example with `== {'true' if wanted == BOOL else 'x'}`" if found == DYN else ""
    hint = "; write string(...)" if found == DYN and wanted == STRING else hint
    yield f"must evaluate to {wanted}, this is {found}{hint}"
