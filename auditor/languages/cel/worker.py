"""The process that evaluates CEL that may take long, as a program of its own: see `isolation.worker`."""

import json
import os.path
import pickle
import sys
from dataclasses import asdict
from functools import partial

if __name__ == "__main__":  # nothing of ours is to be found yet, nor of others
    sys.path += [os.path.abspath(f"{__file__}/../../../.."), *sys.argv[2:]]  # noqa: PTH100 (as jq's worker does it)

from auditor.languages.cel import environment
from auditor.languages.cel.bindings import Bindings
from auditor.languages.cel.evaluation import EXHAUSTED, Evaluation
from auditor.languages.isolation.worker import FAILED, MAX_ANSWER, VALUE, limit, serve

MAX_KEPT = 1 << 20
"""Bytes of expressions that are kept: hundreds. The library takes ten times as much."""
FILES = 8
"""The pipes, and the files of a time zone that an expression names."""


class Answers:
    """Keeps the expressions that were used last, and the bindings of one request: all its rules ask about them."""

    def __init__(self) -> None:
        self._evaluations: dict[bytes, Evaluation] = {}
        self._kept = 0
        self._data = b""
        self._bindings: Bindings | None = None

    def answer(self, kind: bytes, seconds: float, text: bytes, data: bytes) -> tuple[bytes, bytes]:
        limit(seconds)
        evaluation = self._evaluations.pop(text, None)
        if evaluation is None:
            evaluation = _unpack(text)
            self._kept += len(text)
        self._evaluations[text] = evaluation
        while self._kept > MAX_KEPT and len(self._evaluations) > 1:
            oldest = next(iter(self._evaluations))
            del self._evaluations[oldest]
            self._kept -= len(oldest)
        if self._bindings is None or data != self._data:
            self._bindings = None
            self._bindings = Bindings.unpack(data)
            self._data = data
        authorizer = self._bindings.authorizer
        if authorizer is not None:
            authorizer.unanswered.clear()
        outcome = evaluation.run(self._bindings)
        if outcome is EXHAUSTED:  # nobody knows what is left of this process
            raise MemoryError
        asked = [asdict(each) for each in authorizer.unanswered] if authorizer else []
        body = json.dumps({"value": outcome.value, "error": outcome.error, "asked": asked}).encode()
        if len(body) > MAX_ANSWER:
            return FAILED, b"its result is larger than %d MiB" % (MAX_ANSWER >> 20)
        return VALUE, body


def _unpack(text: bytes) -> Evaluation:
    strict, tolerant, is_bool, is_authorized = pickle.loads(text)  # noqa: S301 (our own process has packed it)
    load = environment.evaluation().deserialize
    return Evaluation(
        strict=load(strict),
        tolerant=None if tolerant is None else partial(load, tolerant),
        is_bool=is_bool,
        is_authorized=is_authorized,
    )


def main(memory: str, *_: str) -> None:
    environment.evaluation()
    serve(Answers(), int(memory), FILES)


if __name__ == "__main__":
    main(*sys.argv[1:])
