"""What each service tells of its own process: which program it is, and how near it is to the end of its memory."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from auditor import __version__

CGROUP: Final = Path("/sys/fs/cgroup")
"""In a container: its own. What is counted there is counted by the kernel that ends it, workers and children included;
process_resident_memory_bytes is of one process alone."""
UNLIMITED: Final = 1 << 60
"""cgroups of the first version say "no limit" by a number near 2^63."""


class Vitals(Collector):
    def __init__(
        self,
        program: str,
        *,
        stops: Callable[[], Mapping[tuple[str, str], int]] = dict,
        cgroup: Path = CGROUP,
    ) -> None:
        """`stops`: processes that run expressions and were ended, by language and reason."""
        self._program, self._stops, self._cgroup = program, stops, cgroup

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        info = GaugeMetricFamily("auditor_info", "Always 1: which program this is.", labels=("program", "version"))
        info.add_metric((self._program, __version__), 1)
        yield info
        yield from self._memory()
        stops = CounterMetricFamily(
            "auditor_expression_stops",
            "Rules that got no answer from their process: they took too much (rule), or it ended (outside).",
            labels=("language", "reason"),
        )
        for labels, count in sorted(self._stops().items()):
            stops.add_metric(labels, count)
        yield stops

    def _memory(self) -> Iterable[Metric]:
        used = GaugeMetricFamily("auditor_memory_bytes", "Memory of the container that cannot be given back.")
        limit = GaugeMetricFamily("auditor_memory_limit_bytes", "Memory beyond which the container is ended.")
        found = _read_memory(self._cgroup)
        if found is not None:
            used.add_metric((), found[0])
            limit.add_metric((), found[1])
        return used, limit


def _read_memory(cgroup: Path) -> tuple[int, int] | None:
    """Used and limit, by either version of cgroups. None: there is no limit, or no cgroup that could be read."""
    for use, most, stat, cache in (
        (cgroup / "memory.current", cgroup / "memory.max", cgroup / "memory.stat", "inactive_file"),
        (
            cgroup / "memory" / "memory.usage_in_bytes",
            cgroup / "memory" / "memory.limit_in_bytes",
            cgroup / "memory" / "memory.stat",
            "total_inactive_file",
        ),
    ):
        try:
            limit = int(most.read_text())  # "max" is no number
            if limit >= UNLIMITED:
                return None
            counted = dict(line.split() for line in stat.read_text().splitlines())
            # As the kubelet reckons: files that were read and are not in use go first.
            return max(0, int(use.read_text()) - int(counted.get(cache, 0))), limit
        except (OSError, ValueError):
            continue
    return None
