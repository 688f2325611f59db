"""Templates with words like `${cluster}`: nothing but replacing, so that nobody has to fear what is in one."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from auditor.errors import CompileError, Problem
from auditor.json import Json
from auditor.report.delivery.parcel import Word

_PLACE: Final = re.compile(r"\$(?:\$|\{([A-Za-z]\w*)\})")
"""`$$` is one `$`; a `$` before anything else stands for itself."""


def fill(template: str, words: Mapping[str, Word]) -> str:
    return _PLACE.sub(lambda place: "$" if place[1] is None else _show(words.get(place[1])), template)


def fill_json(template: str, words: Mapping[str, Word]) -> str:
    """Words stand within strings of the template, so what is in them cannot become JSON of its own. A string that is
    one word and nothing else becomes its value: a number stays one. Raises CompileError if the template is no JSON."""
    return json.dumps(_fill(_parse(template), words), ensure_ascii=False)


def check(template: str, known: Iterable[str], *, is_json: bool = False) -> None:
    """Raises CompileError with all that is wrong."""
    names = {place[1] for place in _PLACE.finditer(template) if place[1] is not None}
    problems = [Problem(f"there is no word ${{{name}}}: there are {_list(known)}") for name in sorted(names - {*known})]
    if is_json:
        try:
            _parse(template)
        except CompileError as error:
            problems += error.problems
    if problems:
        raise CompileError(problems)


def _parse(template: str) -> Json:
    try:
        return json.loads(template)
    except ValueError as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (0, 0)
        said = f"the body is no JSON, which its content type says: {error}. Words stand within strings"
        raise CompileError([Problem(said, line, column)]) from error


def _fill(value: Json, words: Mapping[str, Word]) -> Json:
    if isinstance(value, dict):
        return {fill(name, words): _fill(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, words) for each in value]
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        return words.get(whole[1]) if whole is not None and whole[1] is not None else fill(value, words)
    return value


def _show(word: Word) -> str:
    return "" if word is None else str(word)


def _list(known: Iterable[str]) -> str:
    return ", ".join(f"${{{name}}}" for name in sorted(known))
