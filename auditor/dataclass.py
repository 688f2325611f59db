"""Dataclasses whose methods are written when they are first called: a start pays for what it uses.

The standard library writes and compiles seven functions for each frozen class, 0.7 ms; a scan of one file knows a
hundred classes and makes objects of half of them. What is made here are dataclasses of the standard library all the
same, for its `fields` and `replace` and for who checks the types; only `inspect.signature` knows less of them. What
inherits from one is to be made here, too.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Final, NoReturn

from auditor.json import Json

__all__ = ["dataclass"]

_KNOWN: Final = {"frozen", "kw_only", "eq"}
"""With any other option, and without `slots`, the standard library does all."""


def _make(cls: type | None = None, /, *, slots: bool = False, **options: bool) -> object:
    if cls is None:
        return lambda cls: _make(cls, slots=slots, **options)
    if not slots or not options.keys() <= _KNOWN:
        return dataclasses.dataclass(slots=slots, **options)(cls)
    own = dict(vars(cls))
    cls.__doc__ = cls.__doc__ or cls.__qualname__  # in the place of which it would write the signature
    kw_only = options.get("kw_only", False)
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
    for name, method in _methods(made, frozen=options.get("frozen", False), eq=options.get("eq", True)).items():
        if own.get(name) is None:
            setattr(made, name, method)
    return made


def _methods(cls: type, *, frozen: bool, eq: bool) -> dict[str, Json]:
    """By the rules of the standard library, which also say what becomes of `__hash__`."""
    fields = dataclasses.fields(cls)
    methods: dict[str, Json] = {"__init__": _write_later(cls, frozen=frozen), "__repr__": _show}
    if frozen:
        methods |= {"__setattr__": _refuse_change, "__delattr__": _refuse_deletion, **_pickling(cls)}
    if eq:
        hashed = _reader([each.name for each in fields if (each.compare if each.hash is None else each.hash)])
        methods["__eq__"] = _comparison(_reader([each.name for each in fields if each.compare]))
        methods["__hash__"] = (lambda self: hash(hashed(self))) if frozen else None
    return methods


def _reader(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda each: tuple([getattr(each, name) for name in names])


def _comparison(values: Callable[[object], object]) -> Callable[[object, object], bool]:
    def equals(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equals


def _pickling(cls: type) -> dict[str, Json]:
    setters = _setters(cls)
    values = _reader(list(setters))

    def restore(self: object, state: tuple[object, ...]) -> None:
        for put, value in zip(setters.values(), state, strict=True):
            put(self, value)

    return {"__getstate__": lambda self: values(self), "__setstate__": restore}


def _setters(cls: type) -> dict[str, Callable[[object, object], None]]:
    """Past `__setattr__`, which refuses."""
    return {field.name: getattr(cls, field.name).__set__ for field in dataclasses.fields(cls)}


@recursive_repr()
def _show(self: Json) -> str:
    shown = [f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr]
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse_change(_self: object, name: str, _value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(_self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _write_later(cls: Json, *, frozen: bool) -> Callable[..., None]:
    def __init__(self: object, *args: object, **given: object) -> None:  # noqa: N807 as it is called in messages
        cls.__init__ = _write(cls, frozen=frozen)
        cls.__init__(self, *args, **given)

    return __init__


def _write(cls: Json, *, frozen: bool) -> Callable[..., None]:
    known: dict[str, object] = {"__name__": cls.__module__, "NEW": MISSING}
    listed: list[str] = ["self"]
    named: list[str] = []
    body: list[str] = []
    for field in dataclasses.fields(cls):
        name = field.name
        known |= {f"default_{name}": field.default, f"make_{name}": field.default_factory}
        if field.init:
            (named if field.kw_only else listed).append(_parameter(field))
        if value := _value(field):
            body.append(f"set_{name}(self, {value})" if frozen else f"self.{name} = {value}")
    if frozen:
        known |= {f"set_{name}": put for name, put in _setters(cls).items()}
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join([*listed, *(["*", *named] if named else [])])
    exec(f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"]), known)  # noqa: S102 our own classes
    written: Json = known["__init__"]
    written.__qualname__ = f"{cls.__qualname__}.__init__"
    return written  # type: ignore[no-any-return]


def _parameter(field: "Field[object]") -> str:
    if field.default_factory is not MISSING:
        return f"{field.name}=NEW"
    return field.name if field.default is MISSING else f"{field.name}=default_{field.name}"


def _value(field: "Field[object]") -> str:
    name = field.name
    if field.default_factory is not MISSING:
        return f"make_{name}() if {name} is NEW else {name}" if field.init else f"make_{name}()"
    if field.init:
        return name
    return "" if field.default is MISSING else f"default_{name}"


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _make
