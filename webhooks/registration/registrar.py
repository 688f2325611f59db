"""Keeps what is registered right: when policies, conversions or authorities change, and when others change it.

It watches our two configurations and hears of every CRD. What differs is written within a second, by server-side apply
and with force for our own fields; what does not is never written. If somebody fights back, corrections get slower
(`rivalry`), and log, status and metrics say who it is. One replica does it at a time: the leader starts it, and stops
it when it leads no more. Two that want the same would write nothing more either, but during an update they do not.

Between the moment that a new CRD is served and that API servers know of its webhook, objects of the new kind are
admitted without us: the watcher judges them when it first sees them. On one idle API server it is registered before it
is served. A policy that names a kind by group and plural is registered before the CRD comes, and leaves no such gap.

Nothing here can deadlock a cluster: API servers call no webhook for webhook configurations; our own namespace and
kube-system are excluded; the webhook for our own policies, and what policies say of those, is Ignore; and where the
owner is gone or an uninstall has been there, nothing is put back.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from auditor.cluster import Client
from auditor.cluster.discovery import KindChange
from auditor.cluster.informer import Informers, Notice
from auditor.cluster.lease import Permit
from auditor.cluster.listwatch import Scope
from auditor.cluster.queue import WorkQueue
from auditor.cluster.workers import Workers
from auditor.errors import AuditorError, LeaseLostError
from auditor.webhooks.registration.keeper import Keeper
from auditor.webhooks.registration.meters import RegistrationMeters
from auditor.webhooks.registration.owner import Owner
from auditor.webhooks.registration.sections import leads_to_us
from auditor.webhooks.registration.target import Memories, State, Target
from auditor.webhooks.registration.wanted import Wanted
from auditor.webhooks.registration.writing import CONFIGURATIONS

log = logging.getLogger(__name__)

MAX_DELAY = 30.0
"""Seconds between two attempts that fail: it goes on as long as it runs, since nobody else will do it."""
NEVER = 1 << 30
"""Attempts before it gives up."""
STOP_TIMEOUT = 5.0


@dataclass(slots=True, kw_only=True)
class Registrar:
    """`refresh` when anything that `source` gives has changed; `hear` of every change of a CRD."""

    client: Client
    source: Callable[[], Wanted | None]
    """None as long as not all is known: then nothing is written, and nothing taken away. Asked often, in the threads of
    watches, too: it gives what was made before, and makes nothing."""
    name: str
    """Of both configurations: that of the installation."""
    owner: Owner | None = None
    guard: Callable[[], contextlib.AbstractContextManager[Permit]] | None = None
    meters: RegistrationMeters = field(default_factory=lambda: RegistrationMeters(CollectorRegistry()))
    _queue: WorkQueue[str] = field(init=False)
    _workers: Workers[str] = field(init=False)
    _informers: Informers = field(init=False)
    _memories: Memories = field(init=False)
    _keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self._queue = WorkQueue(max_delay=MAX_DELAY, max_retries=NEVER)
        self._workers = Workers("registration", self._queue, self._work)
        self._informers = Informers(self.client)
        self._memories = Memories(self.meters)
        self._keeper = Keeper(
            client=self.client,
            owner=self.owner,
            guard=self.guard,
            meters=self.meters,
            memories=self._memories,
            again=lambda name, delay: self._queue.add(name, delay=delay),
        )

    # -- from outside --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        for kind, resource in CONFIGURATIONS.items():
            self._informers.open(resource, scope=Scope(fields=f"metadata.name={self.name}"), handler=self._note(kind))
        self._workers.start()
        self.refresh()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """What is registered stays. False if a write was still under way."""
        deadline = time.monotonic() + timeout
        done = self._workers.stop(timeout)
        return self._informers.stop(max(0.1, deadline - time.monotonic())) and done

    def refresh(self) -> None:
        """Looks at everything again. Cheap: one read for each object, and no write where all is right."""
        wanted = self.source()
        if wanted is None:
            return
        names = {*CONFIGURATIONS, *wanted.conversions, *wanted.broken, *self._sections()}
        address = wanted.installation.address
        names |= {kind.name for kind in wanted.kinds.values() if leads_to_us(kind, address)}
        for name in sorted(names):
            self._queue.add(name)

    def hear(self, change: KindChange) -> None:
        """For `Kinds.subscribe`."""
        wanted = self.source()
        name = change.kind.name
        if wanted is not None and (
            name in wanted.conversions
            or name in wanted.broken
            or name in self._sections()
            or leads_to_us(change.kind, wanted.installation.address)
        ):
            self._queue.add(name)

    def status(self) -> list[Target]:
        return list(self._memories.targets().values())

    def registered(self) -> frozenset[str]:
        """The policies that API servers call us for, on each side on which they have something to say."""
        return self._memories.registered()

    def wait(self, fits: Callable[[dict[str, Target]], bool], timeout: float) -> bool:
        """Until the status is as it should be, by name; False after the timeout."""
        return self._memories.wait(fits, timeout)

    def wait_in_force(self, timeout: float) -> bool:
        """Until both configurations are as they have to be, for the first time or again."""
        return self.wait(
            lambda found: all(kind in found and found[kind].state is State.IN_FORCE for kind in CONFIGURATIONS), timeout
        )

    # -- work ----------------------------------------------------------------------------------------------------------

    def _note(self, kind: str) -> Callable[[Notice], None]:
        return lambda _: self._queue.add(kind)

    def _sections(self) -> set[str]:
        return self._memories.names() - CONFIGURATIONS.keys()

    def _work(self, name: str) -> None:
        wanted = self.source()
        if wanted is None:
            return
        memory = self._memories.of(name)
        try:
            if name in CONFIGURATIONS:
                self._keeper.keep_configuration(name, wanted, memory)
            else:
                self._keeper.keep_section(name, wanted, memory)
        except LeaseLostError as error:
            log.info("%s: left to who leads next: %s", name, error)
            self._queue.add(name, delay=STOP_TIMEOUT)  # it may be this one, without having been stopped in between
        except Exception as error:
            self.meters.failed(name)
            text = str(error) if isinstance(error, AuditorError) else f"{type(error).__name__}: {error}"
            self._memories.note(memory, State.FAILED, text)
            raise
