"""The process that runs jq, as a program of its own: one question in, one answer out, over two pipes.

libjq cannot be interrupted, holds the GIL, and ends its process when memory is short, so it must not run in a server.
Here it may: whatever kills this process, the other side sees the pipe end and starts a new one.

It is started by its path, with `python -I -S`: no site packages, nothing of ours but the frame and no orjson are
imported, and it is ready after some 20 ms. It knows nothing of rules: the text that it runs turns its input into one
string of JSON.
"""

import importlib
import json
import os.path
import sys
from typing import Any, Protocol

if __name__ == "__main__":  # nothing of ours is to be found yet
    sys.path.append(os.path.abspath(f"{__file__}/../../../.."))  # noqa: PTH100 (pathlib is slow to import)

from auditor.languages.isolation.worker import CHECK, FAILED, MAX_ANSWER, MAX_MESSAGE, REFUSED, VALUE, limit, serve

COMPILE_SECONDS = 1.0
"""CPU for one text: twenty rules compile in 5 ms; this is for what a hostile text makes of it."""
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
            limit(COMPILE_SECONDS)
            try:
                program = self.adapter(self.library, text.decode())
            except Exception as error:
                return REFUSED, explain(error)
        if kind == CHECK:
            return VALUE, b""
        limit(seconds)
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
    sys.path.extend(folders)
    serve(Answers(binding), int(memory))


if __name__ == "__main__":
    main(*sys.argv[1:])
