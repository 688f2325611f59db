"""The process that runs what must not run in a server: one question in, one answer out, over two pipes.

Started by its path, with `python -I -S`, so that nothing is imported that it does not need. Whatever kills it, the
other side sees the pipe end and starts a new one. This module is the frame; each language has a `worker` that answers.
"""

import contextlib
import gc
import os
import resource
import signal
import struct
from typing import Final, Protocol

QUESTION = struct.Struct("<cdII")
"""Kind, seconds of CPU, bytes of program text, bytes of input; the two follow."""
ANSWER = struct.Struct("<cI")
"""Status, bytes of the body that follows."""

CHECK, RUN = b"k", b"r"
VALUE, REFUSED, FAILED = b"v", b"c", b"f"

MAX_ANSWER = 8 << 20
"""Bytes of one answer: more than two objects of the API server's request limit of 3 MiB, as a mutation yields one."""
MAX_MESSAGE = 64 << 10
"""Bytes of one message: libjq repeats the line of the program that is wrong."""
PIPES: Final = 3
"""The files that are open already: no more can be."""


class Answers(Protocol):
    def answer(self, kind: bytes, seconds: float, text: bytes, data: bytes) -> tuple[bytes, bytes]:
        """The status and body; to be stopped after the seconds of CPU (see `limit`)."""
        ...


def confine(memory: int, files: int) -> None:
    """Give up what no rule needs; done after the imports, which need files.

    macOS takes the limit of address space and does not keep it: there the CPU limit bounds what a rule can fill.
    """
    for what, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, files),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (value, value))


def volunteer() -> None:
    """Where a container runs out of memory, the kernel should end this process before the server."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 (pathlib is slow to import)
        score.write("1000")


def read(size: int, got: bytes = b"") -> bytes:
    """At least so many bytes: what is more belongs to the next question. Ends at its end."""
    parts, missing = [got], size - len(got)
    while missing > 0:
        part = os.read(0, max(missing, 1 << 16))
        if not part:
            os._exit(0)
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def limit(seconds: float) -> None:
    """From now on; the default action of SIGPROF ends the process, so that nothing can fail to stop a rule, not even
    without a parent."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def serve(answers: Answers, memory: int, files: int = PIPES) -> None:
    """Answers questions until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # nothing here makes cycles
    volunteer()
    confine(memory, files)
    os.set_blocking(2, False)  # nobody reads it before the end, so a flood of messages is dropped, not waited for
    message = b""
    while True:
        message = read(QUESTION.size, message)
        kind, seconds, text_size, data_size = QUESTION.unpack_from(message)
        start, middle = QUESTION.size, QUESTION.size + text_size
        end = middle + data_size
        message = read(end, message)
        status, body = answers.answer(kind, seconds, message[start:middle], message[middle:end])
        message = message[end:]
        limit(0)
        write(ANSWER.pack(status, len(body)) + body)
