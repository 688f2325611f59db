"""People and controllers that write all the time, and what they were answered.

Each thread has objects of its own, so it knows what it asks: a `Thing` may never be large (failurePolicy Fail), a
`Gadget` may not either, but is let in while nobody can judge it (failurePolicy Ignore). Most others violate rules that
only audit.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from auditor.cluster import Client, Resource, Settings, connect
from auditor.errors import AlreadyExistsError, ClusterError, InvalidError, NotFoundError
from auditor.json import JsonObject

THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
GADGETS = Resource("example.com", "v1", "gadgets", "Gadget", namespaced=True)
SHOP = "shop"
THREADS = 3
RATE = 8.0
"""Changes a second of each thread: enough to be in the middle of one at any moment, and no test of speed."""
NAMES = 6
LARGE, SMALL = 20, 1


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


class Load:
    """Until its end. `answers` are all that there were."""

    def __init__(self, kubeconfig: Path, *, seed: int, timeout: float) -> None:
        self.answers: list[Answer] = []
        self._stopping = threading.Event()
        self._errors: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._run, args=(kubeconfig, number, seed, timeout), daemon=True)
            for number in range(THREADS)
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

    def _run(self, kubeconfig: Path, number: int, seed: int, timeout: float) -> None:
        draw = random.Random(f"{seed}/{number}")  # noqa: S311 to be repeated
        client = connect_to(kubeconfig, timeout=timeout)
        try:
            while not self._stopping.wait(draw.uniform(0, 2 / RATE)):
                self._change(client, draw, f"t{number}-{draw.randrange(NAMES)}")
        except Exception as error:  # told where somebody waits for the end
            self._errors.append(error)
        finally:
            client.transport.close()

    def _change(self, client: Client, draw: random.Random, name: str) -> None:
        resource = draw.choice((THINGS, GADGETS))
        if draw.random() < 0.2:
            self._note(resource, False, lambda: client.delete(resource, name, namespace=SHOP))
            return
        violating = draw.random() < 0.3
        spec = {"size": LARGE if violating else SMALL, "replicas": draw.randrange(12)}
        begun = len(self.answers)
        self._note(resource, violating, lambda: client.patch_merge(resource, name, {"spec": spec}, namespace=SHOP))
        if len(self.answers) == begun:  # there is none
            self._note(resource, violating, lambda: client.create(resource, make(resource, name, **spec)))

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


def connect_to(kubeconfig: Path, *, timeout: float) -> Client:
    return connect(
        Settings(kubeconfig=str(kubeconfig), qps=2000, burst=2000, connect_timeout=timeout, read_timeout=timeout)
    )


def find_wrong(
    answers: Iterable[Answer], *, window: tuple[float, float], may: frozenset[Outcome], seconds: float
) -> list[str]:
    """What no fault excuses. In the `window`, from its beginning until all were well again, `may` happen, too;
    a door that is away admits what failurePolicy Ignore says, and nothing else."""
    found = []
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
