"""The process that runs jq, as a program of its own: one question in, one answer out, over two pipes.

libjq cannot be interrupted, holds the GIL, and ends its process when memory is short, so it must not run in a server.
Here it may: whatever kills this process, the other side sees the pipe end and starts a new one.

It is started by its path, with `python -I -S`: no site packages, nothing of ours and no orjson are imported, and it
is ready after some 20 ms. It knows nothing of rules: the text that it runs turns its input into one string of JSON.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import struct
import sys
from typing import Any, Protocol

QUESTION = struct.Struct("<cdII")
"""Kind, seconds of CPU, bytes of program text, bytes of input; the two follow."""
ANSWER = struct.Struct("<cI")
"""Status, bytes of the body that follows."""

CHECK, RUN = b"k", b"r"
VALUE, REFUSED, FAILED = b"v", b"c", b"f"

COMPILE_SECONDS = 1.0
"""CPU for one text: twenty rules compile in 5 ms; this is for what a hostile text makes of it."""
MAX_ANSWER = 8 << 20
"""Bytes of one answer: more than two objects of the API server's request limit of 3 MiB, as a mutation yields one."""
MAX_MESSAGE = 64 << 10
"""Bytes of one message of libjq: it repeats the line of the program that is wrong."""
MAX_KEPT = 512 << 10
"""Bytes of texts whose programs are kept: hundreds of sets of rules. libjq takes 40 times as much, 20 MiB."""


class Program(Protocol):
    def all(self, data: bytes) -> list[Any]: ...


class JqProgram:
    """The `jq` package: libjq 1.8."""

    def __init__(self, library: Any, text: str) -> None:
        self.program = library.compile(text)

    def all(self, data: bytes) -> list[Any]:
        return list(self.program.input_text(data.decode()))


class PyjqProgram:
    """The `pyjq` package: libjq 1.5, which keeps no integers beyond 2**53 and names no columns."""

    def __init__(self, library: Any, text: str) -> None:
        self.program = library.compile(text)

    def all(self, data: bytes) -> list[Any]:
        return list(self.program.all(json.loads(data)))


BINDINGS: dict[str, type[JqProgram] | type[PyjqProgram]] = {"jq": JqProgram, "pyjq": PyjqProgram}


def confine(memory: int) -> None:
    """Give up what no rule needs; done after the imports, which need files.

    macOS takes the limit of address space and does not keep it: there the CPU limit bounds what a rule can fill.
    """
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),  # the pipes: nothing can be opened any more, no module and no ~/.jq
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))


def volunteer() -> None:
    """Where a container runs out of memory, the kernel should end this process before the server."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 (pathlib is slow to import)
        score.write("1000")


def read(size: int, got: bytes = b"") -> bytes:
    """At least so many bytes; the other side asks one thing at a time, so there is never too much. Ends at its end."""
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


def explain(error: Exception) -> bytes:
    """What libjq says, without the object that a rule may have thrown in whole."""
    return (str(error) or type(error).__name__).encode(errors="replace")[:MAX_MESSAGE]


class Answers:
    """Compiles each text once, and keeps what was used last."""

    def __init__(self, binding: str) -> None:
        self.library = importlib.import_module(binding)
        self.adapter = BINDINGS[binding]
        self.programs: dict[bytes, Program] = {}
        self.kept = 0

    def answer(self, kind: bytes, seconds: float, text: bytes, data: bytes) -> tuple[bytes, bytes]:
        program: Program | None = self.programs.pop(text, None)
        if program is not None:
            self.kept -= len(text)
        else:
            signal.setitimer(signal.ITIMER_PROF, COMPILE_SECONDS)
            try:
                program = self.adapter(self.library, text.decode())
            except Exception as error:
                return REFUSED, explain(error)
        if kind == CHECK:
            return VALUE, b""
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            outputs = program.all(data)
        except Exception as error:
            return FAILED, explain(error)
        if len(outputs) != 1 or not isinstance(outputs[0], str):
            return FAILED, b"it ended early"
        # Kept only now: a program that has failed may be in a state that spoils its next run (libjq's `halt` does).
        self.programs[text] = program
        self.kept += len(text)
        while self.kept > MAX_KEPT and len(self.programs) > 1:
            oldest = next(iter(self.programs))
            del self.programs[oldest]
            self.kept -= len(oldest)
        body = outputs[0].encode()
        if len(body) > MAX_ANSWER:
            return FAILED, b"its outputs are larger than %d MiB" % (MAX_ANSWER >> 20)
        return VALUE, body


def main(binding: str, memory: str, *folders: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.extend(folders)
    answers = Answers(binding)
    gc.disable()  # nothing here makes cycles
    volunteer()
    confine(int(memory))
    os.set_blocking(2, False)  # nobody reads it before the end, so a flood of messages is dropped, not waited for
    while True:
        message = read(QUESTION.size)
        kind, seconds, text_size, data_size = QUESTION.unpack_from(message)
        start, end = QUESTION.size, QUESTION.size + text_size
        message = read(end + data_size, message)
        # The default action of SIGPROF ends the process: this cannot fail to stop a rule, not even without a parent.
        status, body = answers.answer(kind, seconds, message[start:end], message[end:])
        signal.setitimer(signal.ITIMER_PROF, 0)
        write(ANSWER.pack(status, len(body)) + body)


if __name__ == "__main__":
    main(*sys.argv[1:])
