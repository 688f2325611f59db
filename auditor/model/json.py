"""The JSON value, named once: the only place where `Any` stands for data."""

from typing import Any, TypeAlias

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
