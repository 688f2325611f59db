"""jq rules on an object of 1.5 KB: our side of the pipe, and libjq alone, which most of the time goes to."""

import atexit
import importlib
from collections.abc import Callable

import orjson

from auditor.languages import jq
from auditor.languages.jq.batch import Values
from auditor.languages.jq.worker import JqProgram
from tests.bench.parts.database import OBJECT

RULES = (
    ".spec.replicas % 2 == 1",
    '.spec.members[] | select(.cpu > 16) | {message: "\\(.name) asks for \\(.cpu) CPUs", path: "/spec/members"}',
    '.spec.image | startswith("registry.example.com/")',
    '.spec.storage.class != null and (.spec.storage.size | endswith("Gi"))',
    ".metadata.namespace == $request.namespace and .spec.replicas <= $params.max",
)
BINDINGS = {"request": {"namespace": "shop", "operation": "CREATE", "user": {"username": "anna"}}}
PARAMS = {"params": {"max": 7}}


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    pool = jq.Pool(processes=1)
    atexit.register(pool.close)
    calls: list[jq.Call] = [(jq.compile(text, ("request", "params"), pool=pool), PARAMS) for text in RULES]
    large = {"items": [{"name": f"item-{n}", "text": "x" * 1000} for n in range(1400)]}

    def run(calls: list[jq.Call], value: object) -> Callable[[], object]:
        return lambda: jq.run(calls, input=value, bindings=BINDINGS, pool=pool)

    def inside(calls: list[jq.Call], value: object) -> Callable[[], object]:
        """Without the timer of the worker: while it runs, the clock of CPU time stands still between ticks."""
        values = Values(value, BINDINGS)
        batch = values.batch([(call[0], slots) for call in calls if isinstance(slots := values.slots(call), tuple)])
        program = JqProgram(importlib.import_module("jq"), batch.text.decode())
        return lambda: program.all(batch.data)

    size = len(orjson.dumps(OBJECT))
    return [
        (f"5 rules on {size} bytes, our side", run(calls, OBJECT)),
        (f"5 rules on {size} bytes, libjq alone", inside(calls, OBJECT)),
        (f"1 rule on {size} bytes, our side", run(calls[:1], OBJECT)),
        (f"1 rule on {size} bytes, libjq alone", inside(calls[:1], OBJECT)),
        (f"20 rules on {size} bytes, our side", run(calls * 4, OBJECT)),
        (f"20 rules on {size} bytes, libjq alone", inside(calls * 4, OBJECT)),
        ("1 rule on 1.4 MB, our side", run(calls[:1], large)),
        ("1 rule on 1.4 MB, libjq alone", inside(calls[:1], large)),
        ("compile 1 rule, our side", lambda: jq.compile(RULES[1], pool=pool)),
    ]
