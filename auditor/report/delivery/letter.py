"""A compliance report as a parcel: its subject, some lines of text, the words that templates know, and its forms."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from auditor.report.compliance.cells import Percent, Points, show
from auditor.report.compliance.formats import FORMATS
from auditor.report.compliance.formats.json import make_digest
from auditor.report.compliance.tree import Compliance
from auditor.report.delivery.parcel import Parcel, Sheet, Word

PLACES: Final = ("schedule", "audience")
"""What receivers and folders may depend on: a report has no say in where it goes."""
WORDS: Final = (
    *PLACES,
    *("subject", "text", "cluster", "period", "start", "end", "due", "digest", "complete"),
    *("percent", "change", "violations", "warnings", "errors", "excused", "overdue", "opened", "resolved"),
)
_ENDINGS: Final = {"html": "html", "markdown": "md", "csv": "csv", "json": "json"}
_MEDIA: Final = {"html": "text/html", "markdown": "text/markdown", "csv": "text/csv", "json": "application/json"}


def write_letter(
    report: Compliance, *, key: str, schedule: str, audience: str, due: datetime, formats: Iterable[str]
) -> Parcel:
    opened, moved = report.open, report.movement
    who = f" of {audience}" if audience else ""
    subject = f"Compliance{who} in {report.cluster.label}: {show(Percent(report.percent))}"
    text = "\n".join(_write_text(report, audience))
    words: dict[str, Word] = {
        "schedule": schedule,
        "audience": audience,
        "subject": subject,
        "text": text,
        "cluster": report.cluster.label,
        "period": str(report.period),
        "start": _tell(report.period.start),
        "end": _tell(report.period.end),
        "due": _tell(due),
        "digest": digest_of(report),
        "complete": report.complete,
        "percent": report.percent,
        "change": report.change,
        "violations": None if opened is None else opened.violations,
        "warnings": None if opened is None else opened.warnings,
        "errors": None if opened is None else opened.errors,
        "excused": None if opened is None else opened.excused,
        "overdue": None if opened is None else opened.overdue,
        "opened": None if moved is None else moved.opened + moved.reopened,
        "resolved": None if moved is None else moved.resolved,
    }
    return Parcel(
        key=key,
        series=f"{schedule}@{audience}" if audience else schedule,  # no name of either has that character
        at=due,
        subject=subject,
        text=text,
        words=words,
        sheets=tuple(_write_sheet(report, each) for each in formats),
    )


def digest_of(report: Compliance) -> str:
    return f"sha256:{make_digest(report)}"


def _write_sheet(report: Compliance, form: str) -> Sheet:
    return Sheet(ending=_ENDINGS[form], media=_MEDIA[form], content=FORMATS[form](report).encode())


def _write_text(report: Compliance, audience: str) -> Sequence[str]:
    """What fits on a telephone. What is not known is said to be: it is no 0."""
    opened, moved = report.open, report.movement
    lines = [
        f"Compliance{f' of {audience}' if audience else ''}, {report.cluster.label}, {report.period}",
        f"Passes of what was evaluated: {show(Percent(report.percent))}.",
        f"Change since the period before: {show(Points(report.change))}.",
        (
            "What is open is not known any more."
            if opened is None
            else f"Open: {opened.violations} violations ({opened.overdue} overdue), {opened.warnings} warnings, "
            f"{opened.errors} errors, {opened.excused} excused."
        ),
    ]
    if moved is not None:
        lines.append(f"New: {moved.opened}, reopened: {moved.reopened}, resolved: {moved.resolved}.")
    if not report.complete:
        lines.append("Not all of it was evaluated, or is known: the report says what is missing.")
    return [*lines, f"Digest: {digest_of(report)}"]


def _tell(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
