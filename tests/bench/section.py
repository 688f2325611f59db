"""One section, in a process of its own: `python -m tests.bench.section NAME [RESULT.json]`."""

import importlib
import sys
import time
from pathlib import Path

import orjson

from tests.bench.clock import measure_loop
from tests.bench.figure import Found, Notebook


def main(name: str, result: str = "") -> None:
    begun = time.monotonic()
    book = Notebook(measure_loop())
    importlib.import_module(f"tests.bench.sections.{name}").run(book)
    found = Found(
        figures=tuple(book.figures),
        growths=tuple(book.growths),
        notes=tuple(book.notes),
        loop=book.unit,
        seconds=time.monotonic() - begun,
        texts=book.texts,
    )
    if result:
        Path(result).write_bytes(orjson.dumps(found.dump()))


if __name__ == "__main__":
    main(*sys.argv[1:])
