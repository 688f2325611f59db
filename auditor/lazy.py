"""Packages whose names are imported when somebody first asks for them: a start pays for what it uses.

Such a package names its parts twice, under TYPE_CHECKING for who reads and checks it, and by `lazily` for who runs it.
No module of it may have the name of one of its parts: as soon as it is imported it would stand in the place of that.
"""

import sys
from collections.abc import Callable
from importlib import import_module


def lazily(package: str, **modules: str) -> Callable[[str], object]:
    """The `__getattr__` of a package: by module the names that are found in it, separated by spaces."""
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return find
