"""Evaluations in processes of their own, for what may take long: the library holds the interpreter meanwhile."""

import json
import pickle
import sys
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from auditor.errors import AuditorError
from auditor.languages.cel.bindings import Bindings
from auditor.languages.cel.evaluation import Evaluation
from auditor.languages.cel.libraries.authorizer import Question
from auditor.languages.isolation.penalties import MAX_STOPS, SECONDS
from auditor.languages.isolation.pool import Pool, Shared
from auditor.languages.isolation.process import Command, Limits, StoppedError
from auditor.languages.isolation.worker import RUN, VALUE
from auditor.languages.outcome import Outcome

LIMITS: Final = Limits(
    # What the library allows, a list of 10,000 elements put together by a loop, takes 1.9 s.
    seconds=2.0,
    # An object of 1 MiB with nothing but small numbers takes 0.1 s to convert.
    seconds_per_mib=0.25,
    # Python and the library take 150 MiB of addresses, a dense object of 3 MiB as many more.
    memory=768 << 20,
)
TIMEOUT: Final = 5.0
"""Wall seconds for those of a request: half of the 10 s that the API server gives a webhook by default."""
_MODULES: Final = ("cel_expr_python.cel", "re2", "orjson")


def pack(strict: bytes, tolerant: bytes | None, evaluation: Evaluation) -> bytes:
    return pickle.dumps((strict, tolerant, evaluation.is_bool, evaluation.is_authorized))


def run(text: bytes, bindings: Bindings, names: Iterable[str], pool: Pool | None = None) -> Outcome:
    """Never raises. `text` is what `pack` made of an evaluation, which reads these names."""
    try:
        data = bindings.packed(names)
        pool = pool or shared_pool()
    except Exception as error:
        return Outcome.failed(str(error))
    if pool.penalties.barred(text, data):
        return Outcome.failed(
            f"was stopped {MAX_STOPS} times on this object, and is not tried on it for {SECONDS:g} s after the last"
        )
    suspect = pool.penalties.suspect(text)
    begun = time.monotonic()
    try:
        status, body = pool.ask(RUN, text, data, timeout=TIMEOUT - bindings.spent, suspect=suspect)
    except StoppedError as error:
        if error.guilty:
            pool.penalties.stopped(text, data)
        return Outcome.failed(str(error))
    finally:
        bindings.spent += time.monotonic() - begun
    if status != VALUE:
        return Outcome.failed(body.decode(errors="replace"))
    answer = json.loads(body)
    if bindings.authorizer is not None:
        asked = (Question(**each) for each in answer["asked"])
        bindings.authorizer.unanswered += (q for q in asked if q not in bindings.authorizer.unanswered)
    return Outcome(answer["value"], answer["error"])


def command(limits: Limits = LIMITS) -> Command:
    worker = Path(__file__).with_name("worker.py")
    folders: dict[str, None] = {}
    for module in _MODULES:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise AuditorError(f"the Python module {module!r} is not installed")
        below = module.count(".") + (spec.submodule_search_locations is not None)
        folders[str(Path(spec.origin).parents[below])] = None
    # The names of the days and of the zones are the same everywhere.
    return Command(
        "CEL",
        [sys.executable, "-I", "-S", str(worker), str(limits.memory), *folders],
        {"TZ": "UTC0", "LC_ALL": "C.UTF-8"},
    )


shared_pool: Final = Shared(lambda: Pool(command(), limits=LIMITS))
