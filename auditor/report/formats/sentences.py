"""What a finding says, in sentences that several formats share."""

from auditor.model.finding import Finding, Result


def tell(finding: Finding) -> str:
    """The message, or what stands for one."""
    if finding.message:
        return finding.message
    return "passed" if finding.result is Result.PASS else "violated"


def advise(finding: Finding) -> str:
    """What to do, or why nothing need be done."""
    return f"excused by {finding.exception}" if finding.exception else finding.remediation


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
