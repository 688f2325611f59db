"""A Live on a real cluster, and the views that it gives."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from auditor import crds
from auditor.cluster import Client
from auditor.intake.live.live import Live
from auditor.intake.live.view import View
from auditor.sandbox import Sandbox

SECONDS = 15.0


class Following:
    def __init__(self, client: Client, *, native: bool = False, now: Callable[[], datetime] | None = None) -> None:
        self.views: list[View] = []
        self._changed = threading.Condition()
        more: Any = {} if now is None else {"now": now}
        self.live = Live(client, self._take, native=native, **more)
        self.live.start()

    def _take(self, view: View) -> None:
        with self._changed:
            self.views.append(view)
            self._changed.notify_all()

    def wait(self, fits: Callable[[View], bool]) -> View:
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self.views) and fits(self.views[-1]), SECONDS):
                raise AssertionError(f"no such view; {self.live.unready()} {self.live.troubles()}")
            return self.views[-1]


def install(sandbox: Sandbox, *names: str) -> None:
    """Our CRDs, by the names of their files."""
    plurals = {"policy": "policies"}
    for name in names:
        sandbox.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=crds.read(name))
    for name in names:
        sandbox.kubectl("wait", "--for=condition=Established", f"crd/{plurals.get(name, f'{name}s')}.auditor.dev")


def wait_for(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(SECONDS / 0.02)):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError("not in time")
