"""What a scan finds: findings and counts, and what could not be looked at."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.engine import Engine
from auditor.errors import InputError
from auditor.intake.coverage import Coverage
from auditor.intake.judged import Judged, Place
from auditor.intake.yaml import Position
from auditor.model.finding import Finding, Result, Verdict
from auditor.model.request import Request

NOWHERE: Final = Position(0, 0)


@dataclass(slots=True, kw_only=True)
class Found:
    """Of objects of which there is nothing to tell it keeps counts only."""

    passes: bool = False
    """Whether what passed is told, too, and not only counted."""
    judged: list[Judged] = field(default_factory=list)
    objects: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, Result), 0))
    """Of all findings, told or not."""
    coverage: Coverage = field(default_factory=Coverage)
    unreadable: list[InputError] = field(default_factory=list)

    def note(
        self,
        engine: Engine,
        request: Request,
        verdict: Verdict,
        place: Callable[[], Place],
        position_of: Callable[[str], Position] = lambda _: NOWHERE,
    ) -> None:
        """`verdict` with what passed, as findings or by name; `position_of` gives the place of a path in the file."""
        self.objects += 1
        self.counts[Result.PASS] += len(verdict.passed)
        for finding in verdict.findings:
            self.counts[finding.result] += 1
        self.coverage.note(engine, request, verdict, place)
        told = tuple(map(_slim, (f for f in verdict.findings if self.passes or f.result is not Result.PASS)))
        if told:
            self.judged.append(Judged(place(), told, {f.path: position_of(f.path) for f in told if f.path}))

    def add(self, other: "Found") -> None:
        """What was found of the objects that come next."""
        self.objects += other.objects
        self.judged += other.judged
        self.unreadable += other.unreadable
        for result, count in other.counts.items():
            self.counts[result] += count
        self.coverage.add(other.coverage)


@dataclass(slots=True, kw_only=True)
class Scan(Found):
    """Everything that a scan found, and everything that it could not look at."""

    engine: Engine = field(default_factory=lambda: Engine.of(()))
    warnings: list[str] = field(default_factory=list)

    def take(self, request: Request, verdict: Verdict, place: Callable[[], Place]) -> None:
        self.note(self.engine, request, verdict, place)

    def tell(self, place: Place, findings: Iterable[Finding]) -> None:
        """Of what is not itself judged: a CRD, whose objects are."""
        told = tuple(findings)
        self.judged.append(Judged(place, told, {}))
        for finding in told:
            self.counts[finding.result] += 1

    def findings(self) -> Iterator[tuple[Judged, Finding]]:
        """Those that are told: every format tells of the same."""
        for each in self.judged:
            for finding in each.findings:
                yield each, finding

    @property
    def percent(self) -> int | None:
        """The coverage; None: nothing was asked of anything."""
        return self.coverage.percent(len(self.unreadable))

    @property
    def incomplete(self) -> bool:
        return bool(self.unreadable) or self.counts[Result.ERROR] > 0


def _slim(finding: Finding) -> Finding:
    """A value that is more than a word would keep a part of the object alive."""
    return replace(finding, value=None) if isinstance(finding.value, dict | list) else finding
