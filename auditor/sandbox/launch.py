"""The steps of a start: the folder is taken, its supervisor started, and its word awaited that all is ready."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from auditor.errors import StartError
from auditor.sandbox import record as records
from auditor.sandbox.record import STOP_TIMEOUT, Record

POLL = 0.02
CLAIM_TIMEOUT = 2.0  # another command that looks whether a folder is alive holds its lock for some milliseconds


def move_in(directory: Path) -> tuple[int, Record | None]:
    """The lock of the folder, and the record of one that persists and was stopped there."""
    deadline = time.monotonic() + CLAIM_TIMEOUT
    while True:
        records.sweep()
        lock = records.claim(directory)
        if lock is not None:
            last = Record.read(directory)
            if last is None or last.phase == "stopped":
                return lock, last
            os.close(lock)  # it was killed since we swept
        if time.monotonic() > deadline:
            name = directory.name
            raise StartError(f"the sandbox {name} is running already. Stop it with: auditor sandbox down --name {name}")
        time.sleep(POLL)


def spawn_supervisor(record: Record, lock: int) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """In a session of its own, so that Ctrl-C reaches the owner alone; the lock is its from the first moment.

    Its log stays open: that can be read when the folder is removed.
    """
    log = (record.directory / "supervisor.log").open("w+b")
    try:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                records.SUPERVISOR,
                str(record.directory),
            ],  # -P: nothing of the folder we are in
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],
            start_new_session=True,
        )
    except BaseException:
        log.close()
        raise
    return process, log


def await_ready(record: Record, supervisor: subprocess.Popen[bytes], log: IO[bytes]) -> Record:
    try:
        while supervisor.poll() is None:
            current = Record.read(record.directory)
            if current is not None and current.phase == "ready":
                return current
            time.sleep(POLL)
    except BaseException:
        supervisor.terminate()
        try:
            supervisor.wait(STOP_TIMEOUT * 2)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
        records.sweep()  # it may have been ended before it could clean up by itself
        records.take_notice(record.name)  # it would tell the next command what this one knows already
        raise
    records.sweep()  # nothing to do, unless it was killed
    log.seek(0)
    # The notice may have been taken by another command, and on a full disk there is no log.
    reason = records.take_notice(record.name) or log.read().decode(errors="replace").strip()
    raise StartError(f"the sandbox {record.name} {reason or 'was stopped while it started'}")
