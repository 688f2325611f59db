"""A rule's text, checked once and for all: it compiles alone, and it reaches nothing but its input and variables."""

import re

from auditor.dataclass import dataclass
from auditor.errors import CompileError, Problem
from auditor.languages.jq.lexer import Kind, tokens
from auditor.languages.jq.messages import problems
from auditor.languages.jq.pool import Pool, shared_pool
from auditor.languages.jq.process import CHECK, VALUE, StoppedError
from auditor.languages.jq.refusals import VARIABLES, refusals

MAX_TEXT = 64 << 10
"""Bytes of one program. The rules of known policies have some KB at most; etcd takes 1.5 MB for a whole policy."""
CHECK_SECONDS = 10.0
"""Wall time for one check: the worker gives up after a second of CPU by itself; this is for a starved machine."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Program:
    text: str
    uses: tuple[str, ...]
    """The variables, of those that were offered, that the text names: the others need not be sent."""


def compile(  # noqa: A001 (called as jq.compile, like re.compile)
    text: str, names: tuple[str, ...] = (), *, pool: Pool | None = None
) -> Program:
    """Raises CompileError with every problem. `names` are the variables that `run` will bind."""
    for name in names:
        if not _NAME.match(name) or f"${name}" in VARIABLES:
            raise ValueError(f"{name!r} cannot be the name of a jq variable")
    early = _unreadable(text) or refusals(text)
    if early:
        raise CompileError(early)
    # The line above has an end of its own, so what the text opens it must close: what compiles here compiles as part
    # of a larger program, with the same meaning. An object of a pattern binds the names without values at hand.
    above = f". as {{{', '.join(f'${name}' for name in names)}}} |\n" if names else ". |\n"
    try:
        status, said = (pool or shared_pool()).ask(CHECK, f"{above}{text}".encode(), timeout=CHECK_SECONDS)
    except StoppedError as error:
        if not error.guilty:
            raise
        raise CompileError([Problem(f"compiling this program {error}")]) from error
    if status != VALUE:
        raise CompileError(problems(said.decode(errors="replace"), text, above=1))
    variables = {token.text for token in tokens(text) if token.kind is Kind.VARIABLE}
    return Program(text, tuple(name for name in names if f"${name}" in variables))


def _unreadable(text: str) -> list[Problem]:
    """What libjq would not see: it takes a C string of UTF-8."""
    if "\0" in text:
        return [Problem("the program has a NUL character: libjq would ignore all that follows")]
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return [Problem("the program has half of a surrogate pair, which is no character")]
    if size > MAX_TEXT:
        return [Problem(f"the program has {size} bytes, {MAX_TEXT} are allowed")]
    if not any(True for _ in tokens(text)):
        return [Problem("the program is empty")]
    return []
