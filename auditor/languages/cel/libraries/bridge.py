"""How the library calls our functions, and what it gets back.

The library (0.1.3) never releases the tuple of arguments that it makes for a call, nor the result, which would cost a
server hundreds of bytes for each quantity that a rule compares. A Python function cannot see that tuple, a C function
can. So the library gets a C function, made by ctypes; it notes the two, and `release` drops the forgotten references
after the evaluation. Whether there are any is tried out first: a version without the fault gets plain functions.

An exception cannot leave such a function. So every result is a map with the field `@result`, and a failure is an empty
map: the tree that is evaluated selects the field (see `select_results`), which fails for the empty one, and `failure`
has the reason.
"""

import ctypes
import sys
import threading
from collections.abc import Callable, Set
from functools import cache
from typing import Final

from cel_expr_python import cel as library

from auditor.json import Json
from auditor.languages.cel.ast import Call, Node, Select
from auditor.languages.cel.build import Builder, map_children

RESULT: Final = "@result"
_METH_VARARGS: Final = 1
_CALLBACK: Final = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object)


class _MethodDefinition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("method", _CALLBACK),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


class _State(threading.local):
    def __init__(self) -> None:
        self.forgotten: list[object] = []
        self.failure = ""


_state = _State()
_kept: list[object] = []
"""The definitions that C functions point to."""


def adapt(implementation: Callable[..., Json]) -> Callable[..., Json]:
    """The function as the library may call it."""

    def answer(*arguments: Json) -> Json:
        try:
            return {RESULT: implementation(*arguments)}
        except Exception as error:
            _state.failure = str(error)
            return {}

    return _c_function(answer) if _forgets() else answer


def _c_function(answer: Callable[..., Json]) -> Callable[..., Json]:
    def call(_: None, arguments: tuple[Json, ...]) -> Json:
        result = answer(*arguments)
        _state.forgotten += (arguments, result)
        return result

    definition = _MethodDefinition(b"function", _CALLBACK(call), _METH_VARARGS, None)
    _kept.append(definition)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.argtypes = (ctypes.POINTER(_MethodDefinition), ctypes.py_object, ctypes.c_void_p)
    make.restype = ctypes.py_object
    made: Callable[..., Json] = make(ctypes.byref(definition), None, None)
    return made


def release() -> None:
    """Call it when an evaluation has ended."""
    forgotten = _state.forgotten
    while forgotten:
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(forgotten[-1]))
        forgotten.pop()


def failure() -> str:
    """Why the last function that failed in this thread did so."""
    return _state.failure


@cache
def _forgets() -> bool:
    """Whether arguments and results have one reference too many after a call."""
    seen: list[Json] = []
    result: list[Json] = []
    unknown = sys.getrefcount(result)

    def probe(argument: Json) -> Json:
        seen.append(argument)
        return result

    overload = library.Overload("probe", library.Type.DYN, [library.Type.LIST], impl=probe)
    extension = library.CelExtension("probe", [library.FunctionDecl("probe", [overload])])
    environment = library.NewEnv(extensions=[extension])
    environment.compile("probe([1])").eval(environment.Activation({}))
    argument = seen.pop()
    faults = sys.getrefcount(argument) > unknown, sys.getrefcount(result) > unknown
    return all(faults)


def select_results(node: Node, functions: Set[str], build: Builder) -> Node:
    """Takes the results of our functions out of their maps."""
    changed = map_children(node, lambda child: select_results(child, functions, build))
    if isinstance(changed, Call) and changed.function in functions:
        return Select(build.id(), changed, RESULT)
    return changed
