"""The reports of one kind in the cluster: whether there is such a kind, and which of ours are there."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from auditor.cluster import Resource
from auditor.cluster.discovery import Discovery
from auditor.cluster.informer import Informer, Informers, Notice, Scope
from auditor.cluster.listwatch.version import uid_of
from auditor.cluster.stores import Keep
from auditor.errors import ClusterError, UnknownKindError
from auditor.json import JsonObject
from auditor.model.settings import ReportApi
from auditor.report.crs import SELECTOR, Form, content_of_report, kind_name_of
from auditor.report.crs.forms import KIND

log = logging.getLogger(__name__)

RETRY: Final = 10.0
"""Seconds until what cannot work by itself is tried again: a kind that is missing, or a right."""
SOON: Final = 1.0
"""Seconds until a kind that we create ourselves is looked for again; doubled each time."""
REMIND: Final = 600.0
"""Seconds after which a trouble that has not changed is logged again."""
NOT_SERVED: Final = 404


class Voice:
    """Says a sentence once, and again after a while if it is still true. The shelves share one: their troubles are
    mostly the same."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}

    def warn(self, why: str) -> None:
        now = self._clock()
        self._said = {each: at for each, at in self._said.items() if now - at < REMIND}
        if why not in self._said:
            self._said[why] = now
            log.warning("%s", why)


OURS: Final = Scope(labels=SELECTOR)
KEPT: Final = Keep(digests=(content_of_report,), fields=frozenset({("metadata", "annotations", KIND)}))
"""Of a report of any size about 150 bytes."""


class Shelf:
    """For the one thread that calls `look`, and many that read."""

    def __init__(
        self,
        api: ReportApi,
        form: Form,
        *,
        informers: Informers,
        discovery: Discovery,
        handler: Callable[["Shelf", Notice], None],
        clock: Callable[[], float],
        voice: Voice,
        creates: bool = False,
    ) -> None:
        """`creates`: where the kind is absent we make it ourselves, and who does tells what is in his way."""
        self.api: Final = api
        self.form: Final = form
        self.resource: Final = Resource(form.group, form.version, form.plural, form.kind, namespaced=form.namespaced)
        self.trouble = ""
        """What is in the way of writing these, and what to do about it."""
        self.said: Final[dict[str, bytes]] = {}
        """Digests of what we have written last, or found as it has to be."""
        self._informers, self._discovery, self._clock, self._voice = informers, discovery, clock, voice
        self._creates = creates
        self._delay = SOON
        self._handler: Callable[[Notice], None] = partial(handler, self)
        self._informer: Informer | None = None
        self._ready = False
        self._held_until = 0.0
        self._doubted = False
        self._asked = -RETRY

    @property
    def ready(self) -> bool:
        """What is there is known, and it may be worth to write."""
        return self._ready and not self.held

    @property
    def held(self) -> bool:
        return self._held_until > 0

    @property
    def opening(self) -> bool:
        """What is there is being listed."""
        return self._informer is not None and not self._ready

    def doubt(self) -> None:
        """The API server has said that there is no such kind."""
        self._doubted = True

    def hold(self, why: str) -> None:
        """No write will succeed for a while: nobody needs to try for each object."""
        self._held_until = self._clock() + RETRY
        self.complain(why)

    def complain(self, why: str) -> None:
        self.trouble = why
        self._voice.warn(why)

    def succeed(self) -> None:
        """One was written as it has to be."""
        self.trouble = ""

    def hurry(self) -> None:
        """Something is another now: what was held up may work."""
        self._held_until, self._delay = min(self._held_until, self._clock()), SOON

    def look(self, *, wanted: bool) -> bool:
        """To be called about once a second. True if from now on it is ready, and was not before."""
        before = self.ready
        if self._informer is None:
            self._open(wanted=wanted)
        elif self._is_gone(self._informer):
            self.close()
        informer = self._informer
        self._ready = informer is not None and informer.synced
        if self.held and self._clock() >= self._held_until:
            self._held_until = 0.0
        if not wanted:
            self.trouble = self.trouble if self.held else ""
        elif informer is not None and not self._ready and (failure := informer.status.last_error) is not None:
            # Not logged: the list-watch does that.
            self.trouble = f"which reports there are is not known, so none is written: {failure.message}"
        elif self.ready and not before:
            self.trouble = ""
        return self.ready and not before

    def _open(self, *, wanted: bool) -> None:
        if self._clock() < self._held_until:
            return
        self._held_until = 0.0
        try:
            # What is not wanted is there to be tidied up: an answer that is some minutes old is good enough for that.
            known = self._discovery if wanted else self._discovery.catalog()
            known.find_exact(self.form.api_version, self.form.kind)
        except UnknownKindError:
            self._held_until = self._clock() + (self._delay if self._creates else RETRY)
            self._delay = min(2 * self._delay, RETRY)
            if wanted and self._creates:
                self.trouble = f"no reports are written until there is a {self.form.kind} in {self.form.api_version}"
            elif wanted:
                self.complain(
                    f"no reports are written: this cluster has no {self.form.kind} in {self.form.api_version}. Install "
                    f"the CRDs of {self.form.group}, or choose another API by spec.reports.api of AuditConfig"
                )
        except ClusterError as error:
            self._held_until = self._clock() + RETRY
            if wanted:
                self.complain(f"no reports are written: whether there is such a kind is not known: {error}")
        else:
            self._informer = self._informers.open(self.resource, scope=OURS, keep=KEPT, handler=self._handler)

    def _is_gone(self, informer: Informer) -> bool:
        failure = informer.status.last_error
        if not self._doubted and (failure is None or failure.code != NOT_SERVED):
            return False
        if self._clock() - self._asked < RETRY:
            return False
        self._asked, self._doubted = self._clock(), False
        try:
            self._discovery.refresh()
            self._discovery.catalog().find_exact(self.form.api_version, self.form.kind)
        except UnknownKindError:
            return True
        except ClusterError:
            return False
        return False

    def close(self) -> None:
        informer, self._informer = self._informer, None
        self._ready, self._held_until = False, 0.0
        self.said.clear()
        if informer is not None:
            informer.close()

    # -- what is there -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._informer) if self._informer is not None else 0

    @property
    def synced(self) -> bool:
        return self._informer is not None and self._informer.synced

    def names(self) -> list[str]:
        """The keys of all."""
        return list(self._informer.keys()) if self._informer is not None else []

    def digest(self, key: str) -> bytes | None:
        return self._informer.digest(key, content_of_report) if self._informer is not None else None

    def uid(self, key: str) -> str:
        """Of the report itself; empty if there is none."""
        version = self._informer.version(key) if self._informer is not None else None
        return uid_of(version) if version is not None else ""

    def kind_name(self, key: str) -> str:
        """Of the object that it is about, as the report says."""
        try:
            found: JsonObject | None = self._informer.get_key(key) if self._informer is not None else None
        except ClusterError:  # not read yet
            return ""
        return kind_name_of(found) if found is not None else ""
