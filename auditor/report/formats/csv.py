"""A row for each finding, for spreadsheets. No cell can be taken for a formula."""

import csv
import io
from typing import Final

from auditor.intake.judged import Judged
from auditor.intake.printable import clean
from auditor.model.finding import Finding
from auditor.report.results import Results

HEADS: Final = (
    *("result", "severity", "policy", "rule", "message"),
    *("apiVersion", "kind", "namespace", "name", "path", "file", "line", "column"),
    *("remediation", "controls", "exception", "known", "fingerprint"),
)
FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 spreadsheets of East Asia take the wide ones, too


def write(results: Results) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADS)
    for row in results.rows():
        writer.writerow(map(guard, _list_cells(results, *row)))
    return text.getvalue()


def _list_cells(results: Results, judged: Judged, finding: Finding) -> list[str]:
    subject, at, file = judged.subject, judged.position_of(finding), judged.place.file
    return [
        str(finding.result),
        str(finding.severity),
        finding.policy,
        finding.rule,
        finding.message,
        subject.api_version,
        subject.kind,
        subject.namespace,
        subject.name,
        finding.path,
        file,
        str(at.line) if file else "",
        str(at.column) if file else "",
        finding.remediation,
        ", ".join(finding.controls),
        finding.exception,
        ("yes" if results.knows(finding) else "no") if results.comparison is not None else "",
        finding.fingerprint,
    ]


def guard(cell: str) -> str:
    """With an apostrophe before what a spreadsheet would take for a formula, as they mark texts themselves."""
    text = clean(cell)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
