"""How bad a finding is in the words of tools that know three levels."""

from typing import Final

from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity

_OF_SEVERITY: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}


def level_of_severity(severity: Severity) -> str:
    return _OF_SEVERITY[severity]


def level_of(finding: Finding) -> str:
    """error, warning, note or none. What could not be evaluated is as bad as can be; what is only warned of is never
    more than a warning; what is excused is as bad as it would be."""
    if finding.result is Result.PASS:
        return "none"
    if finding.result is Result.ERROR:
        return "error"
    level = _OF_SEVERITY[finding.severity]
    return "warning" if finding.result is Result.WARN and level == "error" else level
