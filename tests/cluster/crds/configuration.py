"""The AuditConfig, of which there is one in a cluster: tests of other processes have to wait for it."""

import contextlib
import fcntl
from collections.abc import Iterator

from auditor.sandbox import Sandbox


@contextlib.contextmanager
def the_only_configuration(control_plane: Sandbox) -> Iterator[None]:
    with (control_plane.record.directory / "auditconfig.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
