"""People and controllers that write all the time, and what they were answered.

Each thread has objects of its own, so it knows what it asks: a `Thing` may never be large (failurePolicy Fail), a
`Gadget` may not either, but is let in while nobody can judge it (failurePolicy Ignore). Most others violate rules that
only audit.

What changes all the time heals what was missed by the next change. So one more thread makes objects that change once:
who misses that never hears of it again.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias

from auditor.cluster import Client, Resource, Settings, connect
from auditor.errors import AlreadyExistsError, ClusterError, InvalidError, NotFoundError
from auditor.json import JsonObject

THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
GADGETS = Resource("example.com", "v1", "gadgets", "Gadget", namespaced=True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SHOP = "shop"
THREADS = 3
RATE = 5.0
"""Changes a second of each thread: enough to be in the middle of one at any moment, and no test of speed."""
NAMES = 6
LARGE, SMALL = 20, 1
WRONG, RIGHT = 4, 5
"""Replicas, to a rule that only audits."""
PASSING = 4.0
"""Objects a second that change once."""

Change: TypeAlias = Callable[[Client, random.Random], None]
BARE = 2.0
"""Writes a second that nobody judges."""


DOOR_SECONDS = 3
"""timeoutSeconds of our policies: the API server waits no longer for the door."""
SLACK = 7.0
"""Seconds beyond that for the API server itself, at least."""


class Outcome(StrEnum):
    ADMITTED = "admitted"
    REFUSED = "refused by a rule"
    UNANSWERED = "refused as the door did not answer"
    TROUBLE = "not taken by the API server"


@dataclass(frozen=True, slots=True)
class Answer:
    resource: Resource
    violating: bool
    outcome: Outcome
    begun: float
    ended: float
    text: str

    @property
    def right(self) -> bool:
        """What it is with all parts well."""
        return self.outcome is (Outcome.REFUSED if self.violating else Outcome.ADMITTED)

    def __str__(self) -> str:
        what = f"{'large' if self.violating else 'small'} {self.resource.kind}"
        return f"{what}: {self.outcome} after {self.ended - self.begun:.1f} s: {self.text[:300]}"


class Passing(NamedTuple):
    """An object that changes once, or never."""

    resource: Resource
    name: str
    replicas: int


class Load:
    """Until its end. `answers` are all that there were."""

    def __init__(self, kubeconfig: Path, *, seed: int, timeout: float) -> None:
        self.answers: list[Answer] = []
        self.passed: list[Passing] = []
        """Whoever ends the run deletes what is left of them."""
        self._still: list[Passing] = []
        """Those of them that have not changed yet."""
        self._stopping = threading.Event()
        self._errors: list[Exception] = []
        self.bare: list[float] = [0.0]
        """Seconds that writes took which no policy of ours is about: what the API server needs by itself."""
        who: list[tuple[str, Change, float]] = [(f"{seed}/passing", self._pass_by, PASSING)]
        who.append((f"{seed}/bare", self._write_bare, BARE))
        who += [(f"{seed}/{number}", partial(self._write, f"t{number}"), RATE) for number in range(THREADS)]
        self._threads = [
            threading.Thread(target=self._run, args=(kubeconfig, timeout, *each), daemon=True) for each in who
        ]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for each in self._threads:
            each.join(40)
        if error is None:
            assert not self._errors, self._errors
            assert not any(each.is_alive() for each in self._threads), "a write never ended"

    def rest(self, seconds: float) -> None:
        """It goes on that long."""
        assert not self._stopping.wait(seconds)

    def tell(self) -> str:
        return ", ".join(f"{count} {each}" for each, count in Counter(each.outcome for each in self.answers).items())

    def _run(self, kubeconfig: Path, timeout: float, seed: str, change: Change, rate: float) -> None:
        draw = random.Random(seed)  # noqa: S311 to be repeated
        client = connect_to(kubeconfig, timeout=timeout)
        try:
            while not self._stopping.wait(draw.uniform(0, 2 / rate)):
                change(client, draw)
        except Exception as error:  # told where somebody waits for the end
            self._errors.append(error)
        finally:
            client.transport.close()

    def _write(self, prefix: str, client: Client, draw: random.Random) -> None:
        resource, name = draw.choice((THINGS, GADGETS)), f"{prefix}-{draw.randrange(NAMES)}"
        if draw.random() < 0.2:
            self._note(resource, False, lambda: client.delete(resource, name, namespace=SHOP))
            return
        violating = draw.random() < 0.3
        spec = {"size": LARGE if violating else SMALL, "replicas": draw.randrange(12)}
        begun = len(self.answers)
        self._note(resource, violating, lambda: client.patch_merge(resource, name, {"spec": spec}, namespace=SHOP))
        if len(self.answers) == begun:  # there is none
            self._note(resource, violating, lambda: client.create(resource, make(resource, name, **spec)))

    def _pass_by(self, client: Client, draw: random.Random) -> None:
        """One comes, and one of those that are there violates a rule from now on, does so no more, or goes."""
        come = Passing(draw.choice((THINGS, GADGETS)), f"once-{len(self.passed)}", draw.choice((WRONG, RIGHT)))
        self.passed.append(come)
        self._still.append(come)
        made = make(come.resource, come.name, size=SMALL, replicas=come.replicas)
        self._note(come.resource, False, lambda: client.create(come.resource, made))
        if draw.random() < 0.3:
            return  # that many stay as they came
        kind, name, replicas = self._still.pop(draw.randrange(len(self._still)))
        if draw.random() < 0.5:
            self._note(kind, False, lambda: client.delete(kind, name, namespace=SHOP))
        else:
            spec = {"replicas": WRONG + RIGHT - replicas}
            self._note(kind, False, lambda: client.patch_merge(kind, name, {"spec": spec}, namespace=SHOP))

    def _write_bare(self, client: Client, draw: random.Random) -> None:
        begun = time.monotonic()
        data = {"data": {"drawn": str(draw.random())}}
        outcome, _ = put(lambda: client.patch_merge(CONFIG_MAPS, "bare", data, namespace=SHOP))
        if outcome is None:
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bare", "namespace": SHOP}}
            put(lambda: client.create(CONFIG_MAPS, made))
        self.bare.append(time.monotonic() - begun)

    def _note(self, resource: Resource, violating: bool, ask: Callable[[], object]) -> None:
        begun = time.monotonic()
        outcome, text = put(ask)
        if outcome is not None:
            self.answers.append(Answer(resource, violating, outcome, begun, time.monotonic(), text))


def put(ask: Callable[[], object]) -> tuple[Outcome | None, str]:
    """None where there was nothing to be changed, or there is one already: of that nothing can be told."""
    try:
        ask()
    except (NotFoundError, AlreadyExistsError):
        return None, ""
    except ClusterError as error:
        text = str(error)
        if "failed calling webhook" in text:
            return Outcome.UNANSWERED, text
        if isinstance(error, InvalidError) and "/size" in text:
            return Outcome.REFUSED, text
        return Outcome.TROUBLE, text
    return Outcome.ADMITTED, ""


def make(resource: Resource, name: str, **spec: object) -> JsonObject:
    metadata = {"name": name, "namespace": SHOP}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}


def heavy(name: str, *, size: int, kilobytes: int) -> JsonObject:
    """A Thing that violates a rule which only audits."""
    data = {f"k{number}": "y" * 1000 for number in range(kilobytes)}
    return make(THINGS, name, size=size, replicas=WRONG, data=data)


def connect_to(kubeconfig: Path, *, timeout: float) -> Client:
    return connect(
        Settings(kubeconfig=str(kubeconfig), qps=2000, burst=2000, connect_timeout=timeout, read_timeout=timeout)
    )


def find_wrong(
    answers: Iterable[Answer], *, window: tuple[float, float], may: frozenset[Outcome], bare: float
) -> list[str]:
    """What no fault excuses. In the `window`, from its beginning until all were well again, `may` happen, too;
    a door that is away admits what failurePolicy Ignore says, and nothing else.

    `bare`: the longest write that no policy was about. Where that took longer than the door may, the machine was too
    busy to say whose fault it is that the door was late."""
    found, seconds = [], DOOR_SECONDS + max(SLACK, 3 * bare)
    if bare > DOOR_SECONDS:
        may |= {Outcome.UNANSWERED}
    for each in answers:
        in_window = each.ended > window[0] and each.begun < window[1]
        at_door = in_window and Outcome.UNANSWERED in may
        wrong = not each.right
        if in_window and each.outcome in may:
            # Only what has to be judged may wait for a door in vain.
            wrong = each.outcome is Outcome.UNANSWERED and each.resource is GADGETS
        elif at_door and each.outcome is Outcome.ADMITTED and each.resource is GADGETS:
            wrong = False
        slow = each.ended - each.begun > seconds and not (in_window and Outcome.TROUBLE in may)
        if wrong or slow:
            found.append(f"{each}{' (too slow)' if slow else ''}{' in the window' if in_window else ''}")
    return found
