"""The child's side of `auditor run`: `python -m auditor.cli.run.leash X` is `auditor X`, and ends with its parent.

A parent that was killed can tell nobody, but the system closes its end of the pipe that is our standard input. That
works on Linux and macOS alike, and reaches a child whose parent died before it looked.
"""

import os
import signal
import threading
import time
from typing import Final

GRACE: Final = 30.0
"""Seconds to end in good order without a parent: as many as Kubernetes gives a pod. Then it is killed."""


def hold(grace: float = GRACE) -> None:
    """From now on this process ends when its standard input does."""
    threading.Thread(target=_watch, args=(grace,), name="leash", daemon=True).start()


def _watch(grace: float) -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    from auditor.__main__ import main

    hold()
    main()
