"""All kinds of a cluster, asked when first needed and again when what is known may be old."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from auditor.cluster.client import Client
from auditor.cluster.discovery.catalog import Catalog, Match
from auditor.cluster.discovery.fetch import fetch
from auditor.cluster.resource import Resource
from auditor.errors import ClusterError, UnknownKindError, UnreachableError

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

MAX_AGE = 600.0
"""Seconds, as kubectl had it for years: whoever has to know of a change at once follows the CRDs with `Kinds`."""
BROKEN_AGE = 30.0
"""Seconds. A group that does not answer is often back soon; the API server itself asks again every 30 s."""
PAUSE = 1.0
"""Seconds between two fetches, so that a wrong name in a loop is no load: with 24 CRDs the answer has 30 KB, takes the
server 10 ms and us 5 ms."""
SETTLING = 2.0
"""Seconds after a change of a CRD until the server's discovery shows it for sure. One that is idle took 60 ms; a busy
one, or another one of several, takes longer."""
TIMEOUT = 15.0
"""Seconds for the answer with all kinds, which takes some 10 ms: those who look up a name wait for it."""
GROUP_TIMEOUT = 5.0
"""Seconds for a single group: the API server answers at once for one that it knows to be down."""


class Discovery:
    """Safe to use from many threads. A name that is not found is looked up again in a fresh answer."""

    def __init__(
        self, client: Client, *, clock: Callable[[], float] = time.monotonic, max_age: float = MAX_AGE
    ) -> None:
        self._client = client
        self._clock = clock
        self._max_age = max_age
        self._catalog: Catalog | None = None
        self._fetched = 0.0  # when the catalog was asked for
        self._tried = 0.0
        self._failure: ClusterError | None = None  # of the last attempt
        self._doubted_until = 0.0
        self._lock = threading.Lock()
        self._noted: set[str] = set()

    def find(self, name: str, *, version: str = "") -> Resource:
        """By plural, singular or short name or kind, with or without group, as kubectl. See `look_up`."""
        match = self.look_up(name, version=version)
        if match.note and name not in self._noted:
            self._noted.add(name)
            log.warning("%s: %s", name, match.note)
        return match.resource

    def look_up(self, name: str, *, version: str = "") -> Match:
        """As `find`, and says which other kinds have the name. UnknownKindError: none, or several without order."""
        return self._answer(lambda catalog: catalog.match(name, version=version))

    def find_all(self, name: str) -> tuple[Resource, ...]:
        """All kinds of a category (`all`), or the one of that name."""
        return self._answer(lambda catalog: catalog.find_all(name))

    def find_exact(self, api_version: str, kind: str) -> Resource:
        """By what an object says of itself."""
        return self._answer(lambda catalog: catalog.find_exact(api_version, kind))

    def versions(self, resource: Resource) -> tuple[Resource, ...]:
        """All versions in which the kind is served, the preferred one first."""
        return self._answer(lambda catalog: catalog.versions(resource) or _no_such(resource))

    def resources(self) -> tuple[Resource, ...]:
        """Every kind once, at its preferred version."""
        return self.catalog().resources()

    @property
    def broken(self) -> Mapping[str, str]:
        """group/version -> why its kinds are not known."""
        return self.catalog().broken

    def catalog(self) -> Catalog:
        """All that is known now, as one consistent answer."""
        known = self._catalog
        if known is None:
            return self._fetch_after(None)
        # While one thread asks, or nobody can, the others go on with what they have.
        if self._is_old(known) and self._lock.acquire(blocking=False):
            try:
                return self._fetch() if self._may_fetch() else known
            except ClusterError as error:
                log.warning("the kinds of the cluster: the last answer goes on to be used: %s", error)
            finally:
                self._lock.release()
        return known

    def refresh(self) -> Catalog:
        """Asks now, whatever is known."""
        with self._lock:
            return self._fetch()

    def invalidate(self) -> None:
        """A kind has changed: `kinds.subscribe(lambda change: discovery.invalidate())`. Never waits.

        The server's discovery follows its CRDs with a delay, so one fresh answer would not be enough.
        """
        self._doubted_until = self._clock() + SETTLING

    def _answer(self, question: Callable[[Catalog], Answer]) -> Answer:
        catalog = self.catalog()
        try:
            return question(catalog)
        except UnknownKindError as error:
            fresh = self._fetch_after(catalog)
            if fresh is catalog:
                if self._failure is not None:  # then nobody knows whether there is one by now
                    raise UnreachableError(str(self._failure)) from error
                raise
        return question(fresh)

    def _is_old(self, catalog: Catalog) -> bool:
        age = self._clock() - self._fetched
        return age > (min(BROKEN_AGE, self._max_age) if catalog.broken else self._max_age) or (
            self._fetched < self._doubted_until
        )

    def _fetch_after(self, known: Catalog | None) -> Catalog:
        """A catalog later than that one: that of another thread, or a new one; the same if it is too early for it."""
        with self._lock:
            if self._catalog is not None and self._catalog is not known:
                return self._catalog
            return known if known is not None and not self._may_fetch() else self._fetch()

    def _may_fetch(self) -> bool:
        return self._clock() - self._tried >= PAUSE

    def _fetch(self) -> Catalog:
        begun = self._tried = self._clock()
        try:
            catalog = fetch(self._ask)
        except ClusterError as error:
            self._failure = error
            raise
        new = {v: why for v, why in catalog.broken.items() if self._catalog is None or v not in self._catalog.broken}
        for api_version, why in new.items():
            log.warning("the kinds of %s are not known: %s", api_version, why)
        self._catalog, self._fetched, self._failure = catalog, begun, None
        return catalog

    def _ask(self, path: str, accept: str) -> bytes:
        timeout = TIMEOUT if path in ("/api", "/apis") else GROUP_TIMEOUT
        return self._client.transport.ask("GET", path, what=f"discover {path}", accept=accept, timeout=timeout)


def _no_such(resource: Resource) -> tuple[Resource, ...]:
    raise UnknownKindError(f"this cluster has no kind {resource.name}")
