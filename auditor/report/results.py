"""What one run has to tell, whatever the format: what was found, what of it was known, and what of it counts."""

from collections.abc import Iterator
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from auditor.dataclass import dataclass
from auditor.intake.found import Scan
from auditor.intake.judged import Judged
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity

if TYPE_CHECKING:
    from auditor.report.baseline import Comparison

VIOLATIONS: Final = (Result.FAIL, Result.WARN)
ORDER: Final = {Result.ERROR: 0, Result.FAIL: 1, Result.WARN: 1, Result.SKIP: 2, Result.PASS: 3}


@dataclass(frozen=True, slots=True)
class Results:
    scan: Scan
    threshold: Severity = Severity.LOW
    comparison: "Comparison | None" = None
    """With a baseline; None: there is none."""
    new_only: bool = False
    """Whether what is known does not count."""
    time: datetime = field(default=datetime(1970, 1, 1, tzinfo=UTC))
    seconds: float = 0.0
    directory: str = ""
    """Files below it are told relative to it: readers of CI servers know them by these names only."""
    colour: bool = False
    width: int = 0
    """Of the terminal; 0: it is none, and nothing is wrapped."""

    def rows(self) -> Iterator[tuple[Judged, Finding]]:
        """All findings that are told: by object, the worst first."""
        for judged in self.scan.judged:
            for finding in sort(judged):
                yield judged, finding

    def knows(self, finding: Finding) -> bool:
        return self.comparison is not None and finding.fingerprint in self.comparison.known

    def counts(self, finding: Finding) -> bool:
        """Whether it makes exit code 1."""
        if finding.result not in VIOLATIONS or finding.severity.rank > self.threshold.rank:
            return False
        return not (self.new_only and self.knows(finding))

    @property
    def failing(self) -> bool:
        return any(self.counts(finding) for _, finding in self.scan.findings())

    def name_file(self, file: str) -> str:
        """Empty for what was read from no file."""
        if file.startswith("<"):
            return ""
        inside = f"{self.directory.rstrip('/')}/"
        return file.removeprefix(inside if self.directory else "").removeprefix("./")


def sort(judged: Judged) -> list[Finding]:
    return sorted(judged.findings, key=lambda f: (ORDER[f.result], f.severity.rank, f.policy, f.rule, f.path))


def name_rule(finding: Finding) -> str:
    return f"{finding.policy}/{finding.rule}" if finding.rule else finding.policy
