"""One kind that is followed for what we make of its objects."""

from collections.abc import Callable

from auditor.cluster import Resource
from auditor.cluster.informer import Informer, Informers, Notice
from auditor.cluster.stores import WHOLE
from auditor.dataclass import dataclass
from auditor.json import JsonObject

_REFUSED = (403, 404)
_LASTING = 3
"""Failures in a row, some seconds, after which one is no hiccup."""


@dataclass(slots=True, kw_only=True)
class Source:
    resource: Resource
    take: Callable[[str, JsonObject | None], bool]
    """What it makes of an object, by its key; None: it is gone. Whether anything is different now. For one thread."""
    forgoable: bool = False
    """A server may be without this kind, or not let us read it: the others are not held up."""
    informer: Informer | None = None

    def open(self, informers: Informers, handler: Callable[[Notice], None]) -> None:
        self.informer = informers.open(self.resource, keep=WHOLE, handler=handler)

    def close(self) -> None:
        informer, self.informer = self.informer, None
        if informer is not None:
            informer.close()

    def find(self, key: str) -> JsonObject | None:
        informer = self.informer
        return None if informer is None else informer.get_key(key)

    @property
    def settled(self) -> bool:
        """All that there is has been read, or there is nothing to be read."""
        informer = self.informer
        if informer is None or informer.synced:
            return True
        error = informer.status.last_error
        return self.forgoable and error is not None and error.code in _REFUSED

    @property
    def trouble(self) -> str:
        """Why it is not read, if that lasts; a server that does not have it is none."""
        informer = self.informer
        error = None if informer is None else informer.status.last_error
        if informer is None or error is None or (self.forgoable and error.code == 404 and not informer.synced):
            return ""
        lasts = error.code in _REFUSED or error.count >= _LASTING
        return f"{self.resource.name} cannot be read: {error.message}" if lasts else ""
