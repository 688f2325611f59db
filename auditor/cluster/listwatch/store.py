"""What is kept of the objects of a kind: at the least which there are, and at which version."""

from collections.abc import Collection
from typing import Protocol

from auditor.cluster.listwatch.version import Version
from auditor.json import JsonObject


class Store(Protocol):
    """One thread writes; others may read at the same time."""

    def version(self, key: str) -> Version | None:
        """None: no such object."""

    def put(self, key: str, version: Version, obj: JsonObject) -> None:
        """The object is shared with those who are told of it: it must not be changed."""

    def remove(self, key: str) -> None:
        """Also of what is not there."""

    def get(self, key: str) -> JsonObject | None:
        """What is kept of the object; None if nothing is, or if it is not there."""

    def keys(self) -> Collection[str]:
        """Those of this moment: a copy."""

    def __len__(self) -> int: ...


class Versions:
    """Which objects there are, and nothing of what is in them: about 300 bytes an object."""

    __slots__ = ("_versions",)

    def __init__(self) -> None:
        self._versions: dict[str, Version] = {}

    def version(self, key: str) -> Version | None:
        return self._versions.get(key)

    def put(self, key: str, version: Version, obj: JsonObject) -> None:
        self._versions[key] = version

    def remove(self, key: str) -> None:
        self._versions.pop(key, None)

    def get(self, key: str) -> JsonObject | None:
        return None

    def keys(self) -> Collection[str]:
        return list(self._versions)

    def __len__(self) -> int:
        return len(self._versions)
