"""What a rule may not say: all that reaches outside of its input, each with the reason.

The worker has nothing to give to these words anyway. They are refused when a policy is applied, because a rule that
uses one would not do what its author thinks.
"""

from collections.abc import Iterator

from auditor.errors import Problem
from auditor.languages.jq.lexer import Kind, Token, position, tokens

_MODULES = "a policy stands alone; put the functions into the rule itself, with def"
_ENVIRONMENT = "a rule must not read the environment of the process that runs it; use params"
_INPUTS = "a rule has one input, the object, which is '.'"
_STOP = 'a rule yields its answer, it does not stop the program; use error("...")'
_MESSAGES = "a rule has no terminal to print to; test it with `auditor test`, or yield the value in a message"
_PLACE = "it tells where the program is stored, and a rule is stored nowhere"

NAMES = {
    "env": _ENVIRONMENT,
    "input": _INPUTS,
    "inputs": _INPUTS,
    "input_filename": _INPUTS,
    "input_line_number": _INPUTS,
    "import": _MODULES,
    "include": _MODULES,
    "module": _MODULES,
    "modulemeta": _MODULES,
    "halt": _STOP,
    "halt_error": _STOP,
    "debug": _MESSAGES,
    "stderr": _MESSAGES,
    "now": "the same object must get the same verdict at any time; compare with a time that is bound, as $request.time",
    "get_search_list": _PLACE,
    "get_jq_origin": _PLACE,
    "get_prog_origin": _PLACE,
    "__loc__": _PLACE,
}
VARIABLES = {"$ENV": _ENVIRONMENT, "$__loc__": _PLACE, "$__prog_args": _PLACE}


def refusals(text: str) -> list[Problem]:
    """A problem for each use. A function of the rule's own under such a name is refused too: who reads it would err."""
    found = []
    for token in _uses(text):
        name = "".join(token.text.split())
        reason = (VARIABLES if token.kind is Kind.VARIABLE else NAMES).get(name)
        if reason:
            found.append(Problem(f"{name} is not allowed: {reason}", *position(text, token.offset)))
    return found


def _uses(text: str) -> Iterator[Token]:
    """Variables, and names that are not keys of an object: {env: 1} and {now} are harmless."""
    inside: list[str] = []
    previous = ""
    words = list(tokens(text))
    for token, following in zip(words, [*words[1:], None], strict=True):
        at_key = bool(inside) and inside[-1] == "{" and previous in ("{", ",")
        if token.kind is Kind.OPEN:
            inside.append(token.text)
        elif token.kind is Kind.CLOSE and inside:
            inside.pop()
        elif token.kind is Kind.VARIABLE:
            yield token
        elif token.kind is Kind.NAME and not (at_key and following is not None and following.text in (":", ",", "}")):
            if token.text == "if":
                inside.append("if")  # in {a: if . then 1, env else 2 end} the comma belongs to the `if`
            elif token.text == "end" and inside and inside[-1] == "if":
                inside.pop()
            yield token
        if token.kind is not Kind.TEXT:
            previous = token.text
