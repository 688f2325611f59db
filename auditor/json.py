"""The JSON value, named once for all rooms: the only place where `Any` stands for data."""

from typing import Any, TypeAlias

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
