"""The page of all metrics. They are found in the source, where they are declared: what serves them need not run."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import auditor
from auditor.cli.docs.markdown import code, page, prose, table
from auditor.errors import AuditorError

LIBRARY = "prometheus_client"
KINDS = ("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum")
FAMILY = "MetricFamily"  # of what a collector makes at each scrape: GaugeMetricFamily
# The rooms that have metrics of their own, as people call them; another one goes by its own name.
ROOMS = {
    "audit": "The watcher",
    "cluster": "Calls to the API server, by all programs",
    "dashboard": "The dashboard",
    "operations": "Each process",
    "webhooks": "The door",
}
# Of the library, on Linux: those of its metrics that our rules and dashboards read.
OF_THE_LIBRARY = (
    ("process_cpu_seconds_total", "counter", "Time of all cores, of this process alone."),
    ("process_open_fds", "gauge", "Open files and connections."),
    ("process_max_fds", "gauge", "How many there may be."),
    ("process_resident_memory_bytes", "gauge", "Memory of this process alone."),
    ("process_start_time_seconds", "gauge", "When it was started: another value is another process."),
)


@dataclass(frozen=True, slots=True, order=True)
class DeclaredMetric:
    room: str
    name: str
    kind: str
    labels: tuple[str, ...]
    told: str


def write_metrics() -> str:
    found = find_metrics()
    parts = [f"## {_title(room)}\n\n{_show(found, room)}" for room in _rooms(found)]
    return page(
        "Metrics",
        "At `/metrics` of the operations port, in the text format of Prometheus. A histogram has `_bucket`, `_count` "
        "and `_sum` after its name.",
        *parts,
        f"## Of the library\n\nAmong others, on Linux:\n\n{_show_library()}",
    )


def find_metrics() -> list[DeclaredMetric]:
    """All that are declared in our own packages, by room and name."""
    top = Path(auditor.__file__).parent
    found: set[DeclaredMetric] = set()
    for room in sorted(path for path in top.iterdir() if path.is_dir()):
        for file in room.rglob("*.py"):
            found.update(read_metrics(file.read_text(encoding="utf-8"), room.name, str(file)))
    return sorted(found)


def read_metrics(source: str, room: str, file: str) -> Iterator[DeclaredMetric]:
    if LIBRARY not in source:
        return
    tree = ast.parse(source)
    makers = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(LIBRARY)
        for alias in node.names
        if alias.name in KINDS or (alias.name.endswith(FAMILY) and alias.name != FAMILY)
    }
    for function in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        for node in _within(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers:
                kind = makers[node.func.id].removesuffix(FAMILY).lower()
                labels = _labels(node, file)
                for name, told in _words(node, function, tree, file):
                    full = f"{name.removesuffix('_total')}_total" if kind == "counter" else name
                    yield DeclaredMetric(room, full, kind, labels, told)


def _within(function: ast.AST) -> Iterator[ast.AST]:
    """What stands in it, without the functions that stand in it."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, ast.FunctionDef):
            yield from _within(node)


def _words(call: ast.Call, function: ast.AST, tree: ast.AST, file: str) -> Iterator[tuple[str, str]]:
    """Name and help: as they stand there, or as those say who call the function that makes the metric."""
    name, told = _argument(call, 0, "name"), _argument(call, 1, "documentation")
    if isinstance(function, ast.FunctionDef) and isinstance(name, ast.Name):
        given = [each.arg for each in function.args.args]
        for each in ast.walk(tree):
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == function.name:
                values = {word: _argument(each, number, word) for number, word in enumerate(given)}
                yield (
                    _text(values.get(name.id), call, file),
                    _text(values.get(told.id) if isinstance(told, ast.Name) else told, call, file),
                )
        return
    yield _text(name, call, file), _text(told, call, file)


def _argument(call: ast.Call, number: int, name: str) -> ast.expr | None:
    by_name = [each.value for each in call.keywords if each.arg == name]
    return call.args[number] if number < len(call.args) else next(iter(by_name), None)


def _text(node: ast.expr | None, call: ast.Call, file: str) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise AuditorError(f"{file}:{call.lineno}: a metric whose name and help cannot be read there: write them as texts")


def _labels(call: ast.Call, file: str) -> tuple[str, ...]:
    # Families take a value as their third argument, and labels by name.
    family = isinstance(call.func, ast.Name) and call.func.id.endswith(FAMILY)
    node = _argument(call, len(call.args) if family else 2, "labels" if family else "labelnames")
    if node is None:
        return ()
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_text(each, call, file) for each in node.elts)
    raise AuditorError(f"{file}:{call.lineno}: a metric whose labels cannot be read there: write them as a tuple")


def _show_library() -> str:
    return table(("Metric", "Type", "Meaning"), ((code(name), kind, told) for name, kind, told in OF_THE_LIBRARY))


def _rooms(metrics: Iterable[DeclaredMetric]) -> list[str]:
    return sorted({each.room for each in metrics}, key=_title)


def _title(room: str) -> str:
    return ROOMS.get(room, room.capitalize())


def _show(metrics: Iterable[DeclaredMetric], room: str) -> str:
    return table(
        ("Metric", "Type", "Labels", "Meaning"),
        (
            (code(each.name), each.kind, ", ".join(map(code, each.labels)), prose(each.told.rstrip(".") + "."))
            for each in metrics
            if each.room == room
        ),
    )
