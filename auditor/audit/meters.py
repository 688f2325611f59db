"""What the watcher tells of itself, counted when somebody asks. Labels are kinds, checks and a few fixed words."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from auditor.audit.coverage import KindCoverage, Situation, percent_of
from auditor.audit.doors import DoorsStatus
from auditor.audit.situation import describe
from auditor.audit.turf import TurfStatus
from auditor.audit.watcher import Watcher
from auditor.report.history import Status

MOST_POLICIES = 500
"""Policies that have lines of their own: beyond that, a metric for each costs more than it tells."""

STATES: Final = ("judged", "partly", "stale", "unread", "left_out")


class WatcherCollector(Collector):
    def __init__(
        self,
        watcher: Watcher,
        *,
        ready: Callable[[], bool],
        spool: Callable[[], Status | None] = lambda: None,
        doors: Callable[[], DoorsStatus | None] = lambda: None,
    ) -> None:
        """`spool`: None where no history is kept."""
        self._watcher, self._ready, self._spool, self._doors = watcher, ready, spool, doors

    def describe(self) -> Iterable[Metric]:
        """Nothing to tell before it is asked: registries need not ask for names."""
        return ()

    def collect(self) -> Iterable[Metric]:
        watcher = self._watcher
        yield GaugeMetricFamily("auditor_audit_ready", "1 if all can be judged.", value=float(self._ready()))
        yield _leading(watcher.turf.status)
        yield _count("auditor_audit_objects_judged", "Objects that were judged, by the reason.", watcher.judged)
        yield _count("auditor_audit_evaluations", "Rules that were asked, by the reason.", watcher.evaluations)
        waiting = GaugeMetricFamily("auditor_audit_passes_waiting", "Kinds that wait to be judged again.")
        waiting.add_metric((), watcher.rejudger.waiting)
        yield waiting
        situation = describe(self._watcher)
        yield _coverage(situation)
        yield from _state(situation)
        yield from self._kinds()
        yield from self._findings()
        yield from self._history()
        yield self._unheard()

    def _kinds(self) -> Iterable[Metric]:
        objects = GaugeMetricFamily("auditor_audit_objects", "Objects of a kind, by state.", labels=("kind", "state"))
        stale = GaugeMetricFamily("auditor_audit_kind_stale", "1 while a kind cannot be read.", labels=("kind",))
        passed = GaugeMetricFamily(
            "auditor_audit_last_complete_pass_timestamp_seconds",
            "When all objects of a kind had last been judged.",
            labels=("kind",),
        )
        for name, follower in sorted(self._watcher.followers.items()):
            state = follower.state
            stale.add_metric((name,), float(bool(state.trouble)))
            if state.present is not None:
                objects.add_metric((name, "present"), state.present)
                objects.add_metric((name, "failed"), state.failed)
            if state.last_complete_pass is not None:
                passed.add_metric((name,), state.last_complete_pass.timestamp())
        left = GaugeMetricFamily("auditor_audit_kinds_left", "Kinds that are named or there, and are not followed.")
        left.add_metric((), len(self._watcher.left))
        return objects, stale, passed, left

    def _findings(self) -> Iterable[Metric]:
        counts: Counter[tuple[str, str]] = Counter()
        for follower in list(self._watcher.followers.values()):
            with follower.lock:
                tally = follower.ledger.tally()
            for (_, source, _, result), count in tally.items():
                counts[source, str(result)] += count
        own_lines = set(sorted({source for source, _ in counts})[:MOST_POLICIES])
        found = GaugeMetricFamily(
            "auditor_audit_results",
            "Objects and rules by result; beyond 500 policies together.",
            labels=("policy", "result"),
        )
        rest: Counter[str] = Counter()
        for (source, word), count in sorted(counts.items()):
            if source in own_lines:
                found.add_metric((source, word), count)
            else:
                rest[word] += count
        for word, count in sorted(rest.items()):
            found.add_metric(("other", word), count)
        return (found,)

    def _history(self) -> Iterable[Metric]:
        status = self._spool()
        waiting = GaugeMetricFamily("auditor_history_waiting", "Records that wait for the database.")
        dropped = CounterMetricFamily(
            "auditor_history_dropped", "Records for which there was no room while it was away."
        )
        failing = GaugeMetricFamily("auditor_history_failing", "1 while the history cannot be written.")
        if status is not None:
            waiting.add_metric((), status.waiting)
            dropped.add_metric((), status.dropped + status.rejected)
            failing.add_metric((), float(bool(status.error)))
        return waiting, dropped, failing

    def _unheard(self) -> Metric:
        status = self._doors()
        family = GaugeMetricFamily(
            "auditor_audit_doors", "Doors that are asked, by whether they answer.", labels=("answers",)
        )
        if status is not None:
            silent = sum(bool(each.error) for each in status.doors)
            family.add_metric(("yes",), len(status.doors) - silent)
            family.add_metric(("no",), silent + status.unasked)
        return family


def _coverage(situation: Situation | None) -> Metric:
    """No figure where nothing is judged, as in one that waits for its turn: 0 would be an alarm, 100 a lie."""
    family = GaugeMetricFamily(
        "auditor_audit_coverage_percent",
        "Pairs of kind and policy that are fully judged, in per cent, of the kinds that this watcher has.",
    )
    found = None if situation is None else percent_of(situation)
    if found is not None:
        family.add_metric((), found)
    return family


def _state(situation: Situation | None) -> Iterable[Metric]:
    kinds = GaugeMetricFamily(
        "auditor_audit_kinds",
        "Kinds that this watcher has, by state: judged, partly (an object or more gave no result), stale (its findings "
        "are of before), unread, left_out (on purpose).",
        labels=("state",),
    )
    troubles = GaugeMetricFamily(
        "auditor_audit_troubles",
        "What keeps this watcher from doing all that it shall, as policies that do not compile; auditor status tells.",
    )
    if situation is not None:
        counts = Counter(_state_of(each) for each in situation.kinds)
        for state in STATES:
            kinds.add_metric((state,), counts[state])
        troubles.add_metric((), len(situation.troubles))
    return kinds, troubles


def _state_of(kind: KindCoverage) -> str:
    if kind.excluded:
        return "left_out"
    if kind.present is None:
        return "unread"
    if kind.stale:
        return "stale"
    return "partly" if kind.not_evaluated else "judged"


def _leading(status: TurfStatus) -> Metric:
    return GaugeMetricFamily(
        "auditor_audit_leading",
        "1 where this watcher judges and writes, for all kinds or for its share.",
        value=float(status.leading),
    )


def _count(name: str, told: str, counts: Mapping[tuple[str, str], int]) -> Metric:
    by_reason: Counter[str] = Counter()
    for (_, reason), count in list(counts.items()):
        by_reason[reason] += count
    family = CounterMetricFamily(name, told, labels=("reason",))
    for reason, count in sorted(by_reason.items()):
        family.add_metric((reason,), count)
    return family
