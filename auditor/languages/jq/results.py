"""What the outputs of a rule mean: a condition yields exactly one boolean, a denial strings or {message, path}."""

import re

from auditor.dataclass import dataclass
from auditor.json import Json
from auditor.languages.outcome import Outcome


class OutputError(ValueError):
    """An output that is no denial, or a path that is none."""


@dataclass(frozen=True, slots=True)
class Denial:
    message: str
    path: str = ""
    """A JSON pointer; empty: the object itself."""


def condition(outcome: Outcome) -> Outcome:
    """True or false. No output, several, or what is merely truthy are errors: such a rule has not passed."""
    if outcome.error is not None:
        return outcome
    if len(outcome.value) != 1:
        count = len(outcome.value) or "nothing"
        return Outcome.failed(f"must yield exactly one boolean, and yields {count}{' values' if outcome.value else ''}")
    value = outcome.value[0]
    if value is True or value is False:
        return outcome.of(value)
    return Outcome.failed(f"must yield true or false, and yields {kind_of(value)}")


def denials(outcome: Outcome) -> Outcome:
    """A tuple of Denial, empty where the rule passes. One output that is wrong makes the whole an error."""
    if outcome.error is not None:
        return outcome
    try:
        return Outcome.of(tuple(_denial(output) for output in outcome.value))
    except OutputError as error:
        return Outcome.failed(str(error))


def _denial(output: Json) -> Denial:
    if isinstance(output, str):
        output = {"message": output}
    if not isinstance(output, dict):
        raise OutputError(f"must yield messages or {{message, path}}, and yields {kind_of(output)}")
    unknown = sorted(output.keys() - {"message", "path"})
    if unknown:
        raise OutputError(f"yields an object with the unknown field {unknown[0]!r}: message and path are known")
    message, path = output.get("message"), output.get("path", "")
    if not isinstance(message, str) or not message.strip():
        raise OutputError(f"yields {'an empty message' if isinstance(message, str) else 'an object without a message'}")
    return Denial(message, pointer(path))


_STEP = re.compile(r'\.?\[(?P<index>\d+)\]|\.?\[?"(?P<quoted>(?:[^"\\]|\\.)*)"\]?|\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)')


def pointer(path: Json) -> str:
    """The JSON pointer of "/spec/members", ".spec.members[0]" or ["spec", "members", 0], the output of `path(...)`."""
    if isinstance(path, list):
        if not all(isinstance(step, str) or (type(step) is int and step >= 0) for step in path):
            raise OutputError(f"yields the path {_shown(path)}: its steps must be names and indexes")
        return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
    if not isinstance(path, str):
        raise OutputError(f"yields {kind_of(path)} as path: give a JSON pointer, a jq path, or a list of steps")
    if path in ("", "."):
        return ""
    if path.startswith("/"):
        if re.search(r"~(?![01])", path):
            raise OutputError(f"yields the path {_shown(path)}: in a JSON pointer '~' is written ~0")
        return path
    steps: list[str | int] = []
    offset = 0
    while offset < len(path):
        match = _STEP.match(path, offset)
        if match is None:
            raise OutputError(f'yields the path {_shown(path)}: write "/spec/name", ".spec.name" or ["spec", "name"]')
        index, quoted, name = match["index"], match["quoted"], match["name"]
        steps.append(int(index) if index is not None else name if name is not None else _unquoted(quoted))
        offset = match.end()
    return pointer(steps)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _shown(path: Json) -> str:
    text = repr(path)
    return text if len(text) <= 100 else f"{text[:99]}…"


def kind_of(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    for kind, name in ((str, "a string"), (int | float, "a number"), (list, "a list")):
        if isinstance(value, kind):
            return name
    return "an object"
