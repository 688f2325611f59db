"""The library's environments: those that check expressions, with exact types, and the one that evaluates them all."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Final

from cel_expr_python import cel as library

from auditor.json import JsonObject
from auditor.languages.cel.libraries import LIBRARIES, standard
from auditor.languages.cel.libraries.declare import Function, implementations, merged
from auditor.languages.cel.types import BOOL, DOUBLE, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of, spell

# What Kubernetes 1.36 has of the common extensions: strings in version 2 (without `reverse`), no math, no encoders, no
# `cel.bind`.
_EXTENSIONS: Final = [
    {"name": "sets"},
    {"name": "lists"},
    {"name": "strings", "version": 2},
    {"name": "optional"},
    {"name": "two-var-comprehensions"},
]

# The checker's environments are kept by the names that they declare besides the common ones. One costs about 3 ms.
_KEPT_ENVIRONMENTS: Final = 256

PREFIX: Final = "auditor__"
_COMMON_TYPES: Final = (DYN, BOOL, INT, DOUBLE, STRING, TIMESTAMP, list_of(DYN), list_of(STRING), map_of(STRING, DYN))
_COMMON_COUNT: Final = 8
_NO_WORD: Final = re.compile(r"\W")


@cache
def evaluation() -> library.Env:
    """Knows no names and no types: names are looked up in the bindings, functions by what their arguments are."""
    config = library.NewEnvConfigFromYaml(json.dumps({"extensions": _EXTENSIONS}))
    extension = library.CelExtension("kubernetes", implementations(LIBRARIES))
    return library.NewEnv(config=config, extensions=[extension])


@cache
def parser() -> library.Env:
    return library.NewEnv(config=library.NewEnvConfigFromYaml(json.dumps({"extensions": _EXTENSIONS})))


def checker(names: Mapping[str, Type]) -> library.Env:
    """Declares these names, and all functions of Kubernetes."""
    extra = {name: type_ for name, type_ in names.items() if name not in _common_names()}
    return _checker(tuple(sorted((name, spell(type_)) for name, type_ in extra.items())))


def name_of(type_: Type, number: int) -> str:
    """The name that stands for something of that type in the checker's texts."""
    return f"{PREFIX}{_NO_WORD.sub('_', spell(type_))}_{number}"


@cache
def _common_names() -> dict[str, Type]:
    """Nearly all expressions get by with these, and so share one environment."""
    return {name_of(type_, n): type_ for type_ in _COMMON_TYPES for n in range(_COMMON_COUNT)}


@lru_cache(_KEPT_ENVIRONMENTS)
def _checker(names: tuple[tuple[str, str], ...]) -> library.Env:
    common = ((name, spell(type_)) for name, type_ in _common_names().items())
    variables = json.dumps([{"name": name, "type": text} for name, text in (*common, *names)])
    config = library.NewEnvConfigFromYaml(f'{_functions()[:-1]}, "variables": {variables}}}')
    extension = library.CelExtension("kubernetes", merged(standard.MERGED))
    return library.NewEnv(config=config, extensions=[extension])


@cache
def _functions() -> str:
    """The part of the configuration that all checkers share."""
    functions: dict[str, list[JsonObject]] = {}
    for each in _declared():
        functions.setdefault(each.name, []).append(_overload(each))
    return json.dumps(
        {
            "stdlib": {"exclude_functions": [{"name": name} for name in standard.REPLACED]},
            "extensions": _EXTENSIONS,
            "functions": [{"name": name, "overloads": same} for name, same in functions.items()],
        }
    )


def _declared() -> Iterable[Function]:
    yield from standard.DECLARED
    for each in LIBRARIES:
        yield from (f for f in each.functions if not f.name.startswith("@"))


def _overload(function: Function) -> JsonObject:
    parameters = [_argument(p) for p in function.parameters]
    target = {"target": parameters.pop(0)} if function.member else {}
    return {"id": function.overload, **target, "args": parameters, "return": _argument(function.result)}


def _argument(type_: Type) -> JsonObject:
    entry: JsonObject = {"type_name": spell(Type(type_.name)), "params": [_argument(p) for p in type_.parameters]}
    if type_.name == "T":
        entry["is_type_param"] = True
    return entry
